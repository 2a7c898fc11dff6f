"""Who may call the API, about whom, and how often."""

from pathlib import Path

import pytest

from quota_core.access_keys import Scope
from quota_core.catalog import Catalog
from tests.webhooks.running import ANA, BEN, Running, running
from webhooks.budgets import Budget
from webhooks.problems import ProblemError
from webhooks.server import Limits

READ, BUY = f"/api/quota/{ANA.external_id}", "/api/quota/checkout"
MANY = 20
BODY = {"user_id": ANA.external_id, "package_id": "quota_100"}


async def statuses(bot: Running, headers: dict[str, str]) -> tuple[int, int]:
    """Return the statuses of reading Ana's quota and of buying for her."""
    read, _, _ = await bot.ask("GET", READ, headers=headers)
    bought, _, _ = await bot.ask("POST", BUY, json=BODY, headers=headers)
    return read, bought


@pytest.mark.parametrize(
    "authorization",
    [
        *("", "Bearer", "Bearer ", "Basic amF1Z2U6", "Bearer jauge_000000000000_" + "A" * 43),
        *("Bearer jauge_x", "jauge_000000000000_" + "A" * 43, "Bearer é", "Bearer " + "x" * 4000),
    ],
)
async def test_without_a_valid_key_every_call_is_a_401(bot: Running, authorization: str) -> None:
    """With the challenge that says what is wanted; nothing is opened."""
    headers = {"Authorization": authorization}
    _, answer, answered = await bot.ask("GET", READ, headers=headers)

    assert await statuses(bot, headers) == (401, 401)
    assert answered["WWW-Authenticate"].startswith('Bearer realm="jauge"')
    assert answer["type"] == "urn:jauge:problem:unauthorized"
    assert await bot.rows("SELECT * FROM orders") == []


async def test_a_key_in_the_address_is_no_key(bot: Running) -> None:
    """Addresses end up in logs."""
    headers = await bot.key()
    token = headers["Authorization"].partition(" ")[2]
    status, _, _ = await bot.ask("GET", f"{READ}?api_key={token}&access_token={token}")

    assert status == 401


async def test_each_call_needs_its_scope(bot: Running) -> None:
    """And says which one is missing."""
    reader, buyer = await bot.key(Scope.QUOTA_READ), await bot.key(Scope.CHECKOUT_CREATE)
    neither = await bot.key(Scope.ADMIN_READ, Scope.ADMIN_WRITE, Scope.QUOTA_CONSUME)
    _, answer, headers = await bot.ask("GET", READ, headers=buyer)

    assert await statuses(bot, reader) == (200, 403)
    assert await statuses(bot, buyer) == (403, 200)
    assert await statuses(bot, neither) == (403, 403)
    assert answer["type"] == "urn:jauge:problem:insufficient-scope"
    assert 'scope="quota:read"' in headers["WWW-Authenticate"]


async def test_a_key_of_one_account_knows_no_other(bot: Running) -> None:
    """404, the same whether the other account exists or not."""
    await bot.buy(ANA)
    ben = await bot.key(account=BEN)
    _, existing, _ = await bot.ask("GET", READ, headers=ben)
    _, missing, _ = await bot.ask("GET", "/api/quota/12345", headers=ben)
    own, _, _ = await bot.ask("GET", f"/api/quota/{BEN.external_id}", headers=ben)

    assert await statuses(bot, ben) == (404, 404)
    assert existing == missing
    assert own == 200
    assert await bot.rows("SELECT count(*) FROM orders") == [(1,)]


async def test_me_is_the_account_of_the_key(bot: Running) -> None:
    """A service's key is nobody."""
    own, _, _ = await bot.ask("GET", "/api/quota/me", headers=await bot.key(account=ANA))
    service, _, _ = await bot.ask("GET", "/api/quota/me", headers=await bot.key())
    bought, answer, _ = await bot.ask(
        "POST", BUY, json={**BODY, "user_id": "me"}, headers=await bot.key(account=ANA)
    )

    assert (own, service, bought) == (200, 404, 200)
    assert answer["amount"] == 100


async def test_a_revoked_or_ended_key_is_refused_at_the_next_request(bot: Running) -> None:
    """There is no cache to wait for."""
    revoked = await bot.key()
    token = await bot.keys.create("short", tuple(Scope), expires_ms=bot.watch() + 60_000)
    ended = {"Authorization": f"Bearer {token}"}
    before = await statuses(bot, revoked), await statuses(bot, ended)
    await bot.keys.revoke(revoked["Authorization"].split("_")[1])
    bot.watch.ahead_ms += 60_000

    assert before == ((200, 200), (200, 200))
    assert await statuses(bot, revoked) == (401, 401)
    assert await statuses(bot, ended) == (401, 401)


