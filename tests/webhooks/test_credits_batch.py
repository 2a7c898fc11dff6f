"""Taking units for many at once: each operation has its own outcome, in order."""

import asyncio
import json
from typing import Any

import pytest

from quota_core.access_keys import Scope
from quota_core.accounts import AccountRef
from quota_core.errors import UnavailableError
from tests.webhooks.running import ANA, BEN, PATIENCE_SECONDS, Running

BATCH, CONSUME = "/api/credits/batch", "/api/credits/consume"
USER = ANA.external_id
PROBLEM = "urn:jauge:problem:"


@pytest.fixture
async def key(alone: Running) -> dict[str, str]:
    """Return the headers of a service's key."""
    return await alone.key(Scope.QUOTA_CONSUME)


def operation(request_id: str, **fields: Any) -> dict[str, Any]:
    """Return an operation of Ana's."""
    return {"user_id": USER, "request_id": request_id, **fields}


async def results(bot: Running, key: dict[str, str], *operations: Any) -> list[dict[str, Any]]:
    """Return the outcomes of a batch."""
    status, answer, headers = await bot.ask("POST", BATCH, json={"operations": operations}, headers=key)

    assert (status, headers["Content-Type"], list(answer)) == (200, "application/json", ["results"])
    found: list[dict[str, Any]] = answer["results"]
    return found


async def left(bot: Running, account: AccountRef) -> int | None:
    """Return what an account has left."""
    part = (await bot.balances.of(account)).of("requests")
    return None if part is None else part.total_left


async def test_each_operation_has_its_outcome_in_order(alone: Running, key: dict[str, str]) -> None:
    """A refusal stops nobody, not even later operations of the same account."""
    alone.watch.to_noon()
    found = await results(
        alone,
        key,
        operation("a", units=30),
        operation("b", units=30),
        operation("c", units=20, module="requests", action="query"),
        {"user_id": 200, "request_id": "a"},
        operation("d"),
        operation("e", metric="nope"),
    )

    assert [one["status"] for one in found] == [200, 429, 200, 200, 429, 404]
    assert [one.get("request_id") for one in found] == ["a", "b", "c", "a", "d", "e"]
    assert [found[place]["left"]["allowance"] for place in (0, 2, 3)] == [20, 0, 49]
    assert (found[1]["type"], found[1]["units_left"], found[1]["units_asked"]) == (
        PROBLEM + "out-of-quota",
        20,
        30,
    )
    assert 12 * 3600 - 60 <= found[1]["retry_after"] <= 12 * 3600
    assert found[2]["crossed"][0]["percent"] == 95
    assert "retry_after" not in found[5]


async def test_an_outcome_is_the_answer_that_consume_gives(alone: Running, key: dict[str, str]) -> None:
    """With its status."""
    (first,) = await results(alone, key, operation("a", units=2))
    _, alone_answer, _ = await alone.ask("POST", CONSUME, json=operation("a", units=2), headers=key)
    (again,) = await results(alone, key, operation("a", units=2))

    assert first == {"status": 200, **alone_answer, "replayed": False}
    assert again == first | {"replayed": True}


async def test_copies_in_one_batch_are_charged_once(alone: Running, key: dict[str, str]) -> None:
    """The first is charged; what has its request id and other content is a conflict."""
    found = await results(
        alone, key, operation("a", units=3), operation("a", units=3), operation("a", units=4), operation("b")
    )

    assert [one["status"] for one in found] == [200, 200, 409, 200]
    assert [one.get("replayed") for one in found] == [False, True, None, False]
    assert found[0]["entry_ids"] == found[1]["entry_ids"]
    assert found[2]["type"] == PROBLEM + "conflicting-replay"
    assert await left(alone, ANA) == 46


async def test_what_is_no_operation_gets_its_own_outcome(alone: Running, key: dict[str, str]) -> None:
    """The others go on."""
    strange: list[Any] = [
        None,
        7,
        "a",
        [],
        {},
        {"operations": []},
        operation("x", half="\ud800") | {"\ud800": 1},
    ]
    found = await results(alone, key, operation("a"), *strange, operation("b"))

    assert [one["status"] for one in found] == [200, *[422] * len(strange), 200]
    assert {one["type"] for one in found[1:-1]} == {PROBLEM + "invalid-body"}
    assert all(one["errors"] for one in found[1:-1])
    assert await left(alone, ANA) == 48


