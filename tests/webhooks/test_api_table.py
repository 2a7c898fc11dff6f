"""The table of operations: what is served is in it, what is in it is served, and it says the truth."""

import re
from pathlib import Path

import pytest
from aiohttp import web

from quota_core.access_keys import Scope
from tests.webhooks.running import ANA, Running
from webhooks import api_docs, health, pages, stripe_webhook
from webhooks.api_table import LATER, TABLE
from webhooks.openapi import document, statuses
from webhooks.route_table import Route, routes

# Pages for people, probes, Stripe's way in, and the description itself: no operations of the API.
BESIDE = {
    *(route.path for route in (*pages.routes(), *health.routes(), *api_docs.routes())),
    stripe_webhook.PATH,
}
EXAMPLES = {
    "account": ANA.external_id,
    "token": "t",
    "team": "t",
    "payment": "p",
    "resource": "r",
    "ticket": "1",
    "endpoint": "1",
    "delivery": "1",
}
# What the five documents name, as they spell it.
DOCUMENTED = [
    "GET /api/quota/{account}",
    "POST /api/quota/checkout",
    "POST /webhooks/stripe",
    "POST /usage-billing/topups/checkout",
    "POST /usage-billing/share",
    "GET /usage-billing/share/{token}",
    "POST /api/payments/{team}/initiate",
    "GET /api/payments/{team}/history",
    "GET /api/payments/{payment}/status",
    "POST /api/payments/callback",
    "POST /api/payments/{payment}/cancel",
    "GET /api/resources/{team}/available",
    "POST /api/resources/{team}/purchase",
    "GET /api/resources/{team}/list",
    "DELETE /api/resources/{team}/cancel/{resource}",
    "GET /api/resources/{team}/limits",
    "POST /api/support/{team}/tickets",
    "GET /api/support/{team}/tickets",
    "GET /api/support/{team}/tickets/{ticket}",
    "POST /api/support/{team}/tickets/{ticket}/messages",
    "GET /api/support/{team}/stats",
    "POST /billing/checkout",
    "GET /api/admin/billing/users",
    "POST /api/admin/billing/grant",
    "GET /api/admin/billing/stats",
    "GET /usage-billing/summary",
    "GET /usage-billing/summary/{account}",
    "GET /usage-billing/plans",
    "GET /usage-billing/topups/history",
    "GET /admin/analytics",
    "GET /share/quota/{token}",
    "GET /billing/",
    "GET /billing/admin.html",
    "GET /api/billing/me",
    "GET /api/billing/usage",
    "GET /api/billing/plans",
    "GET /api/billing/credit-costs",
    "POST /api/credits/reset-monthly",
    "POST /api/credits/check",
    "POST /api/credits/consume",
    "POST /usage-billing/check-quota",
]

PROBLEM = re.compile(
    r'(?:slug=|HTTPStatus\.\w+,\s*|refused\(\s*\d+,\s*)"([a-z-]+)"(?:\s*if [^"]+ else "([a-z-]+)")?'
)


def filled(path: str) -> str:
    """Return a path with something in place of each parameter."""
    return re.sub(r"\{(\w+)\}", lambda found: EXAMPLES[found[1]], path)


async def test_what_is_served_is_in_the_table_and_the_other_way_round(alone: Running) -> None:
    """But for the few that are no operations."""
    served = {(one.method, one.path) for one in routes(TABLE)} | {(one.method, one.path) for one in LATER}
    app = web.Application()
    app.add_routes(routes(TABLE))
    named = {(route.method, path) for route in TABLE for path in route.paths}
    seen = {
        (one.method, one.resource.canonical)
        for one in alone.app.router.routes()
        if one.resource is not None and one.method != "HEAD" and one.resource.canonical not in BESIDE
    }

    assert named <= served
    assert seen == served


def test_names_and_paths_are_there_once() -> None:
    """A generated client has one function for each."""
    names = [route.name for route in TABLE]
    paths = [(route.method, path) for route in TABLE for path in route.paths]

    assert len(set(names)) == len(names)
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("line", DOCUMENTED)
async def test_every_documented_path_is_answered(alone: Running, line: str) -> None:
    """By an answer, by a refusal that is about the request, or by the reason why there is no answer yet."""
    method, path = line.split()
    status, answer, _ = await alone.ask(method, filled(path), headers=await alone.key())
    later = {(one.method, one.path): one.reason for one in LATER}

    assert status not in (404, 405)
    assert (status == 501) == ((method, path) in later)
    if status == 501:
        assert answer["detail"] == later[method, path]
        assert answer["type"] == "urn:jauge:problem:not-implemented"


def test_every_path_that_is_still_to_come_is_a_documented_one() -> None:
    """The list holds promises of the documents and nothing else."""
    assert {f"{one.method} {one.path}" for one in LATER} <= set(DOCUMENTED)


