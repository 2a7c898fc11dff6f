"""What operators do, and that nobody else does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cogs import custom_ids
from quota_core.accounts import AccountRef
from quota_core.operators import Operators
from quota_core.statements import fetch
from sandbox.places import ADMIN_ID, FRIEND_ID, GUILD_ID, MEMBER_ID, OPERATOR_ID
from sandbox.server import Sandbox
from tests.cogs.stack import Core, Running, opened_core, running_bot
from tests.cogs.talk import MENTION, Talk, labels_of, text_of, title_of

MEMBER = f"<@{MEMBER_ID}>"
IN_A_YEAR = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()


def _audit() -> Any:
    rows = yield fetch("SELECT actor, action, reason FROM audit ORDER BY rowid")
    return rows


@pytest.mark.usefixtures("running")
class TestOperators:
    async def test_add_shows_before_and_after(self, talk: Talk, core: Core) -> None:
        """And leaves an audit row with actor and reason."""
        await talk.answer_to(f"!admin_quota add {MEMBER} 500 welcome", as_=OPERATOR_ID)

        answer = await talk.answer_to(f"!admin_quota add {MEMBER} 250", as_=OPERATOR_ID)

        assert "500 → **750 requests**" in text_of(answer)
        assert await core.bought() == 750
        assert (await core.database.read(_audit))[0] == (f"user:{OPERATOR_ID}", "grant", "welcome")

    async def test_mention_form(self, talk: Talk, core: Core) -> None:
        """`@bot admin_quota add`."""
        await talk.answer_to(f"{MENTION} admin_quota add {MEMBER} 5", as_=OPERATOR_ID)

        assert await core.bought() == 5

    async def test_slash_form_is_private(self, talk: Talk, core: Core) -> None:
        """Nobody else sees what operators do with it."""
        answer = await talk.slash(
            "admin_quota add", as_=OPERATOR_ID, user=str(MEMBER_ID), amount=1000, reason="thanks"
        )

        assert answer["ephemeral"]
        assert "thanks" in text_of(answer)
        assert await core.bought() == 1000

    async def test_remove_says_when_there_was_less(self, talk: Talk, core: Core) -> None:
        """Never below zero."""
        await talk.answer_to(f"!admin_quota add {MEMBER} 30", as_=OPERATOR_ID)

        answer = await talk.answer_to(f"!admin_quota remove {MEMBER} 100 a mistake", as_=OPERATOR_ID)

        assert "Less removed than asked" in title_of(answer)
        assert "30" in text_of(answer)
        assert await core.bought() == 0

    @pytest.mark.parametrize(
        ("until", "ends"),
        [("", False), (" 30d", True), (f" {IN_A_YEAR}", True), (f" until {IN_A_YEAR}", True)],
        ids=["good", "days", "date", "until"],
    )
    async def test_plan(self, talk: Talk, core: Core, until: str, *, ends: bool) -> None:
        """For good, for some days, until a day."""
        answer = await talk.answer_to(f"!admin_quota plan {MEMBER} ultra{until}", as_=OPERATOR_ID)

        balance = await core.parts.balances.of(AccountRef("user", str(MEMBER_ID)))
        assert "Free → **Ultra**" in text_of(answer)
        assert balance.plan == "ultra"
        assert (balance.plan_until_ms is not None) == ends

    @pytest.mark.parametrize(
        ("when", "ends"),
        [
            ("at period end", False),
            (f"at period end until {IN_A_YEAR}", True),
            ("à la fin de la période", False),
        ],
        ids=[
            "period end",
            "until",
            "French",
        ],  # which name no day: two processes may not begin on the same one
    )
    async def test_plan_at_period_end(self, talk: Talk, core: Core, when: str, *, ends: bool) -> None:
        """The plan in force stays until the day turns; the card says from when."""
        typed = await talk.answer_to(f"!admin_quota plan {MEMBER} ultra {when}", as_=OPERATOR_ID)
        before = await core.parts.balances.of(AccountRef("user", str(MEMBER_ID)))
        core.clock.ahead_ms += 25 * 3_600_000
        after = await core.parts.balances.of(AccountRef("user", str(MEMBER_ID)))
        slash = await talk.slash(
            "admin_quota plan", as_=OPERATOR_ID, user=str(MEMBER_ID), plan="pro", when=when
        )

        assert "⏰ From" in text_of(typed)
        assert ("⏰ Until" in text_of(typed)) == ends
        assert "⏰ From" in text_of(slash)
        assert (before.plan, after.plan) == ("free", "ultra")
        assert (after.plan_until_ms is not None) == ends

    @pytest.mark.parametrize(
        "until", [f"until {IN_A_YEAR}", "until 30d", "jusqu'au 30d"], ids=["date", "days", "French"]
    )
    async def test_a_gift_can_end(self, talk: Talk, core: Core, until: str) -> None:
        """Typed before the reason, or an option of its own; the card says when, and what is left then expires."""
        typed = await talk.answer_to(f"!admin_quota add {MEMBER} 7 {until} a sorry start", as_=OPERATOR_ID)
        slash = await talk.slash(
            "admin_quota add", as_=OPERATOR_ID, user=str(MEMBER_ID), amount=5, until="30d", reason="thanks"
        )
        account = AccountRef("user", str(MEMBER_ID))
        given = (await core.parts.balances.of(account)).metrics[0].expiring_left
        core.clock.ahead_ms += 370 * 86_400_000
        left = (await core.parts.balances.of(account)).metrics[0].expiring_left

        assert "⏰ Until" in text_of(typed)
        assert "a sorry start" in text_of(typed)
        assert "until" not in text_of(typed)
        assert "⏰ Until" in text_of(slash)
        assert (given, left) == (12, 0)
        assert (await core.database.read(_audit))[0][2] == "a sorry start"

    async def test_plan_by_slash(self, talk: Talk, core: Core) -> None:
        """The same, privately."""
        answer = await talk.slash("admin_quota plan", as_=OPERATOR_ID, user=str(MEMBER_ID), plan="pro")

        assert answer["ephemeral"]
        assert (await core.parts.balances.of(AccountRef("user", str(MEMBER_ID)))).plan == "pro"

    async def test_block_and_unblock(self, talk: Talk, core: Core) -> None:
        """In both forms; a blocked user is told so, and only an operator lifts it."""
        account = AccountRef("user", str(MEMBER_ID))
        answer = await talk.answer_to(f"!admin_quota block {MEMBER} spam", as_=OPERATOR_ID)
        refused = await talk.answer_to("!ask why?")
        blocked = (await core.parts.balances.of(account)).status
        lifted = await talk.slash("admin_quota unblock", as_=OPERATOR_ID, user=str(MEMBER_ID), reason="sorry")
        status = (await core.parts.balances.of(account)).status

        assert title_of(answer) == "⛔ Account blocked"
        assert "spam" in text_of(answer)
        assert title_of(refused) == "⛔ Account blocked"
        assert title_of(lifted) == "✅ Account unblocked"
        assert (blocked, status) == ("blocked", "active")

    async def test_stats_hold_money_and_are_never_public(self, talk: Talk) -> None:
        """In a server a button shows them to the operator alone."""
        cover = await talk.answer_to("!admin_quota stats", as_=OPERATOR_ID)
        figures = await talk.press_label(cover, "Show it to me only", as_=OPERATOR_ID)
        direct = await talk.answer_to("!admin_quota stats", as_=OPERATOR_ID, channel="dm")
        slash = await talk.slash("admin_quota stats", as_=OPERATOR_ID)

        assert "Revenue" not in text_of(cover)
        assert "Revenue" in text_of(figures)
        assert "Revenue" in text_of(direct)
        assert "Revenue" in text_of(slash)
        assert figures["ephemeral"]
        assert slash["ephemeral"]

    @pytest.mark.parametrize(
        "amount", ["0", "-5", "1_000", "٣٠", "1000000001", "9" * 26, "1e3", "ten", "1,000", "\uff15", "0x10"]
    )
    async def test_amounts_are_plain_digits_within_bounds(self, talk: Talk, core: Core, amount: str) -> None:
        """Everything else is explained and changes nothing."""
        refused = await talk.answer_to(f"!admin_quota add {MEMBER} {amount}", as_=OPERATOR_ID)

        assert title_of(refused) == "✏️ Not an amount"
        assert "1,000,000,000" in text_of(refused)
        assert "!admin_quota add <@user> <amount> [until …] [reason]" in text_of(refused)
        assert await core.bought() == 0

    @pytest.mark.parametrize("amount", [0, -1, 1_000_000_001])
    async def test_slash_amounts_are_checked_again(self, talk: Talk, core: Core, amount: int) -> None:
        """A modified client sends what Discord's own would not let through."""
        after = await talk.latest_id(viewer=OPERATOR_ID)

        await talk.post(
            "slash",
            as_=OPERATOR_ID,
            channel="1101500000000000021",
            command="admin_quota add",
            options={"user": str(MEMBER_ID), "amount": amount},
            force=True,
        )
        refused = await talk.next_message(after, viewer=OPERATOR_ID)

        assert title_of(refused) == "✏️ Not an amount"
        assert await core.bought() == 0

    @pytest.mark.parametrize(
        ("typed", "title"),
        [
            ("add", "✏️ Something is missing"),
            (f"add {MEMBER}", "✏️ Something is missing"),
            ("add Bob 5", "🔎 Unknown user"),
            (f"plan {MEMBER} gold", "🔎 Unknown plan"),
            (f"plan {MEMBER} pro tomorrow", "✏️ I did not understand the time"),
            (f"plan {MEMBER} pro until tomorrow", "✏️ Not a date"),
            (f"plan {MEMBER} pro 2020-01-01", "✏️ Not a date"),
            (f"plan {MEMBER} pro 2026-02-30", "✏️ Not a date"),
            (f"plan {MEMBER} pro 30d please", "✏️ I did not understand the time"),
            (f"plan {MEMBER} pro until", "✏️ Not a date"),
            (f"plan {MEMBER} pro at period end until 2020-01-01", "✏️ Not a date"),
            (f"add {MEMBER} 5 until Friday", "✏️ Not a date"),
            (f'plan {MEMBER} "pro', "✏️ A quotation mark is missing"),
            ("give", "🔎 Unknown command"),
            ("", "📖 !admin_quota"),
        ],
    )
    async def test_wrong_arguments_are_explained(self, talk: Talk, typed: str, title: str) -> None:
        """In words of our own, never discord.py's."""
        answer = await talk.answer_to(f"!admin_quota {typed}", as_=OPERATOR_ID)

        assert title_of(answer) == title

    async def test_wrong_arguments_are_explained_in_french(self, talk: Talk) -> None:
        """The usage too."""
        await talk.speaks("fr", user=OPERATOR_ID)
        await talk.slash("help", as_=OPERATOR_ID)

        answer = await talk.answer_to(f"!admin_quota add {MEMBER} beaucoup", as_=OPERATOR_ID)

        assert "1 000 000 000" in text_of(answer)
        assert "!admin_quota add" in text_of(answer)
        assert "Please" not in text_of(answer)

    async def test_reasons_cannot_ping_or_link(self, talk: Talk) -> None:
        """What operators paste is made harmless too."""
        reason = "@everyone see https://evil.example and [here](https://evil.example)"

        answer = await talk.answer_to(f"!admin_quota add {MEMBER} 5 {reason}", as_=OPERATOR_ID)

        assert "@everyone" not in text_of(answer)
        assert "https://" not in text_of(answer)
        assert not answer["mention_everyone"]

    async def test_a_message_delivered_twice_grants_once(
        self, talk: Talk, core: Core, running: Running, sandbox: Sandbox
    ) -> None:
        """The message's id is the key of the grant."""
        answer = await talk.answer_to(f"!admin_quota add {MEMBER} 5", as_=OPERATOR_ID)
        message = next(one for one in sandbox.world.messages.values() if "admin_quota" in one.content)
        channel = running.bot.get_partial_messageable(message.channel_id)
        again = await channel.fetch_message(message.id)

        running.bot.dispatch("message", again)
        await talk.next_message(answer["id"])

        assert await core.bought() == 5


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("as_", [MEMBER_ID, FRIEND_ID, ADMIN_ID], ids=["member", "friend", "admin"])
async def test_everybody_else_is_refused_everything(
    talk: Talk, core: Core, running: Running, as_: int
) -> None:
    """Every command of the group, in all three forms; the Administrator's server is no operator's."""
    leaves = [one for one in running.bot.walk_commands() if one.qualified_name.startswith("admin_quota")]
    options: dict[str, Any] = {"user": str(as_), "amount": 5, "plan": "founder", "order": "ord_1"}
    for leaf in leaves:
        for start in ("!", f"{MENTION} "):
            answer = await talk.answer_to(f"{start}{leaf.qualified_name} <@{as_}> 5", as_=as_)

            assert title_of(answer) == "⛔ Not allowed", leaf.qualified_name
        if leaf.qualified_name != "admin_quota":
            wanted = {name: options[name] for name in leaf.clean_params if name in options}
            answer = await talk.slash(leaf.qualified_name, as_=as_, **wanted)

            assert title_of(answer) == "⛔ Not allowed", leaf.qualified_name
            assert answer["ephemeral"]

    assert len(leaves) == 8
    assert await core.bought(as_) == 0
    assert await core.database.read(_audit) == []


