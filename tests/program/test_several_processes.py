"""Several processes on one PostgreSQL database: HTTP processes, one that talks to Discord, and its stand-by."""

import asyncio
import signal
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import aiohttp
import pytest

from sandbox.places import MEMBER_ID, OPERATOR_ID
from tests.program.place import Bot, Place, text_of
from tests.program.process import Program
from tests.program.shared_rows import rows_of

EXIT_IN_USE, EXIT_CONFIG = 75, 78
SLACK_SECONDS = 30  # a busy machine answers late; nothing else would ever refuse the key
TAKE_OVER_SECONDS = 120  # a lease of fifteen, and room for a busy machine
HTTP = ("--only", "http")
MESSAGES: dict[str, Any] = {"path": r"/channels/\d+/messages$", "method": "POST"}
ELSEWHERE = {"PUBLIC_URL": "http://127.0.0.1:9"}
"""A process that serves no pages must know where they are."""


async def readiness(program: Program) -> dict[str, dict[str, str]]:
    """Return what a process says of itself, by the name of each check."""
    facts = await program.ready()
    async with aiohttp.ClientSession(facts["http"]) as session, session.get("/readyz") as answer:
        return {one["name"]: one for one in (await answer.json())["checks"]}


async def well(program: Program) -> None:
    """Wait until a process is connected and says so without a remark."""
    async with asyncio.timeout(TAKE_OVER_SECONDS):
        while (await readiness(program))["discord"] != {"name": "discord", "status": "ok"}:
            pass


async def consume(bot: Bot, key: dict[str, str], request_id: str) -> int:
    """Have the member spend one unit and return the status."""
    asked = {"user_id": str(MEMBER_ID), "module": "requests", "units": 1, "request_id": request_id}
    async with bot.http.post("/api/credits/consume", json=asked, headers=key) as answer:
        await answer.read()
        return answer.status


async def test_four_processes_spend_one_account_to_its_limit(shared: Place) -> None:
    """Two hundred requests at once for fifty units: each process decides, and exactly the limit is spent."""
    async with AsyncExitStack() as stack:
        bots = [await stack.enter_async_context(shared.bot(*HTTP)) for _ in range(4)]
        key = await bots[0].key("quota:consume", "quota:read")
        statuses = await asyncio.gather(
            *(
                consume(bot, key, f"{place}-{number}")
                for number in range(50)
                for place, bot in enumerate(bots)
            )
        )
        left = [await bot.json(f"/api/quota/{MEMBER_ID}", headers=key) for bot in bots]

    assert sorted(set(statuses)) == [200, 429]
    assert statuses.count(200) == 50
    assert {one["daily_used"] for one in left} == {50}


async def test_one_request_sent_to_four_processes_is_charged_once(shared: Place) -> None:
    """The key decides, whichever process sees it first."""
    async with AsyncExitStack() as stack:
        bots = [await stack.enter_async_context(shared.bot(*HTTP)) for _ in range(4)]
        key = await bots[0].key("quota:consume", "quota:read")
        statuses = await asyncio.gather(
            *(consume(bot, key, f"same {number}") for number in range(10) for bot in bots)
        )
        left = await bots[0].json(f"/api/quota/{MEMBER_ID}", headers=key)

    assert set(statuses) == {200}
    assert left["daily_used"] == 10


async def test_two_processes_that_get_one_payment_credit_it_once(shared: Place) -> None:
    """Stripe delivers each event to both at once; one order is paid, one notice is owed."""
    async with shared.bot(*HTTP) as first, shared.bot(*HTTP) as second:
        key = await first.key("checkout:create", "quota:read")
        for bought in range(1, 4):
            checkout = await first.checkout(key)
            await shared.people.post("stripe/pay", checkout=checkout, outcome="paid")
            await shared.took(2 * bought)
        balances = [await bot.json(f"/api/quota/{MEMBER_ID}", headers=key) for bot in (first, second)]
    notices = await rows_of(shared.more["DATABASE_URL"], "SELECT kind, count(*) FROM notices GROUP BY kind")

    assert {one["purchased_quota"] for one in balances} == {3000}
    assert notices == [("purchase", 3)]


async def test_an_http_process_needs_no_discord_and_speaks_of_its_own_work_alone(shared: Place) -> None:
    """Without a token, and ready although Discord was never asked for anything."""
    async with shared.program("run", *HTTP, DISCORD_TOKEN="") as program:
        checks = await readiness(program)
        code = await program.stop()

    assert set(checks) == {"database", "stripe"}
    assert [path for _, path in shared.spied.requests if path.startswith("/api/")] == []
    assert code == 0


async def test_on_sqlite_a_second_process_of_any_kind_is_turned_away(place: Place) -> None:
    """One file, one owner."""
    async with place.bot(*HTTP), place.program("run", *HTTP) as second:
        code = await second.ended()

    assert code == EXIT_IN_USE
    assert "in use" in str(second.log)


async def test_a_key_that_one_process_revokes_is_refused_by_the_other_within_a_second(shared: Place) -> None:
    """A5: both had used it a moment before."""
    async with shared.bot(*HTTP) as first, shared.bot(*HTTP) as second:
        key = await first.key("quota:consume")
        good = [await consume(bot, key, "warm up") for bot in (first, second)]
        key_id = key["Authorization"].split("_")[1]
        code, _, _ = await shared.command("keys", "revoke", key_id)
        async with asyncio.timeout(1 + SLACK_SECONDS):
            for number, bot in enumerate((first, second)):
                attempts = (consume(bot, key, f"{number} {attempt}") for attempt in count())
                while await next(attempts) != 401:
                    pass

    assert good == [200, 200]
    assert code == 0


