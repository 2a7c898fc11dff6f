"""What is said around units that a server gives a member."""

from typing import get_args

import pytest

from quota_core.catalog import Catalog
from quota_core.moving import Moved, Reason, TransferRefusedError
from tests.wording.facts import drawn, lines, notice
from wording.history_card import KINDS
from wording.notice_card import notice_card
from wording.refusals import refusal_card
from wording.share_card import share_card, shared_card
from wording.words import Words


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_has_a_sentence_in_both_languages(
    reason: Reason, catalog: Catalog, english: Words, french: Words
) -> None:
    """One that says what there is, where that is the reason."""
    error = TransferRefusedError(reason, metric="requests" if reason == "short" else "", units_left=7)
    first, second = (refusal_card(error, catalog, words) for words in (english, french))

    assert first.title != second.title
    assert first.description != second.description
    assert ("7" in first.description) == (reason == "short")


def test_the_card_says_what_would_be_and_what_is(catalog: Catalog, english: Words) -> None:
    """Nothing of what the member has."""
    moved = Moved(units=30, server_left=70, member_left=999)

    assert drawn(share_card(moved, 5, "requests", catalog, english)) == lines(
        """
        # 🎁 Give units of this server? (warning)
        **30 requests** would be <@5>'s own, everywhere and for good. What ends, ends when it would have here.
        - 🏠 What this server has left
        70 requests
        """
    )
    assert drawn(shared_card(moved, 5, "requests", catalog, english)) == lines(
        """
        # ✅ Units given (good)
        **30 requests** are <@5>'s now.
        - 🏠 What this server has left
        70 requests
        """
    )


def test_the_member_reads_where_it_came_from(catalog: Catalog, english: Words, french: Words) -> None:
    """The name of a server is foreign text; without one, its number stands there."""
    facts = {"metric": "requests", "units": 30, "server": "guild:7", "after": 31}
    named = notice_card(notice("received", {**facts, "server_name": "**Makers** @all"}), catalog, english)
    nameless = notice_card(notice("received", {**facts, "server_name": ""}), catalog, french)

    assert "\\*\\*Makers\\*\\*" in named.description
    assert "@all" not in named.description
    assert "guild:7" in nameless.description
    assert {"shared", "received"} <= set(KINDS)
