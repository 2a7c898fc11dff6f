"""What changed a balance, for the eyes of its owner alone."""

import re

import aiohttp
import pytest

from cogs import custom_ids
from quota_core.accounts import AccountRef
from quota_core.operators import Actor
from quota_core.statement_check import check_statement
from sandbox.places import FRIEND_ID, MEMBER_ID, OPERATOR_ID
from tests.cogs.buying import bought
from tests.cogs.stack import Core, Running
from tests.cogs.talk import MENTION, Talk, labels_of, text_of, title_of


async def _grants(core: Core, count: int) -> None:
    for number in range(1, count + 1):
        await core.parts.grants.add(
            AccountRef("user", str(MEMBER_ID)),
            number,
            actor=Actor(user_id=OPERATOR_ID),
            reason="",
            key=f"grant {number}",
        )


@pytest.mark.usefixtures("running")
class TestHistory:
    async def test_an_empty_history_says_what_to_do(self, talk: Talk) -> None:
        """The way to the shop."""
        answer = await talk.slash("quota_history")

        assert answer["ephemeral"]
        assert "/buy_quota" in text_of(answer)
        assert labels_of(answer) == []

    @pytest.mark.parametrize("form", ["!quota_history", f"{MENTION} quota_history"])
    async def test_in_a_server_a_button_shows_it_privately(self, talk: Talk, core: Core, form: str) -> None:
        """The message itself says nothing of what changed."""
        await _grants(core, 1)

        cover = await talk.answer_to(form)
        history = await talk.press_label(cover, "Show it to me only")

        assert not cover["ephemeral"]
        assert "given by" not in text_of(cover)
        assert history["ephemeral"]
        assert "given by" in text_of(history)
        assert all("given by" not in text_of(one) for one in await talk.seen(viewer=FRIEND_ID))

    async def test_in_direct_messages_it_is_shown_at_once(self, talk: Talk, core: Core) -> None:
        """Nobody else reads along there, so pages turn in place too."""
        await _grants(core, 7)

        answer = await talk.answer_to("!quota_history", channel="dm")
        older = await talk.press_and_watch(answer, "Next")

        assert "+7 requests" in text_of(answer)
        assert "+2 requests" in text_of(older)
        assert older["id"] == answer["id"]

    async def test_pages_turn_in_place(self, talk: Talk, core: Core) -> None:
        """Newest first; the first page has no previous one, the last no next one."""
        await _grants(core, 7)

        first = await talk.slash("quota_history")
        second = await talk.press_and_watch(first, "Next")
        back = await talk.press_and_watch(second, "Previous")

        assert labels_of(first) == ["Next", "Signed export"]
        assert labels_of(second) == ["Previous", "Signed export"]
        assert "Page 2 of 2" in text_of(second)
        assert second["ephemeral"]
        assert text_of(back) == text_of(first)

    async def test_a_page_never_turns_in_public(self, talk: Talk, core: Core, running: Running) -> None:
        """A page button on a public message, however it came there, answers privately."""
        await _grants(core, 1)
        public = await talk.drawn_by(running.bot, custom_ids.page(0, MEMBER_ID))

        answer = await talk.press_label(public, "Old")

        assert answer["ephemeral"]
        assert answer["id"] != public["id"]

    async def test_french(self, talk: Talk, core: Core) -> None:
        """Lines, units and buttons."""
        await _grants(core, 7)
        await talk.speaks("fr")

        answer = await talk.slash("quota_history")

        assert "+7 requêtes" in text_of(answer)
        assert labels_of(answer) != ["Next"]

    async def test_the_history_button_of_a_card(self, talk: Talk) -> None:
        """The way from the balance to what changed it."""
        card = await talk.answer_to("!quota")

        answer = await talk.press_label(card, "History")

        assert answer["ephemeral"]
        assert title_of(answer) == "🧾 Your history"


