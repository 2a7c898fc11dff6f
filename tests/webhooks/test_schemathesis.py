"""Requests made from the API's own description, sensible and not: no failure of ours, and answers as described."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from tests.webhooks.running import ANA, Running, running
from tests.webhooks.studio import studio
from webhooks.api_table import TABLE

EXAMPLES, EXAMPLES_OF_ALIASES = 60, 5
# Left out: what the description cannot say is refused (an account of no known spelling, an unknown id).
CHECKED = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_schema_conformance", "negative_data_rejection", "ignored_auth", "unsupported_method"),
    "missing_required_header",
)
OURS = {(route.method, route.path) for route in TABLE}


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Running]:
    """Return a served bot that nobody can buy from."""
    async with running(tmp_path, studio()) as served:
        await served.quota.consume(ANA, 5, key="k")
        yield served


def operations(bot: Running) -> Iterator[Any]:
    """Yield the described operations."""
    schema = schemathesis.openapi.from_url(f"{bot.url}/api/openapi.json")
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        yield found.ok()


def tried(operation: Any, headers: dict[str, str], check: Callable[[Any, Any], None]) -> None:
    """Try an operation with requests that are made from a fixed seed."""
    ours = (operation.method.upper(), operation.path) in OURS

    @seed(20_261_120)
    @settings(
        max_examples=EXAMPLES if ours else EXAMPLES_OF_ALIASES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        check(case, case.call(headers=headers))

    run()


async def test_every_operation_keeps_to_its_description(bot: Running) -> None:
    """With a key that may do everything; without it, the same is refused."""
    headers = await bot.key()
    load_all_checks()
    checks = [CHECKS.get_one(name) for name in CHECKED]
    seen = []

    def try_all() -> None:
        for operation in operations(bot):
            seen.append((operation.method.upper(), operation.path))
            tried(
                operation,
                headers,
                lambda case, answer: case.validate_response(answer, checks=checks, headers=headers),
            )

    await asyncio.to_thread(try_all)

    assert set(seen) == {(route.method, path) for route in TABLE for path in route.paths}


async def test_a_key_of_an_account_never_sees_another(bot: Running) -> None:
    """Whatever is asked with it: no answer names another account, and nothing moves but its own."""
    headers = await bot.key(account=ANA)

    def check(case: Any, answer: Any) -> None:
        assert answer.status_code < 500, case.as_curl_command()
        facts = answer.json() if answer.content else {}
        assert facts.get("user_id") in (None, str(ANA)), case.as_curl_command()
        assert not case.path.startswith("/api/admin/") or answer.status_code in (403, 405)

    def try_all() -> None:
        for operation in operations(bot):
            if (operation.method.upper(), operation.path) in OURS:
                tried(operation, headers, check)

    await asyncio.to_thread(try_all)
    owners = await bot.rows(
        "SELECT DISTINCT a.kind, a.external_id FROM entries e JOIN accounts a ON a.id = e.account"
    )

    assert owners == [tuple(ANA)]