@pytest.mark.parametrize("route", [route for route in TABLE if route.scope], ids=lambda route: route.name)
async def test_each_operation_needs_its_scope(alone: Running, route: Route) -> None:
    """A key with all the others is refused, on every path; no key is, too."""
    others = await alone.key(*(scope for scope in Scope if scope is not route.scope))
    for path in route.paths:
        refused, problem, _ = await alone.ask(route.method, filled(path), headers=others)
        unknown, _, _ = await alone.ask(route.method, filled(path))

        assert (refused, problem["type"]) == (403, "urn:jauge:problem:insufficient-scope")
        assert unknown == 401


async def test_a_key_may_come_in_the_documented_header(alone: Running) -> None:
    """`X-Admin-Key` is another place for the same key, and what `Authorization` says comes first."""
    token = (await alone.key())["Authorization"].partition(" ")[2]
    path = f"/api/quota/{ANA.external_id}"
    named, _, _ = await alone.ask("GET", path, headers={"X-Admin-Key": token})
    wrong, _, _ = await alone.ask("GET", path, headers={"X-Admin-Key": "secret"})
    first, _, _ = await alone.ask("GET", path, headers={"X-Admin-Key": token, "Authorization": "Bearer x"})

    assert (named, wrong, first) == (200, 401, 401)


async def test_a_service_may_name_its_user_in_a_header(alone: Running) -> None:
    """Whoever has a key of an account cannot speak for another one with it."""
    service, own = await alone.key(), await alone.key(account=ANA)
    body = {"request_id": "r", "units": 2}
    taken, _, _ = await alone.ask(
        "POST", "/api/credits/consume", json=body, headers=service | {"X-User-ID": "7"}
    )
    mine, _, _ = await alone.ask("POST", "/api/credits/consume", json=body, headers=own | {"X-User-ID": "8"})
    nobody, problem, _ = await alone.ask("POST", "/api/credits/consume", json=body, headers=service)
    _, seven, _ = await alone.ask("GET", "/api/quota/7", headers=service)
    _, eight, _ = await alone.ask("GET", "/api/quota/8", headers=service)

    assert (taken, mine, nobody) == (200, 200, 422)
    assert problem["errors"][0]["at"] == "user_id"
    assert (seven["daily_used"], eight["daily_used"]) == (2, 0)
    assert (await alone.balances.of(ANA)).metrics[0].windows[0].used == 2


async def test_what_is_polled_is_sent_once(alone: Running) -> None:
    """With the tag of what the caller has, 304 says that it still holds; after a change it comes again."""
    headers = await alone.key()
    path = f"/api/quota/{ANA.external_id}"
    _, _, answered = await alone.ask("GET", path, headers=headers)
    tag = {"If-None-Match": answered["ETag"]}
    async with alone.http.get(path, headers=headers | tag) as same:
        unchanged = (same.status, await same.read(), "RateLimit" in same.headers)
    await alone.quota.consume(ANA, key="k")
    changed, _, _ = await alone.ask("GET", path, headers=headers | tag)
    async with alone.http.get("/api/openapi.json") as first:
        again = {"If-None-Match": first.headers["ETag"]}
    async with alone.http.get("/api/openapi.json", headers=again) as second:
        described = second.status

    assert unchanged == (304, b"", True)
    assert (changed, described) == (200, 304)


async def test_the_description_names_every_operation(alone: Running) -> None:
    """As a document of OpenAPI 3.1 in which every reference leads somewhere."""
    _, served, _ = await alone.ask("GET", "/api/openapi.json")
    named = {(method.upper(), path) for path, methods in served["paths"].items() for method in methods}
    references = set(re.findall(r'"\$ref": ?"#/components/schemas/([^"]+)"', str(served).replace("'", '"')))

    assert served == document(TABLE)
    assert served["openapi"] == "3.1.0"
    assert named == {(route.method, path) for route in TABLE for path in route.paths}
    assert references <= set(served["components"]["schemas"])


async def test_the_page_shows_every_operation_and_loads_nothing(alone: Running) -> None:
    """Its policy allows no script and nothing from elsewhere."""
    async with alone.http.get("/api/docs") as answer:
        page, policy = await answer.text(), answer.headers["Content-Security-Policy"]

    assert all(path in page for route in TABLE for path in route.paths)
    assert page.count("<details") == len(TABLE)
    assert "another name" not in page
    assert "`" not in page
    assert "<script" not in page
    assert "http" not in re.sub(r'href="/[^"]*"', "", page)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_the_written_description_names_every_path() -> None:
    """docs/http.md knows each path, its aliases included, and those that are still to come."""
    text = Path("docs/http.md").read_text(encoding="utf-8")
    paths = [path for route in TABLE for path in route.paths] + [one.path for one in LATER]

    assert [path for path in paths if path not in text] == []


def test_every_type_of_problem_is_described() -> None:
    """docs/http.md lists each stable name that the edge can answer, and none that it cannot."""
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(Path("webhooks").glob("*.py")))
    found = {name for pair in PROBLEM.findall(source) for name in pair if name}
    table = Path("docs/http.md").read_text(encoding="utf-8").partition("## Types of problems")[2]

    assert found == set(re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE))


def test_statuses_follow_from_what_a_route_needs() -> None:
    """A key, a body, a query and an account each bring their refusals."""
    consume = next(route for route in TABLE if route.name == "consume")

    assert {400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503} <= set(statuses(consume))