@pytest.mark.parametrize("name", [custom_ids.refund, custom_ids.look], ids=["refund", "look"])
async def test_a_forged_refund_button_is_refused(talk: Talk, running: Running, name: Any) -> None:
    """An order's id is no secret; only operators, looked up at the press, get any further."""
    forged = await talk.drawn_by(running.bot, name("ord_" + "f" * 32, FRIEND_ID))

    answer = await talk.press_id(forged, name("ord_" + "f" * 32, FRIEND_ID), as_=FRIEND_ID)

    assert title_of(answer) == "⛔ Not allowed"


async def test_a_forged_stats_button_is_refused(talk: Talk, running: Running) -> None:
    """Owner and rights are two questions."""
    forged = await talk.drawn_by(running.bot, custom_ids.stats(FRIEND_ID))

    refused = await talk.press_label(forged, "Old", as_=FRIEND_ID)

    assert title_of(refused) == "⛔ Not allowed"


async def test_administrators_of_an_operators_server_are_operators_there(
    sandbox: Sandbox, talk: Talk, tmp_path: Path
) -> None:
    """There, not in direct messages, and nobody without the permission."""
    assert sandbox.url
    operators = Operators(guild_ids=frozenset({GUILD_ID}))
    async with opened_core(tmp_path / "q.db", operators=operators) as core, running_bot(core.parts):
        granted = await talk.answer_to(f"!admin_quota add {MEMBER} 5", as_=ADMIN_ID)
        by_slash = await talk.slash("admin_quota add", as_=ADMIN_ID, user=str(MEMBER_ID), amount=5)
        direct = await talk.answer_to(f"!admin_quota add {MEMBER} 5", as_=ADMIN_ID, channel="dm")
        member = await talk.answer_to(f"!admin_quota add {MEMBER} 5")

        assert title_of(granted) == title_of(by_slash) == "✅ Quota added"
        assert title_of(direct) == title_of(member) == "⛔ Not allowed"
        assert labels_of(granted) == []
        assert await core.bought() == 10
