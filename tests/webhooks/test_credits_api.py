"""Taking units over HTTP: once for each request id, whole or refused, durable before it is answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from quota_core.access_keys import Scope
from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.catalog import Catalog
from quota_core.statements import Work, run
from tests.webhooks.running import ANA, BEN, PATIENCE_SECONDS, Running, closed, operator, running
from webhooks.server import Limits

CONSUME, BATCH = "/api/credits/consume", "/api/credits/batch"
USER = ANA.external_id
ONE = {"user_id": USER, "module": "requests", "request_id": "r-1"}
PROBLEM = "urn:jauge:problem:"


@pytest.fixture
async def key(alone: Running) -> dict[str, str]:
    """Return the headers of a service's key."""
    return await alone.key(Scope.QUOTA_CONSUME)


async def used(bot: Running, account: AccountRef = ANA) -> int:
    """Return how much of its day an account has used."""
    part = (await bot.balances.of(account)).of("requests")
    assert part is not None
    return part.windows[0].used


async def block(bot: Running, account: AccountRef) -> None:
    """Block an account that exists."""

    def work() -> Work[None]:
        yield run("UPDATE accounts SET status = 'blocked' WHERE external_id = $1", account.external_id)

    await bot.database.write(work)
    bot.book.forget()


async def test_the_documented_example(alone: Running, key: dict[str, str]) -> None:
    """What was taken from which pot, and what each has left."""
    alone.watch.to_noon()
    await alone.grants.add(ANA, 5, actor=operator(), reason="", key="grant")
    body = {**ONE, "units": 52, "action": "query"}
    status, answer, headers = await alone.ask("POST", CONSUME, json=body, headers=key)
    (entry,) = answer.pop("entry_ids")
    resets_at = answer["crossed"][0].pop("resets_at")

    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert answer == {
        "request_id": "r-1",
        "metric": "requests",
        "units": 52,
        "spent": {"allowance": 50, "purchased": 2, "overage": 0},
        "left": {"allowance": 0, "purchased": 3},
        "replayed": False,
        "crossed": [{"period": "day", "percent": 95, "used": 50, "limit": 50}],
    }
    assert isinstance(entry, int)
    assert resets_at.endswith("T00:00:00Z")


