"""Discord and Stripe in trouble: nothing is charged twice, nothing owed is lost, and people are told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sandbox.places import MEMBER_ID
from tests.cogs.talk import button, labels_of, text_of
from tests.e2e.conftest import Place, introduce, town_of
from tests.e2e.program import Bot, World
from tests.e2e.town import PATIENCE_SECONDS, Town, confirmed_orders, heading_of, offer_in

SESSIONS = {"path": r"^/v1/checkout/sessions$", "method": "POST"}
MESSAGES = {"path": r"/channels/\d+/messages$", "method": "POST"}
OPENING = {"path": r"/users/@me/channels$", "method": "POST"}

# How the call that opens a payment page can fail. The library tries three times before it gives up.
FAILING_PAGES: dict[str, dict[str, Any]] = {
    "500": {"fault": "status", "status": 500, "times": 3},
    "409": {"fault": "status", "status": 409, "times": 3},
    "429": {"fault": "status", "status": 429},  # which the library does not repeat
    "HTML": {"fault": "status", "status": 502, "html": True, "times": 3},
    "cut": {"fault": "cut", "times": 3},
    "lost": {"fault": "lost", "times": 3},
}


@pytest.mark.parametrize("trouble", [*FAILING_PAGES, "a 500 that is kept"])
async def test_when_no_page_opens_nothing_was_charged_and_the_next_press_works(
    town: Town, trouble: str
) -> None:
    """Whatever Stripe did with the first call, there is one page to pay at the end, credited once."""
    after, before = await town.last_dm(), (await town.quota())["purchased_quota"]
    shop = await town.open_shop()
    if trouble in FAILING_PAGES:
        await town.fault("stripe", **FAILING_PAGES[trouble], **SESSIONS)
    else:
        await town.post("stripe/fail", times=1)

    refused = await town.press_package(shop)
    offer = offer_in(await town.press_package(shop))
    payable = [one["id"] for one in await town.sessions() if one["status"] == "open"]
    await town.pay(offer.checkout)
    message = await town.next_dm(after)

    assert heading_of(refused) == "⚠️ The payment page could not be opened"
    assert "Nothing was charged" in text_of(refused)
    assert refused["ephemeral"]
    assert payable == [offer.checkout]
    assert confirmed_orders(message) == [offer.order]
    assert (await town.quota())["purchased_quota"] == before + 1000


@pytest.mark.parametrize("trouble", ["cut", "lost"])
async def test_one_lost_connection_to_stripe_is_not_noticed(town: Town, trouble: str) -> None:
    """The call is made again under the same key, so there is one session."""
    shop = await town.open_shop()
    await town.fault("stripe", trouble, **SESSIONS)

    offer = offer_in(await town.press_package(shop))

    assert [one["id"] for one in await town.sessions_of(offer.order)] == [offer.checkout]


# What can happen to the message that confirms a purchase.
FAILING_MESSAGES: dict[str, dict[str, Any]] = {
    "429": {"fault": "status", "status": 429, "retry_after": 0.3},
    "429 for everything": {"fault": "status", "status": 429, "retry_after": 0.3, "global": True},
    "503": {"fault": "status", "status": 503},
    "503 twice": {"fault": "status", "status": 503, "times": 2},
    "HTML": {"fault": "status", "status": 503, "html": True},
    "cut": {"fault": "cut"},
    "lost": {"fault": "lost"},
    "lost twice": {"fault": "lost", "times": 2},
}


@pytest.mark.parametrize("trouble", FAILING_MESSAGES)
async def test_the_message_arrives_once_whatever_happens_to_it(town: Town, trouble: str) -> None:
    """Refused, cut off, or taken although its answer was lost: one message, with the fixed nonce."""
    after = await town.last_dm()
    offer = await town.offer("quota_100")
    await town.fault("discord", **FAILING_MESSAGES[trouble], **MESSAGES)

    await town.pay(offer.checkout)
    first = await town.next_dm(after)
    await town.all_told()
    second = await town.buy("quota_500")

    assert confirmed_orders(first) == [offer.order]
    assert [one["id"] for one in await town.dms(after)] == [first["id"], second["id"]]
    assert (await town.get("faults"))["faults"] == []


@pytest.mark.parametrize("trouble", ["503", "cut", "lost"])
async def test_a_first_message_ever_arrives_whatever_happens_to_its_channel(town: Town, trouble: str) -> None:
    """A buyer the bot never wrote to: the direct channel itself cannot be opened at first."""
    buyer = await town.newcomer()
    offer = await town.offer("quota_100", as_=buyer)
    options = {"fault": "status", "status": 503} if trouble == "503" else {"fault": trouble}
    await town.fault("discord", **options, **OPENING)

    await town.pay(offer.checkout)
    message = await town.next_dm("0", buyer)

    assert confirmed_orders(message) == [offer.order]


async def test_the_message_arrives_while_the_gateway_is_down(town: Town) -> None:
    """Messages need no gateway; and once it is back, commands are answered again."""
    after = await town.last_dm()
    offer = await town.offer("quota_100")
    town.expected = "discord.client"  # which calls a lost gateway an error
    await town.fault("gateway", "cut")

    await town.pay(offer.checkout)
    message = await town.next_dm(after)
    answer = await town.answer_to("!quota")

    assert confirmed_orders(message) == [offer.order]
    assert heading_of(answer) == "📊 Your quota"


@pytest.mark.parametrize("form", ["prefix", "slash", "direct"])
async def test_what_closed_direct_messages_kept_away_is_shown_once_at_the_next_command(
    town: Town, form: str
) -> None:
    """Privately: behind a button in a server, at once in an interaction and in direct messages."""
    offer = await town.offer("quota_100")
    after, written = await town.last_dm(), len(town.bot.log)
    await town.post("users", id=str(MEMBER_ID), dms_open=False)
    await town.pay(offer.checkout)
    await town.logged(r"notice \d+: keep", after=written)
    nothing = await town.dms(after)
    await town.post("users", id=str(MEMBER_ID), dms_open=True)
    channel: dict[str, Any] = {"channel": "dm"} if form == "direct" else {}

    start = await town.latest_id(**channel)
    if form == "slash":
        await town.slash("quota")
    else:
        await town.answer_to("!quota", **channel)
    wanted = 3 if form == "direct" else 2 + (form == "prefix")
    seen = await town.several(after=start, count=wanted, **channel)
    shown = seen[-1]
    if form == "prefix":
        cover = seen[-1]
        shown = await town.press_id(cover, button(cover, "Read my message"))
    # Whatever were shown again would stand between these two.
    quiet = [await town.answer_to("!quota", **channel), await town.answer_to("!help", **channel)]
    later = await town.several(after=shown["id"], count=4, **channel)

    assert nothing == []
    assert confirmed_orders(shown) == [offer.order]
    assert shown["ephemeral"] is (form != "direct")
    if form == "prefix":
        assert labels_of(cover) == ["Read my message"]
        assert confirmed_orders(cover) == []
        assert "€" not in text_of(cover)
    assert [heading_of(one) for one in quiet] == ["📊 Your quota", "📖 Help"]
    assert [one for one in later if confirmed_orders(one)] == []


async def test_a_kept_message_is_shown_in_the_buyer_s_language(town: Town) -> None:
    """It was owed in French, and is shown in French."""
    buyer = await town.newcomer("fr")
    offer = await town.offer("quota_100", as_=buyer, form="slash")
    written = len(town.bot.log)
    await town.post("users", id=str(buyer), dms_open=False)

    await town.pay(offer.checkout)
    await town.logged(r"notice \d+: keep", after=written)
    start = await town.latest_id(viewer=buyer)
    await town.slash("quota", as_=buyer)
    _, shown = await town.several(after=start, count=2, as_=buyer)

    assert heading_of(shown) == "✅ Quota ajouté !"
    assert shown["ephemeral"]


async def test_a_kill_in_the_middle_of_a_message_delays_it_no_longer_than_the_start(tmp_path: Path) -> None:
    """Discord holds the request when the bot is killed; the next one sends what is owed at once."""
    with World(tmp_path / "world") as world:
        bot = Bot(tmp_path / "bot", world_url=world.url, secret=world.secret)
        with bot:
            place = Place(world=world, bot=bot)
            await introduce(place)
            async with town_of(place) as town:
                offer = await town.offer("quota_100")
                await town.fault("discord", "delay", seconds=600, **MESSAGES)
                await town.pay(offer.checkout)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while (await town.get("faults"))["faults"]:
                        pass
                await town.end_bot("SIGKILL")
                await town.start_bot()
                # Less than the lease of the killed one, and time enough for a busy machine.
                found = await town.get("messages", viewer=MEMBER_ID, channel="dm", settled="1", wait_s=10)

                assert [confirmed_orders(one) for one in found["messages"]] == [[offer.order]]
