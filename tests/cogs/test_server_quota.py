"""A server's own quota: shown to members, shared out by who manages the server, and never made by them."""

import pytest

from cogs import custom_ids
from cogs.server_quota import SETTINGS
from quota_core.accounts import AccountRef
from quota_core.errors import NotAllowedError
from quota_core.operators import Actor
from quota_core.statements import Row, Work, fetch
from sandbox.places import ADMIN_ID, ADMIN_ROLE_ID, FRIEND_ID, GUILD_ID, MEMBER_ID, OPERATOR_ID
from tests.cogs.stack import Core, Running
from tests.cogs.talk import MENTION, Talk, labels_of, text_of, title_of
from tests.core.opened_ledger import OPERATOR

GUILD = AccountRef("guild", str(GUILD_ID))
SERVER_ADMIN = Actor(user_id=ADMIN_ID, guild_id=GUILD_ID, administrator=True)


async def server_has(core: Core, units: int) -> None:
    """Give the server units, as an operator does."""
    operator = Actor(user_id=OPERATOR_ID)
    await core.parts.grants.add(GUILD, units, actor=operator, reason="", key="g")


@pytest.mark.usefixtures("running")
async def test_members_draw_from_the_server_within_their_cap(talk: Talk, core: Core) -> None:
    """After their own quota; give-backs, other members and the cap of a role apart."""
    await server_has(core, 30)
    for setting in ("on", "day 2"):
        await talk.answer_to(f"!server_quota {setting}", as_=ADMIN_ID)
    await core.spend(50)
    answers = [await talk.answer_to(f"!ask {number}?") for number in range(3)]
    await core.spend(50, user_id=FRIEND_ID, key="theirs")
    other = await talk.answer_to("!ask me?", as_=FRIEND_ID)
    left = (await core.parts.balances.of(GUILD)).of("requests")

    assert ["Not enough quota" in text_of(answer) for answer in answers] == [False, False, True]
    assert "This server has more, but you have drawn from it what one member may." in text_of(answers[2])
    assert "Not enough quota" not in text_of(other)
    assert left is not None
    # The server's own day pays before its bought units.
    assert (left.windows[0].used, left.purchased_left) == (3, 30)


@pytest.mark.usefixtures("running")
async def test_the_card_shows_what_is_set(talk: Talk, core: Core) -> None:
    """Units and settings, no money; only who manages the server reads how to change them."""
    await server_has(core, 30)
    await talk.answer_to("!server_quota on", as_=ADMIN_ID)
    await talk.slash("server_quota", as_=ADMIN_ID, setting="server_first")
    await talk.answer_to(f"!server_quota week 40 <@&{ADMIN_ROLE_ID}>", as_=ADMIN_ID)
    admins = await talk.answer_to("!server_quota month 500", as_=ADMIN_ID)
    members = await talk.answer_to(f"{MENTION} server_quota")
    lifted = await talk.answer_to("!server_quota month none", as_=ADMIN_ID)

    assert title_of(members) == "🏠 This server's quota"
    assert "The server's quota goes first." in text_of(members)
    assert f"<@&{ADMIN_ROLE_ID}>: 40 a week" in text_of(members)
    assert "everyone: 500 a month" in text_of(members)
    assert "everyone: 500 a month" not in text_of(lifted)
    assert "For those who manage this server" in text_of(admins)
    assert "For those who manage this server" not in text_of(members)
    assert "€" not in text_of(members)


@pytest.mark.usefixtures("running")
async def test_who_changed_what_is_in_the_log(
    talk: Talk, core: Core, caplog: pytest.LogCaptureFixture
) -> None:
    """Settings move no unit, so no entry names their author."""
    caplog.set_level("INFO", "quota_core.pools")
    await talk.answer_to("!server_quota day 7", as_=ADMIN_ID)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "quota_core.pools"]

    assert line.startswith(f"user:{ADMIN_ID} set the quota of server {GUILD_ID}: ")
    assert "(0, 'day', 7)" in line
    assert (await core.parts.pools.of(GUILD_ID)).caps == ((0, "day", 7),)


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("setting", [one for one in SETTINGS if one != "share"])
async def test_members_change_nothing(talk: Talk, core: Core, setting: str) -> None:
    """Every setting, in both forms; nor does an operator of the bot who does not manage the server."""
    for who in (MEMBER_ID, FRIEND_ID, OPERATOR_ID):
        typed = await talk.answer_to(f"!server_quota {setting} 5", as_=who)
        slash = await talk.slash("server_quota", as_=who, setting=setting, units="5")

        assert title_of(typed) == title_of(slash) == "⛔ Not allowed"
        assert "Only those who manage this server" in text_of(typed)
    assert not (await core.parts.pools.of(GUILD_ID)).enabled
    assert await core.parts.messages.recipients.every() == []
    assert await core.bought() == 0