async def test_an_answer_has_the_headers_that_every_answer_has(alone: Running, key: dict[str, str]) -> None:
    """Though it is written past the server library's own."""
    _, _, ready = await alone.ask("POST", CONSUME, json=ONE, headers=key)
    _, _, ordinary = await alone.ask("GET", "/healthz", headers=key)

    assert set(ordinary) - set(ready) == set()
    assert ready["Server"] == ordinary["Server"] == "jauge"
    assert (ready["Cache-Control"], ready["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert ready["Date"].endswith(" GMT")
    assert ready["RateLimit"].startswith('"service";r=')
    assert ready["RateLimit-Policy"].startswith('"service";q=')


@pytest.mark.parametrize("line", ["HTTP/1.0", "HTTP/1.1"])
async def test_a_connection_that_ends_says_so(alone: Running, key: dict[str, str], line: str) -> None:
    """An answer to HTTP/1.0, or to who wants no other, is an ordinary one with the same content."""
    body = json.dumps(ONE)
    head = (
        f"POST {CONSUME} {line}\r\nHost: x\r\nAuthorization: {key['Authorization']}\r\nConnection: close\r\n"
    )
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    host, port = alone.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write((head + body).encode())
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read()
    writer.close()
    headers, _, content = answer.partition(b"\r\n\r\n")

    assert answer.startswith(line.encode() + b" 200 OK\r\n")
    assert (b"Connection: close" in headers) == (line == "HTTP/1.1")
    assert b"Server: jauge" in headers
    assert b'RateLimit: "service";r=' in headers
    assert json.loads(content)["units"] == 1


async def test_requests_in_one_go_are_answered_in_order(alone: Running, key: dict[str, str]) -> None:
    """Pipelining: the second answer does not overtake the first."""
    sent = b""
    for number in range(5):
        body = json.dumps({**ONE, "request_id": f"r-{number}"})
        head = f"POST {CONSUME} HTTP/1.1\r\nHost: x\r\nAuthorization: {key['Authorization']}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        sent += (head + ("Connection: close\r\n" if number == 4 else "") + "\r\n" + body).encode()
    host, port = alone.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = (await reader.read()).decode()
    writer.close()

    assert [answer.find(f'"r-{number}"') for number in range(5)] == sorted(
        answer.find(f'"r-{number}"') for number in range(5)
    )
    assert answer.count("HTTP/1.1 200 OK") == 5
    assert await used(alone) == 5


@pytest.mark.parametrize(
    "body",
    [
        *({"user_id": int(USER)}, {"user_id": f"user:{USER}"}, {"metric": "requests"}, {"units": 1}),
        *({"action": ""}, {"action": "x" * 200}, {"action": "requête \n"}, {"request_id": "é" * 200}),
    ],
)
async def test_each_spelling_of_one_operation(
    alone: Running, key: dict[str, str], body: dict[str, Any]
) -> None:
    """Ids as numbers or strings, `module` or `metric`; what is left out has its default."""
    plain = {"user_id": USER, "request_id": "r-1"}
    status, answer, _ = await alone.ask("POST", CONSUME, json=plain | body, headers=key)

    assert (status, answer["metric"], answer["units"]) == (200, "requests", 1)
    assert answer["request_id"] == (plain | body)["request_id"]
    assert await used(alone) == 1


async def test_the_same_request_gets_the_same_answer_and_is_charged_once(
    alone: Running, key: dict[str, str]
) -> None:
    """Marked as a replay; `action` is no part of what the operation is."""
    _, first, _ = await alone.ask("POST", CONSUME, json=ONE, headers=key)
    await alone.ask("POST", CONSUME, json={**ONE, "request_id": "r-2"}, headers=key)
    status, again, _ = await alone.ask("POST", CONSUME, json={**ONE, "action": "again"}, headers=key)

    assert (status, first["replayed"], again["replayed"]) == (200, False, True)
    assert again == first | {"replayed": True}
    assert await used(alone) == 2


async def test_the_same_request_id_with_other_content_is_a_409(alone: Running, key: dict[str, str]) -> None:
    """And for another account it is another request."""
    await alone.ask("POST", CONSUME, json=ONE, headers=key)
    status, answer, _ = await alone.ask("POST", CONSUME, json={**ONE, "units": 2}, headers=key)
    other, _, _ = await alone.ask("POST", CONSUME, json={**ONE, "user_id": "200"}, headers=key)

    assert (status, answer["type"], other) == (409, PROBLEM + "conflicting-replay", 200)
    assert await used(alone) == 1


async def test_copies_that_race_are_charged_once(alone: Running, key: dict[str, str]) -> None:
    """Twenty connections send one request; one is charged, the rest learn that it was."""
    answers = await asyncio.gather(
        *(alone.ask("POST", CONSUME, json={**ONE, "units": 3}, headers=key) for _ in range(20))
    )

    assert {status for status, _, _ in answers} == {200}
    assert sorted(answer["replayed"] for _, answer, _ in answers) == [False] + [True] * 19
    assert len({tuple(answer["entry_ids"]) for _, answer, _ in answers}) == 1
    assert await used(alone) == 3


async def test_an_exhausted_quota_is_a_429_that_says_when_to_come_again(
    alone: Running, key: dict[str, str]
) -> None:
    """Nothing is taken, and the same request may succeed once the day has turned."""
    alone.watch.to_noon()
    await alone.ask("POST", CONSUME, json={**ONE, "units": 49}, headers=key)
    big = {**ONE, "request_id": "r-2", "units": 2}
    status, answer, headers = await alone.ask("POST", CONSUME, json=big, headers=key)
    alone.watch.ahead_ms += 24 * 3_600_000
    later, _, _ = await alone.ask("POST", CONSUME, json=big, headers=key)

    assert (status, answer["type"]) == (429, PROBLEM + "out-of-quota")
    assert 12 * 3600 - 60 <= int(headers["Retry-After"]) <= 12 * 3600
    assert (answer["metric"], answer["units_asked"], answer["units_left"]) == ("requests", 2, 1)
    assert (answer["plan"], answer["resets_at"][10:]) == ("free", "T00:00:00Z")
    assert headers["Content-Type"] == "application/problem+json"
    assert (later, await used(alone)) == (200, 2)


async def test_more_than_a_plan_ever_gives_names_no_time(alone: Running, key: dict[str, str]) -> None:
    """Waiting would not help."""
    status, answer, headers = await alone.ask("POST", CONSUME, json={**ONE, "units": 51}, headers=key)

    assert (status, answer["resets_at"]) == (429, None)
    assert "Retry-After" not in headers


async def test_a_blocked_account_is_a_403(alone: Running, key: dict[str, str]) -> None:
    """Whatever it has left."""
    await alone.ask("POST", CONSUME, json=ONE, headers=key)
    await block(alone, ANA)
    status, answer, _ = await alone.ask("POST", CONSUME, json={**ONE, "request_id": "r-2"}, headers=key)

    assert (status, answer["type"]) == (403, PROBLEM + "account-blocked")
    assert await used(alone) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"module": "nope"}, (404, "unknown-metric", None)),
        ({"module": "x" * 201}, (422, "invalid-body", "module")),
        ({"module": ""}, (422, "invalid-body", "module")),
        ({"module": None}, (422, "invalid-body", "module")),
        ({"metric": "requests"}, (422, "invalid-body", "")),
        ({"request_id": ""}, (422, "invalid-body", "request_id")),
        ({"request_id": "x" * 201}, (422, "invalid-body", "request_id")),
        ({"request_id": 7}, (422, "invalid-body", "request_id")),
        ({"request_id": "\ud800"}, (422, "invalid-body", "request_id")),
        ({"units": 0}, (422, "amount-out-of-bounds", None)),
        ({"units": -1}, (422, "amount-out-of-bounds", None)),
        ({"units": 2**53}, (422, "amount-out-of-bounds", None)),
        ({"units": 10**19}, (422, "amount-out-of-bounds", None)),
        ({"units": 1.0}, (422, "invalid-body", "units")),
        ({"units": "1"}, (422, "invalid-body", "units")),
        ({"units": True}, (422, "invalid-body", "units")),
        ({"units": None}, (422, "invalid-body", "units")),
        ({"action": "x" * 201}, (422, "invalid-body", "action")),
        ({"action": 1}, (422, "invalid-body", "action")),
        ({"user_id": ""}, (422, "invalid-body", "user_id")),
        ({"user_id": 0}, (422, "invalid-body", "user_id")),
        ({"user_id": True}, (422, "invalid-body", "user_id")),
        ({"user_id": [USER]}, (422, "invalid-body", "user_id")),
        ({"user_id": "0"}, (400, "invalid-account", None)),
        ({"user_id": "a b"}, (400, "invalid-account", None)),
        ({"user_id": "me"}, (404, "unknown-account", None)),
        ({"price": 0}, (422, "invalid-body", "price")),
    ],
    ids=str,
)
async def test_each_malformed_field_is_named(
    alone: Running, key: dict[str, str], change: dict[str, Any], expected: tuple[int, str, str | None]
) -> None:
    """Alone and in a batch alike, and nothing is taken."""
    status, slug, at = expected
    body = ONE | change
    answered, answer, _ = await alone.ask("POST", CONSUME, json=body, headers=key)
    good = {**ONE, "request_id": "good"}
    _, batch, _ = await alone.ask("POST", BATCH, json={"operations": [body, good]}, headers=key)
    places = {one["at"].partition(".")[0] for one in answer.get("errors", [])}

    assert (answered, answer["type"]) == (status, PROBLEM + slug)
    assert [one["status"] for one in batch["results"]] == [status, 200]
    assert batch["results"][0]["type"] == PROBLEM + slug
    assert places == (set() if at is None else {at})
    assert await used(alone) == 1


