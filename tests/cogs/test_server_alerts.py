"""The channel in which a server hears of itself: set by who manages the server, told and logged like all others."""

import pytest

from quota_core.accounts import AccountRef
from quota_core.errors import NotAllowedError
from quota_core.operators import Actor
from quota_core.resending import PAUSE_MS
from quota_core.store import recipients as rows
from sandbox.places import ADMIN_ID, BOT_COMMANDS_ID, GENERAL_ID, GUILD_ID, OPERATOR_ID
from tests.cogs.stack import Core
from tests.cogs.talk import Talk, text_of, title_of

GUILD = AccountRef("guild", str(GUILD_ID))
ELSEWHERE = 1101500000000000777  # a channel of another server
MANAGER = Actor(user_id=ADMIN_ID, guild_id=GUILD_ID, manages_guild=True)


async def channels(core: Core) -> list[tuple[str, bool]]:
    """Return the channels of the server's alerts, and whether each is on."""
    found = await core.parts.messages.server_alerts.of(GUILD_ID)
    return [(one.target, one.disabled_ms is None) for one in found]


async def set_here(talk: Talk, core: Core, channel: int) -> None:
    """Set the channel, and wait for the card and for the test that follows, whichever comes first."""
    after = await talk.latest_id(viewer=ADMIN_ID, channel=channel)
    await talk.slash("server_quota", as_=ADMIN_ID, channel=channel, setting="alerts_here")
    await talk.several(after=after, count=2, as_=ADMIN_ID, channel=channel)
    assert await core.notices.outcome() == "sent"


@pytest.mark.usefixtures("running")
async def test_a_server_hears_of_itself_where_it_was_set(talk: Talk, core: Core) -> None:
    """First a test, then its alerts, which say whose they are."""
    after = await talk.latest_id(viewer=ADMIN_ID)
    await talk.say("!server_quota alerts_here", as_=ADMIN_ID)
    seen = await talk.several(after=after, count=3, as_=ADMIN_ID)
    assert await core.notices.outcome() == "sent"
    after = await talk.latest_id(viewer=ADMIN_ID)
    await core.parts.quota.consume(GUILD, 48, key="a")
    await core.parts.messages.alerts.route()
    alert = await talk.next_message(after, viewer=ADMIN_ID)
    titles = {title_of(one): one for one in seen if one["embeds"]}

    assert f"<#{GENERAL_ID}>" in text_of(titles["✅ Server quota changed"])
    assert "nothing has happened" in text_of(titles["🔔 A test"])
    assert title_of(alert) == "📊 Quota almost used up!"
    assert "👤 Account\nthis server" in text_of(alert)
    assert await core.notices.outcome() == "sent"


@pytest.mark.usefixtures("running")
async def test_they_move_with_the_command_and_end_with_it(talk: Talk, core: Core) -> None:
    """One channel of the server at a time, in either form; what an operator added elsewhere stays."""
    await core.parts.messages.recipients.add(GUILD, "channel", str(ELSEWHERE))
    await set_here(talk, core, GENERAL_ID)
    first = await channels(core)
    await set_here(talk, core, BOT_COMMANDS_ID)
    moved = await channels(core)
    shown = await talk.slash("server_quota", as_=ADMIN_ID)
    await talk.slash("server_quota", as_=ADMIN_ID, setting="alerts_off")
    members = await talk.slash("server_quota")

    assert first == [(str(ELSEWHERE), True), (str(GENERAL_ID), True)]
    assert moved == [(str(ELSEWHERE), True), (str(BOT_COMMANDS_ID), True)]
    assert f"<#{BOT_COMMANDS_ID}>" in text_of(shown)
    assert await channels(core) == [(str(ELSEWHERE), True)]
    assert "alerts" not in text_of(members).lower()


@pytest.mark.usefixtures("running")
async def test_a_channel_that_was_turned_off_is_turned_on_again(talk: Talk, core: Core) -> None:
    """The card says that it is off, and the command mends it."""
    await set_here(talk, core, GENERAL_ID)
    [one] = await core.parts.messages.server_alerts.of(GUILD_ID)
    await core.database.write(lambda: rows.disable(one.id, core.clock()))
    off = await talk.slash("server_quota", as_=ADMIN_ID)
    core.clock.ahead_ms += PAUSE_MS
    await set_here(talk, core, GENERAL_ID)

    assert "turned off after many failures" in text_of(off)
    assert await channels(core) == [(str(GENERAL_ID), True)]


async def test_the_core_checks_who_sets_it(core: Core) -> None:
    """Who manages another server, or asks elsewhere, or is an operator of the bot, sets nothing here."""
    alerts = core.parts.messages.server_alerts
    await alerts.tell_in(GUILD_ID, MANAGER, GENERAL_ID, channels=[GENERAL_ID], locale="en")
    for actor in (
        Actor(user_id=5, guild_id=GUILD_ID),
        Actor(user_id=5, guild_id=GUILD_ID + 1, administrator=True, manages_guild=True),
        Actor(user_id=5, administrator=True),
        Actor(user_id=OPERATOR_ID),
    ):
        with pytest.raises(NotAllowedError):
            await alerts.tell_in(GUILD_ID, actor, ELSEWHERE, channels=[ELSEWHERE], locale="en")
        with pytest.raises(NotAllowedError):
            await alerts.tell_nowhere(GUILD_ID, actor, channels=[GENERAL_ID])

    assert await channels(core) == [(str(GENERAL_ID), True)]
