"""Every button of the bot: its id, its owner, and views that never listen."""

import re

import discord
import pytest

from cogs import custom_ids
from cogs.buttons import OwnedButton
from cogs.replies import link, press, view_of
from sandbox.places import FRIEND_ID, GUILD_ID, MEMBER_ID
from tests.cogs.stack import Core, Running
from tests.cogs.talk import Talk, title_of

HUGE_ID = 2**63 - 1
LONGEST = "a" * 40
ORDER = "ord_" + "f" * 32
SAMPLES = {
    custom_ids.BUY: custom_ids.buy(LONGEST, HUGE_ID),
    custom_ids.SERVER_BUY: custom_ids.server_buy(LONGEST, HUGE_ID, HUGE_ID),
    custom_ids.OFFER: custom_ids.offer(LONGEST, 10**9, HUGE_ID, HUGE_ID),
    custom_ids.SHARE: custom_ids.share(LONGEST, 10**9, HUGE_ID, HUGE_ID),
    custom_ids.SERVER_PAGE: custom_ids.server_page(999_999, HUGE_ID),
    custom_ids.SHOP: custom_ids.shop(HUGE_ID),
    custom_ids.UPGRADE: custom_ids.upgrade(LONGEST, HUGE_ID),
    custom_ids.QUOTA: custom_ids.quota(HUGE_ID, HUGE_ID),
    custom_ids.HISTORY: custom_ids.history(HUGE_ID),
    custom_ids.PAGE: custom_ids.page(999_999, HUGE_ID),
    custom_ids.HISTORY_OF: custom_ids.history_of(HUGE_ID, 999_999, HUGE_ID),
    custom_ids.STATEMENT: custom_ids.statement(HUGE_ID),
    custom_ids.STATS: custom_ids.stats(HUGE_ID),
    custom_ids.REFUND: custom_ids.refund(ORDER, HUGE_ID),
    custom_ids.LOOK: custom_ids.look(ORDER, HUGE_ID),
    custom_ids.KEPT: custom_ids.kept(HUGE_ID),
    custom_ids.PRIVACY: custom_ids.privacy(HUGE_ID),
    custom_ids.DATA: custom_ids.data(HUGE_ID),
    custom_ids.FORGET: custom_ids.forget(HUGE_ID),
    custom_ids.FORGET_SURELY: custom_ids.forget_surely(HUGE_ID),
    custom_ids.REMEMBER: custom_ids.remember(HUGE_ID),
    custom_ids.PAID_ASK: custom_ids.paid_ask(LONGEST, 10**15, HUGE_ID),
    custom_ids.PAID_USE: custom_ids.paid_use(LONGEST, HUGE_ID),
    custom_ids.NOTIFY: custom_ids.notify(HUGE_ID),
    custom_ids.TOGGLE: custom_ids.toggle("w" * 20, HUGE_ID),
    custom_ids.ENTER: custom_ids.enter("w" * 20, HUGE_ID),
    custom_ids.RECIPIENT: custom_ids.recipient("w" * 20, 10**17, HUGE_ID),
    custom_ids.KINDS: custom_ids.kinds(10**17, HUGE_ID),
    custom_ids.REPLAY: custom_ids.replay(10**17, HUGE_ID),
}
OF_THE_MEMBER = [
    custom_ids.buy("quota_1000", MEMBER_ID),
    custom_ids.server_buy("quota_1000", GUILD_ID, MEMBER_ID),
    custom_ids.offer("requests", 5, FRIEND_ID, MEMBER_ID),
    custom_ids.share("requests", 5, FRIEND_ID, MEMBER_ID),
    custom_ids.server_page(0, MEMBER_ID),
    custom_ids.shop(MEMBER_ID),
    custom_ids.upgrade("pro", MEMBER_ID),
    custom_ids.quota(MEMBER_ID, MEMBER_ID),
    custom_ids.history(MEMBER_ID),
    custom_ids.page(0, MEMBER_ID),
    custom_ids.history_of(FRIEND_ID, 0, MEMBER_ID),
    custom_ids.statement(MEMBER_ID),
    custom_ids.stats(MEMBER_ID),
    custom_ids.refund(ORDER, MEMBER_ID),
    custom_ids.look(ORDER, MEMBER_ID),
    custom_ids.kept(MEMBER_ID),
    custom_ids.privacy(MEMBER_ID),
    custom_ids.data(MEMBER_ID),
    custom_ids.forget(MEMBER_ID),
    custom_ids.forget_surely(MEMBER_ID),
    custom_ids.remember(MEMBER_ID),
    custom_ids.paid_ask("requests", 5, MEMBER_ID),
    custom_ids.paid_use("requests", MEMBER_ID),
    custom_ids.notify(MEMBER_ID),
    custom_ids.toggle("alerts", MEMBER_ID),
    custom_ids.enter("quiet", MEMBER_ID),
    custom_ids.recipient("show", 1, MEMBER_ID),
    custom_ids.kinds(1, MEMBER_ID),
    custom_ids.replay(1, MEMBER_ID),
]