async def test_a_request_without_its_required_fields(alone: Running, key: dict[str, str]) -> None:
    """A service's key must say who pays; every request says which it is."""
    nobody, answer, _ = await alone.ask("POST", CONSUME, json={"request_id": "r"}, headers=key)
    nameless, _, _ = await alone.ask("POST", CONSUME, json={"user_id": USER}, headers=key)

    assert (nobody, nameless) == (422, 422)
    assert answer["errors"][0]["at"] == "user_id"


@pytest.mark.parametrize("path", [CONSUME, BATCH])
async def test_taking_needs_its_own_scope(alone: Running, path: str) -> None:
    """A key that may look, buy or administrate may not take."""
    others = await alone.key(*(scope for scope in Scope if scope != Scope.QUOTA_CONSUME))
    body = ONE if path == CONSUME else {"operations": [ONE]}
    status, answer, headers = await alone.ask("POST", path, json=body, headers=others)
    without, _, challenged = await alone.ask("POST", path, json=body)
    wrong = {"Authorization": "Bearer jauge_000000000000_" + "A" * 43}
    unknown, _, _ = await alone.ask("POST", path, json=body, headers=wrong)

    assert (status, without, unknown) == (403, 401, 401)
    assert answer["type"] == PROBLEM + "insufficient-scope"
    assert 'scope="quota:consume"' in headers["WWW-Authenticate"]
    assert challenged["WWW-Authenticate"].startswith("Bearer realm=")
    assert await alone.rows("SELECT * FROM accounts") == []