@pytest.mark.usefixtures("running")
class TestSomebodyElses:
    async def test_an_operator_sees_it_privately_in_every_form(self, talk: Talk, core: Core) -> None:
        """Page by page; never in public."""
        await _grants(core, 7)
        slash = await talk.slash("quota_history", as_=OPERATOR_ID, user=str(MEMBER_ID))
        cover = await talk.answer_to(f"!quota_history <@{MEMBER_ID}>", as_=OPERATOR_ID)
        first = await talk.press_label(cover, "Show it to me only", as_=OPERATOR_ID)
        second = await talk.press_label(first, "Next", as_=OPERATOR_ID)

        assert title_of(slash) == title_of(first) == "🧾 History of Léa Moreau"
        assert "+7 requests" in text_of(first)
        assert "+7 requests" not in text_of(cover)
        assert "+2 requests" in text_of(second)
        assert slash["ephemeral"]
        assert second["ephemeral"]
        assert labels_of(first) == ["Next"]

    async def test_orders_have_their_ids_there(self, talk: Talk, core: Core) -> None:
        """So that one can be refunded; an empty history says so."""
        await bought(core)
        full = await talk.slash("quota_history", as_=OPERATOR_ID, user=str(MEMBER_ID))
        own = await talk.slash("quota_history")
        empty = await talk.slash("quota_history", as_=OPERATOR_ID, user=str(FRIEND_ID))

        assert re.search(r"Order `ord_[0-9a-f]{32}`", text_of(full))
        assert "ord_" not in text_of(own)
        assert "no purchase" in text_of(empty)

    async def test_nobody_else_sees_it(self, talk: Talk, core: Core, running: Running) -> None:
        """Neither by the command nor by a button that somebody made up."""
        await _grants(core, 1)
        typed = await talk.answer_to(f"!quota_history <@{MEMBER_ID}>", as_=FRIEND_ID)
        slash = await talk.slash("quota_history", as_=FRIEND_ID, user=str(MEMBER_ID))
        forged = await talk.drawn_by(running.bot, custom_ids.history_of(MEMBER_ID, 0, FRIEND_ID))
        pressed = await talk.press_label(forged, "Old", as_=FRIEND_ID)

        assert [title_of(one) for one in (typed, slash, pressed)] == ["⛔ Not allowed"] * 3


@pytest.mark.usefixtures("running")
class TestStatement:
    async def test_the_signed_export_is_a_file_that_proves_itself(self, talk: Talk, core: Core) -> None:
        """Private, with every entry of one's own and of nobody else."""
        await _grants(core, 3)
        await core.spend(2)
        await core.spend(5, user_id=FRIEND_ID)
        history = await talk.slash("quota_history")

        answer = await talk.press_label(history, "Signed export")
        [file] = answer["attachments"]
        async with aiohttp.ClientSession() as http, http.get(file["url"]) as response:
            checked = check_statement(await response.read(), None)

        assert answer["ephemeral"]
        assert file["filename"] == f"statement-{MEMBER_ID}.json"
        assert "4 in all" in text_of(answer)
        assert checked.problems == ()
        assert (checked.account, checked.entries) == (f"user:{MEMBER_ID}", 4)

    async def test_who_only_used_something_can_export_too(self, talk: Talk, core: Core) -> None:
        """The list shows no requests; the export does."""
        await core.spend(2)

        history = await talk.slash("quota_history")

        assert labels_of(history) == ["Signed export"]

    async def test_nobody_exports_for_another(self, talk: Talk, core: Core, running: Running) -> None:
        """The button is its owner's, wherever it stands."""
        await core.spend(2)
        public = await talk.drawn_by(running.bot, custom_ids.statement(MEMBER_ID))

        refused = await talk.press_label(public, "Old", as_=FRIEND_ID)

        assert refused["ephemeral"]
        assert refused["attachments"] == []

    async def test_nothing_to_export_is_said(self, talk: Talk, running: Running) -> None:
        """An old button of an account without entries."""
        public = await talk.drawn_by(running.bot, custom_ids.statement(MEMBER_ID))

        answer = await talk.press_label(public, "Old")

        assert answer["ephemeral"]
        assert "/buy_quota" in text_of(answer)

    async def test_the_export_speaks_french(self, talk: Talk, core: Core) -> None:
        """Button and card."""
        await core.spend(2)
        await talk.speaks("fr")

        answer = await talk.press_label(await talk.slash("quota_history"), "Export signé")

        assert title_of(answer) == "🔏 Votre relevé signé"
