import asyncio
import json
import signal
import time

import pytest

from sandbox.faults import Fault
from sandbox.places import MEMBER_ID
from sandbox.stripe_delivery import signature
from tests.program.place import WEBHOOK_SECRET, Bot, Place, text_of

# Nine and a half by the process's own clock, and room for a busy machine; what hangs here hangs longer.
IN_TIME_SECONDS = 40
FORCED = 130
# Longer than any drain, so that what waits for it is still under way when the end comes.
LONG_SECONDS = 300
# Well within what a drain waits for, also where everything else is slow.
A_WHILE_SECONDS = 0.3


def slow_stripe(place: Place, seconds: float) -> Fault:
    """Have Stripe take its time over the next payment page."""
    return place.sandbox.faults.add(
        "stripe", "delay", seconds=seconds, path="/v1/checkout/sessions$", method="POST"
    )


async def ask_for_checkout(bot: Bot, key: dict[str, str]) -> int:
    """Open a payment page by the API and return the status."""
    asked = {"user_id": str(MEMBER_ID), "package_id": "quota_1000"}
    async with bot.http.post("/api/quota/checkout", json=asked, headers=key) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_request_under_way_finish(place: Place, number: signal.Signals) -> None:
    """The caller gets its page, then the process ends with 0 and the log of the database is written back."""
    async with place.bot() as bot:
        key = await bot.key("checkout:create")
        fault = slow_stripe(place, A_WHILE_SECONDS)
        asking = asyncio.create_task(ask_for_checkout(bot, key))
        await place.spied.struck(fault)
        began_seconds = time.monotonic()
        bot.program.signal(number)
        status = await asking
        code = await bot.program.ended()
        took_seconds = time.monotonic() - began_seconds

    assert status == 200
    assert code == 0
    assert took_seconds < IN_TIME_SECONDS
    assert not list(place.data.glob("quota.db-*"))
    assert not (place.data / "jauge.sock").exists()


async def test_a_delivery_that_is_still_coming_is_waited_for(place: Place) -> None:
    """An event that Stripe began to send before the signal is read to its end, kept, and answered with 200."""
    body = json.dumps({"id": "evt_1", "object": "event", "type": "customer.created"}).encode()
    signed = signature(body, secret=WEBHOOK_SECRET, now_seconds=int(time.time()))
    async with place.bot() as bot:
        host, port = bot.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = (
            f"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            f"Stripe-Signature: {signed}\r\nExpect: 100-continue\r\n\r\n"
        )
        writer.write(head.encode())
        # The answer to `Expect` says that the handler runs and waits for the body.
        assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
        writer.write(body[:5])
        await writer.drain()
        bot.program.signal()
        await bot.program.log.first("stopping")
        writer.write(body[5:])
        await writer.drain()
        status = await reader.readline()
        writer.close()
        await writer.wait_closed()
        code = await bot.program.ended()

    assert b" 200 " in status
    assert code == 0


async def test_the_message_in_hand_is_sent_and_marked_before_the_end(place: Place) -> None:
    """A signal while a confirmation is on its way: it arrives, once, and is not sent again by the next start."""
    async with place.bot() as bot:
        checkout = await place.buy()
        fault = place.sandbox.faults.add(
            "discord", "delay", seconds=A_WHILE_SECONDS, path=r"/channels/\d+/messages$", method="POST"
        )
        await place.pay(checkout)
        await place.spied.struck(fault)
        code = await bot.program.stop()
    arrived = await place.people.seen(channel="dm")
    sent = place.spied.count("POST", "/messages")
    async with place.bot() as bot:
        # The answer below is sent by the same process, after the start looked for what is owed.
        await place.people.answer_to("!quota")
        await bot.program.stop()

    assert code == 0
    assert len(arrived) == 1
    assert len(await place.people.seen(channel="dm")) == 1
    assert place.spied.count("POST", "/messages") == sent + 1


async def test_the_end_comes_in_time_even_when_something_hangs(place: Place) -> None:
    """A payment page that never opens holds nobody up; its order is open and harmless."""
    async with place.bot() as bot:
        key = await bot.key("checkout:create")
        fault = slow_stripe(place, LONG_SECONDS)
        asking = asyncio.create_task(ask_for_checkout(bot, key))
        await place.spied.struck(fault)
        began_seconds = time.monotonic()
        code = await bot.program.stop()
        took_seconds = time.monotonic() - began_seconds
        await asyncio.gather(asking, return_exceptions=True)

    assert code == 0
    assert took_seconds < IN_TIME_SECONDS
    assert not list(place.data.glob("quota.db-*"))


async def test_a_nervous_double_signal_is_one(place: Place) -> None:
    """Two in a row still end in order."""
    async with place.bot() as bot:
        key = await bot.key("checkout:create")
        fault = slow_stripe(place, A_WHILE_SECONDS)
        asking = asyncio.create_task(ask_for_checkout(bot, key))
        await place.spied.struck(fault)
        # Two of a kind would be one already where the process did not run in between.
        bot.program.signal(signal.SIGINT)
        bot.program.signal(signal.SIGTERM)
        status = await asking
        code = await bot.program.ended()

    assert status == 200
    assert code == 0
    assert "ending at once" not in str(bot.program.log)


async def test_a_second_signal_a_second_later_ends_at_once(place: Place) -> None:
    """Whoever means it need not wait for what hangs; what was answered is on the disk."""
    async with place.bot() as bot:
        key = await bot.key("checkout:create")
        fault = slow_stripe(place, LONG_SECONDS)
        asking = asyncio.create_task(ask_for_checkout(bot, key))
        await place.spied.struck(fault)
        bot.program.signal()
        await bot.program.log.first("stopping")
        # The second is what is tested here: not something to wait for, but the time between two signals.
        await asyncio.sleep(1.1)
        began_seconds = time.monotonic()
        bot.program.signal()
        code = await bot.program.ended()
        took_seconds = time.monotonic() - began_seconds
        await asyncio.gather(asking, return_exceptions=True)

    assert code == FORCED
    assert took_seconds < IN_TIME_SECONDS
    assert "ending at once" in str(bot.program.log)


async def test_a_press_under_way_at_the_signal_costs_nothing(place: Place) -> None:
    """The buyer whose page was being opened presses again after the restart and gets one."""
    async with place.bot() as bot:
        shop = await place.people.answer_to("!buy_quota")
        fault = slow_stripe(place, LONG_SECONDS)
        await place.people.press(shop, f"v1:buy:quota_1000:{MEMBER_ID}")
        await place.spied.struck(fault)
        code = await bot.program.stop()
    async with place.bot() as bot:
        checkout = await place.buy()
        await place.pay(checkout)
        message = await place.direct_message()

    assert code == 0
    assert "+1,000" in text_of(message)


async def test_it_ends_in_time_while_discord_is_away(place: Place) -> None:
    """Between two tries to log in there is nothing to finish."""
    place.sandbox.faults.add("discord", "status", 10_000, status=503)
    async with place.shut_out_bot() as bot:
        began_seconds = time.monotonic()
        code = await bot.program.stop()
        took_seconds = time.monotonic() - began_seconds

    assert code == 0
    assert took_seconds < IN_TIME_SECONDS
