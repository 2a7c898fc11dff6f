"""Buying: the packages, the press, and the link that goes to its buyer alone."""

import asyncio
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cogs import custom_ids
from quota_core import catalog_file
from quota_core.catalog import Catalog
from quota_core.purchases import Page
from quota_core.statements import fetch
from sandbox.happenings import ANSWER_WITHIN_MS
from sandbox.places import FRIEND_ID, MEMBER_ID
from sandbox.server import Sandbox
from tests.cogs.stack import PUBLIC_URL, Core, Running, opened_core, running_bot
from tests.cogs.talk import Talk, button, buttons_of, labels_of, text_of, title_of
from webhooks.stripe_checkout import StripeCheckout

PLUS = custom_ids.buy("quota_1000", MEMBER_ID)


@pytest.mark.usefixtures("running")
class TestShop:
    async def test_packages_stand_with_the_popular_one_first(self, talk: Talk) -> None:
        """Prices, unit prices and savings of scenario two; a button for each package."""
        answer = await talk.answer_to("!buy_quota")

        text = text_of(answer)
        assert "🔥 Most popular: Plus" in text
        assert "€14.99" in text
        assert "€0.0150" in text
        assert "save 33%" in text
        assert labels_of(answer)[:2] == ["1,000 · €14.99", "100 · €2.99"]
        assert len(buttons_of(answer)) == 6

    async def test_slash_form_is_private(self, talk: Talk) -> None:
        """Nobody else sees the answer to /buy_quota."""
        answer = await talk.slash("buy_quota")

        assert answer["ephemeral"]
        assert labels_of(answer)[0] == "1,000 · €14.99"

    async def test_french_prices_are_french(self, talk: Talk) -> None:
        """The comma, the blank and the sign behind the number."""
        await talk.speaks("fr")

        answer = await talk.slash("buy_quota")

        assert labels_of(answer)[0] == "1 000 · 14,99 €"

    async def test_a_press_answers_privately_with_account_amount_and_link(self, talk: Talk) -> None:
        """The link leads to Stripe, and only its buyer sees it."""
        shop = await talk.answer_to("!buy_quota")

        offer = await talk.press_id(shop, PLUS)

        assert offer["ephemeral"]
        text = text_of(offer)
        assert "1,000 requests" in text
        assert "€14.99" in text
        assert "lea.moreau" in text
        assert labels_of(offer) == ["Pay €14.99"]
        assert buttons_of(offer)[0][1].startswith("http")
        assert all("Pay" not in str(one["components"]) for one in await talk.seen(viewer=FRIEND_ID))

    async def test_a_second_press_gets_the_same_link(self, talk: Talk) -> None:
        """Also when both presses come at once."""
        shop = await talk.answer_to("!buy_quota")
        first = await talk.press_id(shop, PLUS)

        second = await talk.press_id(shop, PLUS)

        assert button(first, "Pay €14.99") == button(second, "Pay €14.99")

    async def test_two_presses_at_once_open_one_page(self, talk: Talk, core: Core) -> None:
        """A double click is one order."""
        shop = await talk.answer_to("!buy_quota")

        await asyncio.gather(talk.press(shop, PLUS), talk.press(shop, PLUS))
        first = await talk.next_message(shop["id"])
        await talk.next_message(first["id"])

        orders = await core.database.read(_orders)
        assert orders == 1

    async def test_a_stranger_is_told_privately(self, talk: Talk, core: Core) -> None:
        """Pressing somebody else's button opens nothing."""
        shop = await talk.answer_to("!buy_quota")

        told = await talk.press_id(shop, PLUS, as_=FRIEND_ID)

        assert told["ephemeral"]
        assert "`/buy_quota`" in text_of(told)
        assert await core.database.read(_orders) == 0

    async def test_the_buy_button_of_a_card_opens_the_shop_privately(self, talk: Talk) -> None:
        """The way from the balance to the packages."""
        card = await talk.answer_to("!quota")

        shop = await talk.press_label(card, "Buy")

        assert shop["ephemeral"]
        assert labels_of(shop)[0] == "1,000 · €14.99"

    async def test_every_opening_is_recorded(self, talk: Talk, core: Core) -> None:
        """By command and by button, so that conversion has a past."""
        card = await talk.answer_to("!quota")
        await talk.answer_to("!buy_quota")
        await talk.slash("buy_quota")
        await talk.press_label(card, "Buy")

        screens = await core.database.read(_screens)

        assert sorted(screens) == ["button", "buy_quota", "buy_quota"]

    async def test_stripe_down_means_nothing_charged(self, talk: Talk) -> None:
        """The deferred answer says so, and a second press succeeds."""
        shop = await talk.answer_to("!buy_quota")
        await talk.fault("stripe", "status", status=401, times=3)

        refused = await talk.press_id(shop, PLUS)
        await talk.call("DELETE", "faults")
        offered = await talk.press_id(shop, PLUS)

        assert "Nothing was charged" in text_of(refused)
        assert refused["ephemeral"]
        assert labels_of(offered) == ["Pay €14.99"]

    async def test_the_answer_survives_a_slow_stripe(self, talk: Talk, sandbox: Sandbox) -> None:
        """Discord gives three seconds; the press is deferred first."""
        shop = await talk.answer_to("!buy_quota")
        sandbox.world.answer_within_ms = ANSWER_WITHIN_MS
        await talk.fault("stripe", "delay", seconds=3.2, times=1)

        offer = await talk.press_id(shop, PLUS)

        assert labels_of(offer) == ["Pay €14.99"]

    async def test_a_package_that_left_the_catalog_is_refused_with_a_new_menu(
        self, talk: Talk, running: Running
    ) -> None:
        """An old button meets today's catalog."""
        old = await talk.drawn_by(running.bot, custom_ids.buy("quota_7", MEMBER_ID))

        refused = await talk.press_label(old, "Old")

        assert "Not on sale" in title_of(refused)
        assert labels_of(refused) == ["See the options"]

    @pytest.mark.parametrize("custom_id", ["v0:buy:quota_1000", "v2:quota:1:1", "v1:sell:1", "v1:buy:NO:1"])
    async def test_buttons_of_other_versions_are_answered(
        self, talk: Talk, running: Running, custom_id: str
    ) -> None:
        """Nobody is left with a button that does nothing."""
        old = await talk.drawn_by(running.bot, custom_id)

        told = await talk.press_label(old, "Old")

        assert told["ephemeral"]
        assert "out of date" in title_of(told)