async def test_beyond_its_share_a_key_is_told_when_to_come_again(tmp_path: Path, catalog: Catalog) -> None:
    """429 with Retry-After; other keys go on; a minute later it is served again."""
    async with running(tmp_path, catalog, limits=Limits(key=3)) as bot:
        eager, other = await bot.key(), await bot.key()
        answers = [await bot.ask("GET", READ, headers=eager) for _ in range(5)]
        calm, _, _ = await bot.ask("GET", READ, headers=other)
        bot.watch.ahead_ms += 61_000
        later, _, _ = await bot.ask("GET", READ, headers=eager)

    assert [status for status, _, _ in answers] == [200, 200, 200, 429, 429]
    assert answers[0][2]["RateLimit-Policy"] == '"key";q=3;w=60'
    assert answers[0][2]["RateLimit"].startswith('"key";r=2;t=')
    assert answers[3][1]["type"] == "urn:jauge:problem:too-many-requests"
    assert 1 <= int(answers[3][2]["Retry-After"]) <= 60
    assert answers[3][2]["RateLimit"].startswith('"key";r=0;t=')
    assert (calm, later) == (200, 200)


async def test_guessing_keys_is_bounded_by_address(tmp_path: Path, catalog: Catalog) -> None:
    """Before any key is looked up, so that a good key does not help the guesser either."""
    async with running(tmp_path, catalog, limits=Limits(address=3)) as bot:
        good = await bot.key()
        guesses = [(await bot.ask("GET", READ, headers={}))[0] for _ in range(5)]
        status, _, _ = await bot.ask("GET", READ, headers=good)

    assert guesses == [401, 401, 401, 429, 429]
    assert status == 429


async def test_by_default_nobody_chooses_the_address_it_is_counted_by(
    tmp_path: Path, catalog: Catalog
) -> None:
    """X-Forwarded-For is what its sender likes it to be."""
    async with running(tmp_path, catalog, limits=Limits(address=2)) as bot:
        answered = [
            (await bot.ask("GET", READ, headers={"X-Forwarded-For": f"203.0.113.{number}"}))[0]
            for number in range(4)
        ]

    assert answered == [401, 401, 429, 429]


async def counted(bot: Running, *forwarded: str) -> int:
    """Return the status of a call that came through these addresses."""
    status, _, _ = await bot.ask("GET", READ, headers=[("X-Forwarded-For", line) for line in forwarded])
    return status


async def test_behind_a_trusted_proxy_callers_are_told_apart(tmp_path: Path, catalog: Catalog) -> None:
    """By the last address that no trusted proxy added; what stands before it is not looked at."""
    proxies = ("127.0.0.1", "10.0.0.0/8")
    async with running(tmp_path, catalog, limits=Limits(address=1), trusted_proxies=proxies) as bot:
        ana = [await counted(bot, "203.0.113.1"), await counted(bot, "203.0.113.1, 10.1.2.3")]
        forged = [await counted(bot, f"198.51.100.{number}, 203.0.113.1") for number in range(3)]
        lines = await counted(bot, "198.51.100.7", "203.0.113.1, 10.9.9.9")
        ben = await counted(bot, "203.0.113.2")
        nonsense = [await counted(bot, text) for text in ("unknown", "1.2.3.4.5", "", ", ,", "é", "x" * 3000)]

    assert ana == [401, 429]
    assert forged == [429, 429, 429]
    assert lines == 429
    assert ben == 401
    assert nonsense == [401, 429, 429, 429, 429, 429]


async def test_an_ipv6_caller_is_its_network(tmp_path: Path, catalog: Catalog) -> None:
    """A /64 is one customer with more addresses than anybody can count; a mapped address is an IPv4 one."""
    async with running(tmp_path, catalog, limits=Limits(address=1), trusted_proxies=("127.0.0.1",)) as bot:
        answered = [
            await counted(bot, address)
            for address in (
                *("2001:db8:1:1::1", "2001:db8:1:1:ffff::2", "2001:db8:1:2::1"),
                *("203.0.113.9", "::ffff:203.0.113.9", "fe80::1%eth0"),
            )
        ]

    assert answered == [401, 429, 401, 401, 429, 401]


def test_a_proxy_that_is_no_address_is_refused_at_start(catalog: Catalog) -> None:
    """Rather than trusted by nobody."""
    from webhooks.budgets import Callers  # noqa: PLC0415 - the one use of it

    assert catalog
    with pytest.raises(ValueError, match="nonsense"):
        Callers(["nonsense"])


def test_the_table_of_callers_does_not_grow() -> None:
    """Ten thousand strangers cost no more than the table has places, and the newest are counted."""
    now_seconds = [0.0]
    budget = Budget("address", 1, monotonic=lambda: now_seconds[0], capacity=100)
    for number in range(10_000):
        budget.spend(f"caller {number}")
    with pytest.raises(ProblemError):
        budget.spend("caller 9999")
    full = len(budget)
    now_seconds[0] = 61.0
    budget.spend("caller 9999")

    assert full == 100
    assert len(budget) == 1


async def test_secrets_of_keys_are_stored_nowhere(bot: Running, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the database nor in the log."""
    headers = await bot.key()
    secret = headers["Authorization"].split("_", 2)[2]  # which may hold that character itself
    for _ in range(MANY):
        await bot.ask("GET", READ, headers={"Authorization": headers["Authorization"] + "x"})
    rows = await bot.rows("SELECT * FROM api_keys")

    assert secret not in str(rows)
    assert secret not in caplog.text