def test_ids_fit_and_patterns_do_not_overlap() -> None:
    """Discord takes 100 characters; each id is answered by one button."""
    for pattern, sample in SAMPLES.items():
        matching = [other for other in SAMPLES if re.fullmatch(other, sample)]

        assert matching == [pattern]
        assert len(sample) <= 100


async def test_every_button_is_registered_and_owned(running: Running) -> None:
    """A pattern without a button, or a button without an owner, is a mistake."""
    registered = running.bot._buttons

    assert {one.__discord_ui_compiled_template__.pattern for one in registered} == set(SAMPLES)
    assert all(issubclass(one, OwnedButton) for one in registered)
    assert all("(?P<owner>" in one.__discord_ui_compiled_template__.pattern for one in registered)


async def test_every_button_is_tried_by_a_stranger(running: Running) -> None:
    """Each that the bot listens to, whichever cog brings it, has an id in the list below."""
    buttons = [button for cog in running.bot.cogs.values() for button in getattr(cog, "buttons", ())]
    untried = [
        button.__name__
        for button in buttons
        if not any(button.__discord_ui_compiled_template__.fullmatch(one) for one in OF_THE_MEMBER)
    ]

    assert untried == []
    assert len(buttons) == len(SAMPLES)


@pytest.mark.parametrize("custom_id", OF_THE_MEMBER)
async def test_a_stranger_gets_nothing_from_any_button(
    talk: Talk, core: Core, running: Running, custom_id: str
) -> None:
    """Private, and how to get their own."""
    message = await talk.drawn_by(running.bot, custom_id)

    told = await talk.press_label(message, "Old", as_=FRIEND_ID)

    assert told["ephemeral"]
    assert title_of(told) == "🙋 This is not yours"
    assert await core.bought(FRIEND_ID) == 0


@pytest.mark.parametrize("custom_id", OF_THE_MEMBER)
async def test_every_button_answers_its_owner(talk: Talk, running: Running, custom_id: str) -> None:
    """Whatever it answers, it is for the owner alone, and in time."""
    message = await talk.drawn_by(running.bot, custom_id)

    async with talk.changes(MEMBER_ID) as changes:
        await talk.press(message, custom_id)
        answered = await changes.next("interaction_answered")

    assert answered["message"] == message["id"]


async def test_views_never_listen() -> None:
    """One that listens and ends takes its patterns away from the whole bot."""
    view = view_of([press("one", "v1:shop:1")])

    assert view.is_finished()
    assert view.timeout is None


async def test_answers_leave_nothing_in_the_store_of_views(talk: Talk, running: Running) -> None:
    """Memory does not grow with every answer, and the patterns stay."""
    await talk.answer_to("!quota")
    await talk.slash("buy_quota")

    store = running.bot._connection._view_store
    assert store._views == {}
    assert store._synced_message_views == {}
    assert len(store._dynamic_items) == len(SAMPLES)


def test_labels_are_cut_to_what_discord_takes() -> None:
    """Eighty characters."""
    assert len(press("x" * 200, "v1:shop:1").label) == 80


@pytest.mark.parametrize(
    ("count", "rows"),
    [(0, []), (1, [1]), (5, [5]), (6, [3, 3]), (7, [4, 3]), (11, [4, 4, 3]), (25, [5] * 5)],
)
def test_rows_are_about_equally_long(count: int, rows: list[int]) -> None:
    """A sixth button does not stand alone, and their order stays."""
    drawn = view_of([press("x", f"v1:page:{number}:1") for number in range(count)]).to_components()

    assert [len(row["components"]) for row in drawn] == rows
    assert [one["custom_id"] for row in drawn for one in row["components"]] == [
        f"v1:page:{number}:1" for number in range(count)
    ]


def test_buttons_are_drawn_as_discord_py_draws_them() -> None:
    """Five in a row, twenty-five at most; links open an address, the others send their id."""
    ours = [press(f"Button {number}", f"v1:page:{number}:1") for number in range(24)]
    ours += [link("Pay", "https://quota.example/pay"), press("One too many", "v1:shop:1")]
    theirs = discord.ui.View(timeout=None)
    for button in ours[:25]:
        target = {"custom_id": button.custom_id} if button.url is None else {"url": button.url}
        theirs.add_item(discord.ui.Button(label=button.label, style=button.style, **target))

    assert view_of(ours).to_components() == theirs.to_components()
