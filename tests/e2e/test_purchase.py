"""The whole purchase: from the shop over the payment page to the direct message."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.places import FRIEND_ID, MEMBER_ID
from tests.cogs.talk import buttons_of, labels_of, text_of
from tests.e2e.conftest import Place
from tests.e2e.program import Bot
from tests.e2e.town import PATIENCE_SECONDS, Offer, Town, confirmed_orders, heading_of, offer_in

SIGNALS = ("SIGTERM", "SIGKILL")
WORDS = {
    "en-US": {
        "shop": "💎 Buy more quota",
        "popular": "🔥 Most popular: Plus",
        "label": "1,000 · €14.99",
        "offer": "💎 Plus: 1,000 requests",
        "pay": "Pay €14.99",
        "title": "✅ Quota added!",
        "line": "**+1,000 requests** are on your account.",
        "balance": "Purchased: {before:,} → **{after:,}**",
        "receipt": "Open the receipt",
        "history": "💎 +1,000 requests · Plus",
    },
    "fr": {
        "shop": "💎 Acheter du quota supplémentaire",
        "popular": "🔥 Le plus populaire : Plus",
        "label": "1 000 · 14,99 €",
        "offer": "💎 Plus : 1 000 requêtes",
        "pay": "Payer 14,99 €",
        "title": "✅ Quota ajouté !",
        "line": "**+1 000 requêtes** sur votre compte.",
        "balance": "Acheté : {before:,} → **{after:,}**",
        "receipt": "Ouvrir le reçu",
        "history": "💎 +1 000 requêtes · Plus",
    },
}


@pytest.mark.parametrize("locale", ["en-US", "fr"])
@pytest.mark.parametrize("form", ["prefix", "slash"])
async def test_a_purchase_from_the_shop_to_the_message(town: Town, form: str, locale: str) -> None:
    """Open, press, pay, read: in both forms and both languages; the numbers agree everywhere."""
    words = WORDS[locale]
    await town.speaks(locale)
    after, before = await town.last_dm(), (await town.quota())["purchased_quota"]

    shop = await town.open_shop(form)
    pressed = await town.press_package(shop)
    offer = offer_in(pressed)
    session = await town.pay(offer.checkout)
    message = await town.next_dm(after)
    history = await town.slash("quota_history")

    assert heading_of(shop) == words["shop"]
    assert words["popular"] in text_of(shop)
    assert labels_of(shop)[0] == words["label"]
    assert shop["ephemeral"] is (form == "slash")
    assert heading_of(pressed) == words["offer"]
    assert pressed["ephemeral"]
    assert labels_of(pressed) == [words["pay"]]
    assert session["payment_status"] == "paid"
    text = text_of(message)
    assert heading_of(message) == words["title"]
    assert words["line"] in text
    numbers = words["balance"].format(before=before, after=before + 1000)
    assert (numbers.replace(",", " ") if locale == "fr" else numbers) in text
    assert confirmed_orders(message) == [offer.order]
    receipt = re.search(rf"\[{words['receipt']}\]\((\S+)\)", text)
    assert receipt is not None
    assert (await town.page(receipt[1]))[0] == 200
    assert words["history"] in text_of(history)
    assert (await town.quota())["purchased_quota"] == before + 1000


async def test_a_stranger_who_presses_is_told_privately_and_opens_nothing(town: Town) -> None:
    """Somebody else's shop sells nothing to me."""
    shop = await town.open_shop()
    sessions = len(await town.sessions())

    answer = await town.press_package(shop, presser=FRIEND_ID)
    ways = await town.open_shop(as_=FRIEND_ID)

    assert answer["ephemeral"]
    assert "/buy_quota" in text_of(answer)
    assert buttons_of(answer) == []
    assert len(await town.sessions()) == sessions
    assert not [one for one in await town.seen(after=shop["id"]) if one["id"] == answer["id"]]
    assert heading_of(ways) == "💎 Buy more quota"


async def test_a_second_press_gets_the_same_page(town: Town) -> None:
    """Also from another shop, and the page says that it is the one from before."""
    first = await town.offer()
    second = await town.offer(form="slash")

    assert (second.url, second.order) == (first.url, first.order)
    assert "same link as before" in text_of(second.message)
    assert "same link as before" not in text_of(first.message)
    assert len(await town.sessions_of(first.order)) == 1


async def test_ten_presses_at_once_open_one_page(town: Town) -> None:
    """However fast a buyer is, there is one page that can be paid."""
    shop = await town.open_shop()

    await asyncio.gather(*(town.press(shop, f"v1:buy:quota_500:{MEMBER_ID}") for _ in range(10)))
    async with asyncio.timeout(PATIENCE_SECONDS):
        offers: list[Offer] = []
        async with town.changes(MEMBER_ID) as changes:
            while len(offers) < 10:
                seen = await town.get("messages", viewer=MEMBER_ID, channel=shop["channel"], after=shop["id"])
                answers = [one for one in seen["messages"] if one["ephemeral"] and buttons_of(one)]
                offers = [offer_in(one) for one in answers]
                if len(offers) < 10:
                    await changes.next("message_update")

    assert {(one.url, one.order) for one in offers} == {(offers[0].url, offers[0].order)}
    assert len(await town.sessions_of(offers[0].order)) == 1


async def test_different_packages_are_different_pages(town: Town) -> None:
    """Two packages at a time are two orders, and both are credited."""
    after, before = await town.last_dm(), (await town.quota())["purchased_quota"]
    small, large = await town.offer("quota_100"), await town.offer("quota_500")

    await asyncio.gather(town.pay(small.checkout), town.pay(large.checkout))
    messages = await town.several(after=after, count=2, channel="dm")

    orders = [order for message in messages for order in confirmed_orders(message)]
    assert sorted(orders) == sorted([small.order, large.order])
    assert (await town.quota())["purchased_quota"] == before + 600