async def test_a_stand_by_says_so_and_takes_over_when_the_other_stops(shared: Place) -> None:
    """Both serve HTTP; one at a time answers people, and nobody is answered twice."""
    async with shared.bot() as first, shared.program("run") as second:
        await second.log.first("stands by")
        before = await readiness(second)
        once = await shared.people.answer_to("!quota")
        await shared.people.answer_to("!help")
        code = await first.program.stop()
        await second.log.first("this process has the gateway now")
        await second.log.first("invite the bot")
        await well(second)
        again = await shared.people.answer_to("!quota")
        answers = await shared.people.seen(after=once["id"])

    assert before["discord"] == {
        "name": "discord",
        "status": "ok",
        "remark": "stand-by: another process is connected",
    }
    assert code == 0
    assert "0 / 50" in text_of(once)
    # Two questions, and one answer to each.
    assert answers[-1]["id"] == again["id"]
    assert len(answers) == 4


@pytest.mark.parametrize("held_seconds", [5, 600])
async def test_a_notice_of_a_killed_process_is_sent_by_the_other(shared: Place, held_seconds: int) -> None:
    """
    Killed while its message was on the way; the other sends it once the lease has ended, under the same nonce.

    Whether the first copy arrived after all (5 seconds) or never (600), the buyer sees one message.
    """
    slow = shared.sandbox.faults.add("discord", "delay", seconds=held_seconds, **MESSAGES)
    async with shared.bot(*HTTP) as web:
        key = await web.key("checkout:create")
        discord = ("run", "--only", "discord")
        async with shared.program(*discord, **ELSEWHERE) as first:
            await first.log.first("invite the bot")
            async with shared.program(*discord, **ELSEWHERE) as second:
                await second.log.first("stands by")
                await shared.pay(await web.checkout(key))
                await shared.spied.struck(slow)
                seen = shared.sandbox.faults.add("discord", "delay", seconds=0, **MESSAGES)
                first.signal(signal.SIGKILL)
                await first.ended()
                async with asyncio.timeout(TAKE_OVER_SECONDS):
                    await shared.spied.event(seen).wait()
                message = await shared.direct_message()
                code = await second.stop()
    notices = await rows_of(shared.more["DATABASE_URL"], "SELECT state, attempts, fence FROM notices")

    assert "+1,000" in text_of(message)
    assert len(await shared.people.seen(channel="dm")) == 1
    assert notices == [("sent", 2, 2)]
    assert code == 0


async def test_a_process_that_slept_too_long_hangs_up(shared: Place) -> None:
    """F04: stopped for longer than its lease, it finds another in its place, and stands by."""
    async with shared.program("run") as first:
        await first.log.first("invite the bot")
        async with shared.program("run") as second:
            await second.log.first("stands by")
            first.signal(signal.SIGSTOP)
            await second.log.first("this process has the gateway now")
            await second.log.first("invite the bot")
            first.signal(signal.SIGCONT)
            await first.log.first("another process may have the gateway now")
            await well(second)
            sleeper = await readiness(first)
            answer = await shared.people.answer_to("!quota")
            await shared.people.answer_to("!help", as_=OPERATOR_ID)
            seen = await shared.people.seen(after=answer["id"])

    assert "remark" in sleeper["discord"]
    assert "0 / 50" in text_of(answer)
    assert len(seen) == 2


async def test_a_process_without_pages_must_know_where_they_are(shared: Place) -> None:
    """Else buyers would be sent to an address that serves none."""
    async with shared.program("run", "--only", "discord") as program:
        code = await program.ended()

    assert code == EXIT_CONFIG
    assert "PUBLIC_URL: missing" in str(program.log)


@pytest.mark.parametrize("shards", [2])
async def test_where_discord_asks_for_two_connections_the_bot_has_two(shared: Place) -> None:
    """Servers and direct messages come by different ones, and both are answered."""
    async with shared.bot():
        here = await shared.people.answer_to("!quota")
        there = await shared.people.answer_to("!quota", channel="dm")

    assert "0 / 50" in text_of(here)
    assert "0 / 50" in text_of(there)


@pytest.mark.parametrize("shards", [2])
async def test_two_processes_serve_one_shard_each_and_a_third_stands_by(shared: Place) -> None:
    """Each question is answered once; who wants all shards waits for both."""
    async with AsyncExitStack() as stack:
        programs = [
            await stack.enter_async_context(shared.program("run", "--shards", wanted))
            for wanted in ("0/2", "1-1/2")
        ]
        for program in programs:
            await well(program)
        third = await stack.enter_async_context(shared.program("run"))
        await third.log.first("stands by")
        waiting = await readiness(third)
        here = await shared.people.answer_to("!quota")
        there = await shared.people.answer_to("!quota", channel="dm")
        await shared.people.answer_to("!help", as_=OPERATOR_ID)
        seen = await shared.people.seen(after=here["id"])

    assert "remark" in waiting["discord"]
    assert "0 / 50" in text_of(here)
    assert "0 / 50" in text_of(there)
    assert len(seen) == 2


async def test_shards_need_a_database_that_can_be_shared(place: Place) -> None:
    """On one file there is one process, which serves all there are."""
    async with place.program("run", "--shards", "0-3/8") as program:
        code = await program.ended()
    async with place.program("run", "--shards", "8/8") as wrong:
        wrongly = await wrong.ended()

    assert code == EXIT_CONFIG
    assert "--shards: " in str(program.log)
    assert wrongly == 2
    assert "of 8 do not exist" in str(wrong.log)