async def test_buttons_work_after_a_restart(talk: Talk, core: Core) -> None:
    """A new bot on the same ledger answers the button of the old one."""
    async with running_bot(core.parts):
        shop = await talk.answer_to("!buy_quota")
        before = await talk.press_id(shop, PLUS)

    async with running_bot(core.parts):
        after = await talk.press_id(shop, PLUS)

    assert button(before, "Pay €14.99") == button(after, "Pay €14.99")


async def test_without_stripe_the_shop_says_why(sandbox: Sandbox, talk: Talk, tmp_path: Path) -> None:
    """No buttons, and a reason; an old button answers that nothing was charged."""
    assert sandbox.url
    async with opened_core(tmp_path / "quota.db") as core, running_bot(core.parts):
        shop = await talk.answer_to("!buy_quota")

        assert buttons_of(shop) == []
        assert "Nothing can be bought" in text_of(shop)


class LongLinks(StripeCheckout):
    """Stripe, whose addresses are longer than a link button takes."""

    async def open(self, parameters: Mapping[str, Any], *, idempotency_key: str) -> Page:
        page = await super().open(parameters, idempotency_key=idempotency_key)
        return dataclasses.replace(page, url=f"{page.url}#{'x' * 600}")


async def test_long_links_go_through_our_own_address(
    sandbox: Sandbox, talk: Talk, checkout: StripeCheckout, tmp_path: Path
) -> None:
    """Link buttons take 512 characters."""
    assert sandbox.url
    checkout.__class__ = LongLinks  # the fixture's, so that it is closed like any other
    async with opened_core(tmp_path / "quota.db", checkout=checkout) as core, running_bot(core.parts):
        shop = await talk.answer_to("!buy_quota")

        offer = await talk.press_id(shop, PLUS)

    assert buttons_of(offer)[0][1].startswith(f"{PUBLIC_URL}/pay/")


async def test_an_upgrade_without_a_page_says_whom_to_ask(talk: Talk, core: Core) -> None:
    """A plan with neither price nor address."""
    async with running_bot(core.parts):
        await core.spend(50)
        refused = await talk.answer_to("!ask why?")

        told = await talk.press_label(refused, "Upgrade to Pro")

    assert told["ephemeral"]
    assert "1,000 requests a day" in text_of(told)


async def test_an_upgrade_with_a_page_is_a_link(
    sandbox: Sandbox, talk: Talk, checkout: StripeCheckout, tmp_path: Path
) -> None:
    """A plan with an address."""
    assert sandbox.url
    catalog = catalog_file.load("quota-manager")
    facts = catalog.model_dump(mode="python")
    facts["plans"]["pro"]["upgrade_url"] = "https://example.org/pro"
    linked = Catalog.model_validate(facts)
    async with (
        opened_core(tmp_path / "quota.db", checkout=checkout, catalog=linked) as core,
        running_bot(core.parts),
    ):
        await core.spend(50)

        refused = await talk.answer_to("!ask why?")

    assert button(refused, "Upgrade to Pro") == "https://example.org/pro"


def _orders() -> Any:
    rows = yield fetch("SELECT count(*) FROM orders")
    return rows[0][0]


def _screens() -> Any:
    rows = yield fetch("SELECT screen FROM views")
    return [row[0] for row in rows]