async def test_after_its_page_expired_a_package_gets_a_new_one(town: Town) -> None:
    """The old button is as good as ever."""
    shop = await town.open_shop()
    first = offer_in(await town.press_package(shop))
    await town.post("stripe/expire", checkout=first.checkout)
    await town.delivered(first.checkout, "checkout.session.expired")

    second = offer_in(await town.press_package(shop))

    assert second.order != first.order
    assert second.url != first.url


@pytest.mark.parametrize("paid", ["while the bot is down", "after it came back"])
@pytest.mark.parametrize("how", SIGNALS)
async def test_a_restart_between_press_and_payment(town: Town, how: str, paid: str) -> None:
    """The order is on the disk: the payment finds it, and the old button finds the same page."""
    after = await town.last_dm()
    shop = await town.open_shop()
    offer = offer_in(await town.press_package(shop))

    await town.end_bot(how)
    if paid == "while the bot is down":
        await town.pay(offer.checkout)
        await town.start_bot()
    else:
        await town.start_bot()
        again = offer_in(await town.press_package(shop))
        assert (again.url, again.order) == (offer.url, offer.order)
        await town.pay(offer.checkout)
    message = await town.next_dm(after)

    assert confirmed_orders(message) == [offer.order]


@pytest.mark.parametrize("how", SIGNALS)
async def test_a_restart_between_payment_and_message(town: Town, how: str) -> None:
    """Discord takes no message until the bot is down; the one that starts then owes it, and sends it once."""
    after, before = await town.last_dm(), (await town.quota())["purchased_quota"]
    offer = await town.offer()
    await town.fault(
        "discord", "status", status=503, times=1000, method="POST", path=r"/channels/\d+/messages$"
    )
    written = len(town.bot.log)
    await town.pay(offer.checkout)
    await town.logged(r"notice \d+: later", after=written)
    credited = (await town.quota())["purchased_quota"]

    await town.end_bot(how)
    told_early = await town.dms(after)
    await town.call("DELETE", "faults")
    await town.start_bot()
    message = await town.next_dm(after)
    quota = await town.answer_to("!quota")

    assert credited == before + 1000
    assert told_early == []
    assert confirmed_orders(message) == [offer.order]
    assert f"{before + 1000:,}" in text_of(quota)
    assert len(await town.dms(after)) == 1


async def test_a_page_opened_by_the_api_is_credited_like_a_button_s(town: Town) -> None:
    """A service opens it for a user, who gets the same page at a press, and the message after paying."""
    after = await town.last_dm()
    wanted = {"user_id": str(MEMBER_ID), "package_id": "quota_1000"}

    status, opened = await town.ask("POST", "/api/quota/checkout", json=wanted)
    button = await town.offer()
    await town.pay(opened["session_id"])
    message = await town.next_dm(after)

    assert status == 200
    assert (opened["amount"], opened["price"]) == (1000, "€14.99")
    assert button.url == opened["checkout_url"]
    assert confirmed_orders(message) == [button.order]


async def test_the_success_page_shows_and_never_credits(town: Town) -> None:
    """Whoever opens it early sees that the payment is awaited, and changes nothing."""
    after, before = await town.last_dm(), await town.quota()
    offer = await town.offer()
    url = f"{town.bot.http_url}/checkout/success?session_id={offer.checkout}"

    early = await town.page(url)
    still = await town.quota()
    await town.pay(offer.checkout)
    await town.next_dm(after)
    late = await town.page(url)

    assert early[0] == late[0] == 200
    assert still == before
    assert early[1] != late[1]
    assert "1,000 requests" in late[1]


async def test_the_running_program_proves_its_ledger(town: Town, place: Place) -> None:
    """The command asks the process that owns the database, and ends well."""
    await town.buy("quota_100")

    status, output = await place.bot.command("ledger", "verify")

    assert status == 0, output
    assert "the ledger is sound" in output


CHANGES = (
    "UPDATE balances SET version = version + 1 WHERE version > 0",
    "UPDATE orders SET units = units + 1 WHERE state = 'paid'",
    "UPDATE lots SET left_units = left_units - 1 WHERE id = (SELECT max(id) FROM lots WHERE left_units > 0)",
)


async def test_a_row_that_somebody_changed_is_found(town: Town, place: Place, tmp_path: Path) -> None:
    """On copies of the data: by the command alone, and by the command beside a bot that runs on one."""
    await town.buy("quota_100")
    await town.end_bot("SIGTERM")
    copies = [
        Bot(tmp_path / str(number), world_url=place.world.url, secret=place.world.secret)
        for number in range(len(CHANGES))
    ]
    for copy in copies:
        shutil.copytree(town.bot.data, copy.data)
    await town.start_bot()
    for copy, change in zip(copies, CHANGES, strict=True):
        with closing(sqlite3.connect(copy.data / "quota.db")) as ledger, ledger:
            ledger.execute(change)

    alone = await asyncio.gather(*(copy.command("ledger", "verify") for copy in copies))
    running = copies[-1]
    running.awaits_discord = False
    running.settings |= {"DISCORD_API_URL": "http://127.0.0.1:9/api/v10"}  # the world has its bot already
    await asyncio.to_thread(running.start)
    try:
        beside = await running.command("ledger", "verify")
    finally:
        await asyncio.to_thread(running.kill)

    for status, output in (*alone, beside):
        assert status == 1, output
        assert "WRONG" in output
        assert "NOT sound" in output