@pytest.mark.usefixtures("running")
async def test_who_manages_a_server_makes_no_units(talk: Talk, core: Core) -> None:
    """Whatever is set: what the server and its people have is what it was."""
    for setting in ("on", "server_first", "day 1000000", "week 0", "month none", "members_first", "off"):
        await talk.answer_to(f"!server_quota {setting}", as_=ADMIN_ID)
    refused = await talk.answer_to(f"!admin_quota add <@{ADMIN_ID}> 5", as_=ADMIN_ID)

    assert title_of(refused) == "⛔ Not allowed"
    assert await core.bought(ADMIN_ID) == 0
    assert not (await core.parts.balances.of(GUILD)).metrics[0].purchased


@pytest.mark.usefixtures("running")
async def test_a_cap_is_not_lifted_by_half_a_command(talk: Talk, core: Core) -> None:
    """Without an amount nothing changes, in either form: it takes the word to lift a cap."""
    await talk.answer_to("!server_quota day 5", as_=ADMIN_ID)
    typed = await talk.answer_to("!server_quota day", as_=ADMIN_ID)
    slash = await talk.slash("server_quota", as_=ADMIN_ID, setting="day")
    kept = await core.parts.pools.of(GUILD_ID)

    assert ["units" in text_of(answer) for answer in (typed, slash)] == [True, True]
    assert [title_of(answer) for answer in (typed, slash)] == ["✏️ Something is missing"] * 2
    assert [units for *_, units in kept.caps] == [5]


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("units", ["-1", "1e3", "٣", "9" * 20])
async def test_a_cap_is_a_plain_number(talk: Talk, core: Core, units: str) -> None:
    """Anything else is explained and changes nothing."""
    refused = await talk.answer_to(f"!server_quota day {units}", as_=ADMIN_ID)

    assert title_of(refused) == "✏️ Not an amount"
    assert (await core.parts.pools.of(GUILD_ID)).caps == ()


async def test_the_core_checks_who_asks(core: Core) -> None:
    """Who manages another server is nobody here."""
    pools = core.parts.pools
    for actor in (
        Actor(user_id=5, guild_id=GUILD_ID),
        Actor(user_id=5, guild_id=GUILD_ID + 1, administrator=True, manages_guild=True),
        Actor(user_id=5, administrator=True),
        OPERATOR,
    ):
        with pytest.raises(NotAllowedError):
            await pools.set_up(GUILD_ID, actor, enabled=True)
        with pytest.raises(NotAllowedError):
            await pools.set_cap(GUILD_ID, actor, role=0, period="day", units=5)
    manager = Actor(user_id=5, guild_id=GUILD_ID, manages_guild=True)

    assert (await pools.set_up(GUILD_ID, manager, enabled=True)).enabled


async def test_the_largest_cap_of_the_own_roles_counts(core: Core) -> None:
    """Without a role that has one, everyone's; other servers draw nothing."""
    pools = core.parts.pools
    await pools.set_up(GUILD_ID, SERVER_ADMIN, enabled=True)
    for role, units in ((0, 5), (11, 20), (12, 40)):
        await pools.set_cap(GUILD_ID, SERVER_ADMIN, role=role, period="day", units=units)
    pool = await pools.of(GUILD_ID)
    caps = [draw.caps for roles in ((), (11,), (11, 12), (13,)) if (draw := pool.draw(GUILD_ID, roles))]
    elsewhere = (await pools.of(GUILD_ID + 1)).draw(GUILD_ID + 1, (12,))

    assert caps == [(("day", 5),), (("day", 20),), (("day", 40),), (("day", 5),)]
    assert elsewhere is None


async def test_the_card_is_french_in_french(talk: Talk, running: Running) -> None:
    """Every text is."""
    assert running.bot
    await talk.speaks("fr")
    card = await talk.slash("server_quota")

    assert title_of(card) == "🏠 Le quota de ce serveur"