async def test_a_thousand_operations_are_the_most(alone: Running, key: dict[str, str]) -> None:
    """One more is refused as a whole; none is nothing to do."""
    many = [{"user_id": 1 + number % 50, "request_id": f"{'x' * 180}{number}"} for number in range(1001)]
    found = await results(alone, key, *many[:1000])
    status, answer, _ = await alone.ask("POST", BATCH, json={"operations": many}, headers=key)

    assert {one["status"] for one in found} == {200}
    assert [one["request_id"] for one in found] == [one["request_id"] for one in many[:1000]]
    assert (status, answer["type"], answer["errors"][0]["at"]) == (
        422,
        PROBLEM + "invalid-body",
        "operations",
    )
    assert await results(alone, key) == []
    assert await left(alone, AccountRef("user", "1")) == 30


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ([], ""),
        ({}, "operations"),
        ({"operations": None}, "operations"),
        ({"operations": {}}, "operations"),
        ({"operations": "a"}, "operations"),
        ({"operations": [], "other": 1}, "other"),
        (operation("a"), "user_id"),
    ],
)
async def test_what_is_no_batch_is_a_422(alone: Running, key: dict[str, str], body: Any, at: str) -> None:
    """As a whole, before anything is taken."""
    status, answer, _ = await alone.ask("POST", BATCH, json=body, headers=key)

    assert (status, answer["type"], answer["errors"][0]["at"]) == (422, PROBLEM + "invalid-body", at)
    assert await alone.rows("SELECT * FROM accounts") == []


async def test_a_key_of_one_account_takes_from_it_alone(alone: Running) -> None:
    """Other accounts do not exist for it, one by one."""
    own = await alone.key(Scope.QUOTA_CONSUME, account=ANA)
    found = await results(
        alone, own, {"request_id": "a"}, operation("b"), {"user_id": "200", "request_id": "c"}, operation("d")
    )

    assert [one["status"] for one in found] == [200, 200, 404, 200]
    assert (await left(alone, ANA), await left(alone, BEN)) == (47, 50)


async def test_batches_that_race_charge_each_operation_once(alone: Running, key: dict[str, str]) -> None:
    """Ten copies of one batch at once."""
    copies = [results(alone, key, *[operation(f"r-{number}") for number in range(4)]) for _ in range(10)]
    found = [one for batch in await asyncio.gather(*copies) for one in batch]

    assert {one["status"] for one in found} == {200}
    assert sorted(one["replayed"] for one in found) == [False] * 4 + [True] * 36
    assert await left(alone, ANA) == 46


async def test_a_ledger_that_cannot_be_written_refuses_the_whole_batch(
    alone: Running, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 and when to send the same again: nothing was taken."""

    async def fail(_: object) -> Any:
        raise UnavailableError("canary", retry_seconds=7)

    monkeypatch.setattr(alone.quota, "consume_many", fail)
    status, answer, headers = await alone.ask(
        "POST", BATCH, json={"operations": [operation("a")]}, headers=key
    )

    assert (status, answer["type"], headers["Retry-After"]) == (503, PROBLEM + "unavailable", "7")


async def test_a_caller_that_does_not_read_is_waited_for(alone: Running, key: dict[str, str]) -> None:
    """Answers beyond what a connection holds come whole and in order, once they are read."""
    many = [{"user_id": 1 + number % 50, "request_id": f"{'x' * 190}{number}"} for number in range(1000)]
    body = json.dumps({"operations": many}).encode()
    head = f"POST {BATCH} HTTP/1.1\r\nHost: x\r\nAuthorization: {key['Authorization']}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    host, port = alone.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for _ in range(7):
        writer.write(head.encode() + b"\r\n" + body)
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read()
    writer.close()

    assert len(answer) > 2_000_000
    assert answer.count(b"HTTP/1.1 200 OK") == 8
    assert (answer.count(b'"replayed":false'), answer.count(b'"replayed":true')) == (1000, 7000)