async def test_a_key_of_one_account_takes_from_it_alone(alone: Running) -> None:
    """It may leave its account out, or name it; another one does not exist for it."""
    own = await alone.key(Scope.QUOTA_CONSUME, account=ANA)
    left_out = {"request_id": "a"}
    statuses = []
    for number, user in enumerate((None, "me", USER, f"user:{USER}", "200", "project:x")):
        body = left_out | {"request_id": f"r-{number}"} | ({} if user is None else {"user_id": user})
        status, _, headers = await alone.ask("POST", CONSUME, json=body, headers=own)
        statuses.append(status)

    assert statuses == [200, 200, 200, 200, 404, 404]
    assert headers["RateLimit"].startswith('"key";r=')
    assert (await used(alone), await used(alone, BEN)) == (4, 0)


async def test_a_revoked_key_is_refused_within_a_second(alone: Running) -> None:
    """It is remembered for less than that; one that ended is refused at once."""
    service = await alone.key(Scope.QUOTA_CONSUME)
    token = await alone.keys.create("short", [Scope.QUOTA_CONSUME], expires_ms=alone.watch() + 60_000)
    short = {"Authorization": f"Bearer {token}"}
    before = [(await alone.ask("POST", CONSUME, json=ONE, headers=one))[0] for one in (service, short)]
    await alone.keys.revoke(service["Authorization"].split("_")[1])
    alone.watch.ahead_ms += 1000
    revoked, answer, _ = await alone.ask("POST", CONSUME, json=ONE, headers=service)
    alone.watch.ahead_ms += 60_000
    ended, _, _ = await alone.ask("POST", CONSUME, json=ONE, headers=short)

    assert before == [200, 200]
    assert (revoked, ended) == (401, 401)
    assert answer["type"] == PROBLEM + "unauthorized"


async def test_each_kind_of_key_has_its_budget(tmp_path: Path, catalog: Catalog) -> None:
    """A service's own, larger one; an account's key has that of the API; both say when to come again."""
    async with running(tmp_path, catalog, limits=Limits(key=2, service=3)) as bot:
        service, own = await bot.key(Scope.QUOTA_CONSUME), await bot.key(Scope.QUOTA_CONSUME, account=ANA)
        of_service = [await bot.ask("POST", CONSUME, json=ONE, headers=service) for _ in range(5)]
        of_own = [(await bot.ask("POST", CONSUME, json=ONE, headers=own))[0] for _ in range(4)]
        bot.watch.ahead_ms += 61_000
        later, _, _ = await bot.ask("POST", CONSUME, json=ONE, headers=service)

    assert [status for status, _, _ in of_service] == [200, 200, 200, 429, 429]
    assert of_service[3][1]["type"] == PROBLEM + "too-many-requests"
    assert 1 <= int(of_service[3][2]["Retry-After"]) <= 60
    assert of_own == [200, 200, 429, 429]
    assert later == 200


async def test_guessing_is_bounded_by_address_and_stops_no_service(tmp_path: Path, catalog: Catalog) -> None:
    """A key that was good a moment ago does not pay for the guesses from its own address."""
    async with running(tmp_path, catalog, limits=Limits(address=3)) as bot:
        service, own = await bot.key(Scope.QUOTA_CONSUME), await bot.key(Scope.QUOTA_CONSUME, account=ANA)
        first, _, _ = await bot.ask("POST", CONSUME, json=ONE, headers=service)
        guess = {"Authorization": "Bearer jauge_000000000000_" + "A" * 43}
        guesses = [(await bot.ask("POST", CONSUME, json=ONE, headers=guess))[0] for _ in range(2)]
        guesses += [(await bot.ask("POST", CONSUME, json=ONE))[0] for _ in range(2)]
        unseen, _, _ = await bot.ask("POST", CONSUME, json=ONE, headers=own)
        bot.watch.ahead_ms += 1000
        goes_on, _, _ = await bot.ask("POST", CONSUME, json=ONE, headers=service)

    assert (first, guesses) == (200, [401, 401, 429, 429])
    assert (unseen, goes_on) == (429, 200)