SERVER_PLUS = custom_ids.server_buy("quota_1000", GUILD_ID, ADMIN_ID)


async def ordered(core: Core) -> list[tuple[str, str, str]]:
    """Return who receives and who pays, of every order."""

    def work() -> Work[list[Row]]:
        return (
            yield fetch(
                "SELECT a.kind, a.external_id, b.external_id FROM orders o"
                " JOIN accounts a ON a.id = o.account JOIN accounts b ON b.id = o.buyer"
            )
        )

    return [(row[0], row[1], row[2]) for row in await core.database.read(work)]


@pytest.mark.usefixtures("running")
async def test_who_manages_the_server_buys_for_it(talk: Talk, core: Core) -> None:
    """The link goes to the buyer alone, and the server gets the units."""
    card = await talk.answer_to("!server_quota", as_=ADMIN_ID)
    offer = await talk.press_id(card, SERVER_PLUS, as_=ADMIN_ID)

    assert offer["ephemeral"]
    assert labels_of(offer) == ["Pay €14.99"]
    assert await ordered(core) == [("guild", str(GUILD_ID), str(ADMIN_ID))]


async def test_nobody_else_buys_for_the_server(talk: Talk, core: Core, running: Running) -> None:
    """No button on a member's card; a forged one, and one of another server, open nothing."""
    card = await talk.answer_to("!server_quota")
    forged = [
        (custom_ids.server_buy("quota_1000", GUILD_ID, MEMBER_ID), MEMBER_ID),
        (custom_ids.server_buy("quota_1000", GUILD_ID + 1, ADMIN_ID), ADMIN_ID),
    ]
    answers = []
    for custom_id, who in forged:
        message = await talk.drawn_by(running.bot, custom_id)
        answers.append(await talk.press_label(message, "Old", as_=who))

    assert labels_of(card) == []
    assert all(answer["ephemeral"] for answer in answers)
    assert not any("Pay" in label for answer in answers for label in labels_of(answer))
    assert await ordered(core) == []


@pytest.mark.usefixtures("running")
async def test_a_setting_that_does_not_exist_is_explained(talk: Talk) -> None:
    """With those that there are; nothing is changed, and nothing is shown as if it were."""
    for typed in ("nonsense", "members_first|nonsense"):
        answer = await talk.answer_to(f"!server_quota {typed}", as_=ADMIN_ID)

        assert title_of(answer) == "🔎 Unknown command"
        assert "members\\_first" in text_of(answer)


@pytest.mark.usefixtures("running")
async def test_a_role_that_is_none_caps_nobody(talk: Talk, core: Core) -> None:
    """A cap that was meant for few must not hold for everyone."""
    answer = await talk.answer_to("!server_quota day 5 nonsense", as_=ADMIN_ID)
    more = await talk.answer_to(f"!server_quota day 5 <@&{ADMIN_ROLE_ID}> please", as_=ADMIN_ID)

    assert title_of(answer) == "✏️ I did not understand that"
    assert title_of(more) == "✏️ Too much of a good thing"
    assert (await core.parts.pools.of(GUILD_ID)).caps == ()


@pytest.mark.usefixtures("running")
async def test_what_was_saved_is_said(talk: Talk) -> None:
    """Also who pays first while members may not use it yet."""
    changed = await talk.answer_to("!server_quota server_first", as_=ADMIN_ID)
    shown = await talk.answer_to("!server_quota", as_=ADMIN_ID)

    assert title_of(changed) == "✅ Server quota changed"
    assert "The server's quota goes first." in text_of(changed)
    assert title_of(shown) == "🏠 This server's quota"


@pytest.mark.usefixtures("running")
async def test_a_server_that_has_nothing_left_is_no_cap(talk: Talk, core: Core) -> None:
    """Nor is one whose cap leaves more than it has."""
    await talk.answer_to("!server_quota on", as_=ADMIN_ID)
    await talk.answer_to("!server_quota day 60", as_=ADMIN_ID)
    await core.spend(50)
    await core.parts.quota.consume(GUILD, 50, key="all")
    answer = await talk.answer_to("!ask more?")

    assert "Not enough quota" in text_of(answer)
    assert "one member may" not in text_of(answer)