@pytest.mark.parametrize(("path", "size_bytes"), [(CONSUME, 16 * 1024 + 1), (BATCH, 512 * 1024 + 1)])
async def test_a_body_beyond_the_limit_is_a_413(
    alone: Running, key: dict[str, str], path: str, size_bytes: int
) -> None:
    """Announced, or chunk by chunk."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(size_bytes // 1024 + 1):
            yield b" " * 1024

    headers = {**key, "Content-Type": "application/json"}
    announced, _, _ = await alone.ask("POST", path, data=b" " * size_bytes, headers=headers)
    chunked, answer, _ = await alone.ask("POST", path, data=chunks(), headers=headers)

    assert (announced, chunked, answer["type"]) == (413, 413, PROBLEM + "body-too-large")


@pytest.mark.parametrize("path", [CONSUME, BATCH])
@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "application/json; charset=utf-16"}, b"{}", 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"{}", 415),
        ({"Content-Type": "application/json"}, b"", 400),
        ({"Content-Type": "application/json"}, b'{"request_id": "a", "request_id": "b"}', 400),
        ({"Content-Type": "application/json"}, b'{"operations": [{"units": 1, "units": 2}]}', 400),
        ({"Content-Type": "application/json"}, b"\xff", 400),
        ({"Content-Type": "application/json; charset=UTF-8"}, b"[]", 422),
    ],
)
async def test_bodies_are_as_strict_as_everywhere(
    alone: Running, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    """The quick way knows no other JSON than the slow one."""
    key = await alone.key(Scope.QUOTA_CONSUME)
    answered, answer, _ = await alone.ask("POST", path, data=body, headers={**key, **headers})

    assert (answered, answer["status"]) == (status, status)


@pytest.mark.parametrize("path", [CONSUME, BATCH])
async def test_a_body_that_never_comes_is_a_408(
    alone: Running, key: dict[str, str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is shortened here; the connection ends."""
    monkeypatch.setattr("webhooks.credits_api.CONSUME_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr("webhooks.credits_api.BATCH_TIMEOUT_SECONDS", 0.1)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {key['Authorization']}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    host, port = alone.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode())
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"urn:jauge:problem:slow-body" in answer
    assert b"Connection: close" in answer


async def test_a_failure_nobody_foresaw_is_a_500_with_an_id(
    alone: Running, key: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing of its cause."""

    def fail(*_: object, **__: object) -> Spend:
        raise RuntimeError("canary")

    monkeypatch.setattr(alone.quota, "operation", fail)
    monkeypatch.setattr(alone.quota, "operations", fail)
    for path, body in ((CONSUME, ONE), (BATCH, {"operations": [ONE]})):
        status, answer, headers = await alone.ask("POST", path, json=body, headers=key)

        assert (status, answer["type"]) == (500, PROBLEM + "internal-error")
        assert "canary" not in json.dumps(answer)
        assert f"error id {answer['error_id']}" in caplog.text
        assert headers["Server"] == "jauge"


async def test_stopping_lets_operations_under_way_finish(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that the server has are answered before it ends, and their connections take no others."""
    begun, go = asyncio.Event(), asyncio.Event()
    async with aiohttp.ClientSession() as http:
        async with running(tmp_path, catalog) as bot:
            consume = bot.quota.consume

            async def held(*arguments: Any, **options: Any) -> Spend:
                begun.set()
                await go.wait()
                return await consume(*arguments, **options)

            async def let_go() -> None:
                await closed(bot.url)
                go.set()

            monkeypatch.setattr(bot.quota, "consume", held)
            headers = await bot.key(Scope.QUOTA_CONSUME)
            sent = asyncio.ensure_future(http.post(bot.url + CONSUME, json=ONE, headers=headers))
            await begun.wait()
            letting = asyncio.ensure_future(let_go())
        await letting
        answer = await sent
        body = await answer.json()

    assert (answer.status, body["units"]) == (200, 1)
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Server"] == "jauge"


async def test_a_caller_that_goes_away_has_still_spent(
    alone: Running, key: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was begun is finished, and the same request gets its answer; nothing is logged as our fault."""
    begun, gone, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    consume = alone.quota.consume

    async def held(*arguments: Any, **options: Any) -> Spend:
        begun.set()
        await gone.wait()
        try:
            return await consume(*arguments, **options)
        finally:
            done.set()

    monkeypatch.setattr(alone.quota, "consume", held)
    body = json.dumps(ONE)
    head = f"POST {CONSUME} HTTP/1.1\r\nHost: x\r\nAuthorization: {key['Authorization']}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    host, port = alone.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write((head + body).encode())
    await begun.wait()
    writer.transport.abort()
    gone.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await done.wait()
    status, answer, _ = await alone.ask("POST", CONSUME, json=ONE, headers=key)

    assert (status, answer["replayed"]) == (200, True)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
