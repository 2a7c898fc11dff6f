"""The unmodified discord.py client against the sandbox, over real sockets."""

import asyncio
import io
import logging
from contextlib import suppress
from typing import Any

import discord
import pytest
from discord.ext.commands import AutoShardedBot

from sandbox.places import ADMIN_ID, APPLICATION_ID, FRIEND_ID, GENERAL_ID, GUILD_ID, MEMBER_ID
from sandbox.server import Sandbox
from tests.sandbox.people import PATIENCE_SECONDS, People
from tests.sandbox.small_bot import INTENTS, HelloButton, Samples, SmallBot, connected


async def test_a_prefix_command_is_answered_with_a_button(bot: SmallBot, people: People) -> None:
    """A message of a person reaches the bot, and its answer the person."""
    pong = await people.answer_to("!ping")

    assert bot.user is not None
    assert pong["author"]["id"] == str(APPLICATION_ID) == str(bot.user.id)
    assert pong["content"] == "pong"
    assert pong["components"][0]["components"][0]["custom_id"] == "v1:hello:7"


@pytest.mark.usefixtures("bot")
async def test_a_mention_works_as_a_prefix(people: People) -> None:
    """`@bot ping` is the same as `!ping`."""
    pong = await people.answer_to(f"<@{APPLICATION_ID}> ping")

    assert pong["content"] == "pong"


async def test_without_the_intent_only_mentions_and_direct_messages_are_read(
    redirected: Sandbox, people: People
) -> None:
    """The content of other messages arrives empty, as from Discord."""
    redirected.world.grant(message_content=False)
    async with connected(SmallBot(discord.Intents(guilds=True, messages=True))) as bot:
        await people.say("!ping")
        pong = await people.answer_to(f"<@{APPLICATION_ID}> ping")
        direct = await people.answer_to("!ping", channel="dm")
        heard = [bot.heard.get_nowait() for _ in range(3)]

    assert heard == ["", f"<@{APPLICATION_ID}> ping", "!ping"]
    assert pong["content"] == direct["content"] == "pong"


async def test_an_intent_that_is_not_granted_ends_the_login(redirected: Sandbox) -> None:
    """Discord closes with 4014, which discord.py turns into its own exception."""
    redirected.world.grant(message_content=False)

    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with connected(SmallBot()):
            pass


async def test_a_revoked_token_ends_the_bot(redirected: Sandbox, people: People) -> None:
    """The gateway closes with 4004 and REST answers 401."""
    bot = SmallBot()
    async with bot:
        running = asyncio.create_task(bot.start("a-token"))
        await bot.until("connect")
        await people.post("world", token_revoked=True)
        with pytest.raises(discord.ConnectionClosed) as closed:
            await running

    assert closed.value.code == 4004
    with pytest.raises(discord.LoginFailure):
        async with connected(SmallBot()):
            pass
    assert redirected.world.token_revoked


@pytest.mark.usefixtures("bot")
async def test_a_press_is_answered_privately(people: People) -> None:
    """A deferred private answer is filled by the first follow-up, and nobody else sees it."""
    pong = await people.answer_to("!ping")
    await people.press(pong, "v1:hello:7", as_=FRIEND_ID)

    answer = await people.next_message(pong["id"], viewer=FRIEND_ID)

    assert answer["content"] == "pressed 7"
    assert answer["ephemeral"]
    assert not answer["edited"]
    assert answer["flags"] == 64
    assert answer["reference"]["message_id"] == pong["id"]
    assert await people.seen(after=pong["id"]) == []


@pytest.mark.usefixtures("bot")
async def test_a_slash_command_works_in_the_guild_and_in_a_direct_message(people: People) -> None:
    """The answer names the command and its user."""
    for channel in (GENERAL_ID, "dm"):
        pong = await people.slash("ping", channel=channel)

        assert pong["content"] == "pong"
        assert pong["type"] == 20
        assert pong["interaction"]["name"] == "ping"
        assert pong["interaction"]["user"]["id"] == str(MEMBER_ID)


@pytest.mark.usefixtures("bot")
async def test_options_name_users_and_numbers(people: People) -> None:
    """A user option is resolved; a private answer is seen by its user alone."""
    shouted = await people.slash("shout", who=str(ADMIN_ID), times=2)

    assert shouted["content"] == "chloe.durand! chloe.durand!"
    assert shouted["ephemeral"]
    assert await people.seen(viewer=FRIEND_ID) == []


@pytest.mark.usefixtures("bot")
async def test_a_deferred_answer_is_one_message_and_a_public_one_stays_public(people: People) -> None:
    """The answer fills the message that was thinking; a later follow-up chooses for itself who sees it."""
    first = await people.slash("slow")
    second = await people.next_message(first["id"])

    assert first["content"] == "first"
    assert first["flags"] == 0
    assert not first["ephemeral"]
    assert second["content"] == "second"
    assert second["ephemeral"]
    assert second["reference"]["message_id"] == first["id"]


@pytest.mark.usefixtures("bot")
async def test_a_press_can_edit_its_own_message(people: People) -> None:
    """Both the direct update and the deferred one change the message that was pressed."""
    shown = await people.answer_to("!choices")
    changes = people.changes(MEMBER_ID)
    async with changes:
        await people.press(shown, "count")
        counted = await changes.next("message_update")
        await people.press(shown, "later")
        later = await changes.next("message_update")

    assert counted["message"]["id"] == shown["id"]
    assert counted["message"]["components"][0]["components"][0]["label"] == "1"
    assert counted["message"]["edited"]
    assert later["message"]["content"] == "later is now"


@pytest.mark.usefixtures("bot")
async def test_a_form_goes_to_its_user_and_back(people: People) -> None:
    """A modal is offered to who pressed, and its answer is private."""
    shown = await people.answer_to("!choices")
    changes = people.changes(FRIEND_ID)
    async with changes:
        await people.press(shown, "form", as_=FRIEND_ID)
        modal = await changes.next("modal")
    await people.post("modal", as_=FRIEND_ID, interaction=modal["interaction"], values={"name": "Sam"})

    answer = await people.next_message(shown["id"], viewer=FRIEND_ID)

    assert modal["title"] == "Your name"
    assert answer["content"] == "hello Sam"
    assert answer["ephemeral"]


@pytest.mark.usefixtures("bot")
async def test_a_menu_gives_its_values(people: People) -> None:
    """A choice in a string select reaches the bot."""
    shown = await people.answer_to("!choices")
    await people.press(shown, "menu", values=["Tea"])

    answer = await people.next_message(shown["id"])

    assert answer["content"] == "you chose Tea"


async def test_a_fixed_nonce_sends_one_direct_message(bot: SmallBot, people: People) -> None:
    """The second send returns the first message and makes no other."""
    await people.say("!letter")
    letter = await people.next_message("0", channel="dm")
    await people.answer_to("!ping")

    assert letter["content"] == "for you alone"
    assert len(await people.seen(channel="dm")) == 1
    assert bot.is_ready()


async def test_closed_direct_messages_are_refused(bot: SmallBot, people: People) -> None:
    """The channel opens; sending is what Discord refuses, with 50007."""
    await people.post("users", id=MEMBER_ID, dms_open=False)
    member = await bot.fetch_user(MEMBER_ID)

    with pytest.raises(discord.Forbidden) as refused:
        await member.send("hello")

    assert refused.value.code == 50007


@pytest.mark.usefixtures("bot")
async def test_files_embeds_edits_and_replies(people: People) -> None:
    """A message keeps what an edit leaves alone and loses what it takes away."""
    asked = await people.say("!revise")
    draft = await people.next_message(asked)
    done = await people.next_message(draft["id"])
    final = (await people.seen(after=asked))[0]

    assert draft["content"] == "draft"
    assert draft["embeds"][0]["image"]["url"] == draft["attachments"][0]["url"]
    assert final["content"] == "final"
    assert final["edited"]
    assert final["embeds"] == []
    assert final["attachments"] == []
    assert done["reference"]["message_id"] == asked
    assert done["mentions"] == []


async def test_a_file_can_be_fetched(bot: SmallBot) -> None:
    """The address of an attachment leads to what was sent."""
    channel = bot.get_channel(GENERAL_ID)
    assert isinstance(channel, discord.TextChannel)

    sent = await channel.send(file=discord.File(io.BytesIO(b"hello"), "note.txt", description="a note"))

    assert await sent.attachments[0].read() == b"hello"
    assert sent.attachments[0].description == "a note"


@pytest.mark.usefixtures("bot")
async def test_a_member_is_found_by_id(people: People) -> None:
    """Without the members intent discord.py asks the gateway for one member by id."""
    told = await people.answer_to(f"!which {ADMIN_ID}")

    assert told["content"] == "Chloé Durand True"


@pytest.mark.usefixtures("bot")
async def test_autocomplete_offers_choices(people: People) -> None:
    """What is typed so far reaches the bot, and its choices come back."""
    offered = await people.post(
        "autocomplete",
        as_=MEMBER_ID,
        channel=GENERAL_ID,
        command="typed",
        options={"word": "te"},
        focused="word",
    )

    assert offered["choices"] == [{"name": "te…", "value": "te"}]


async def test_synced_commands_carry_their_translations(bot: SmallBot, people: People) -> None:
    """What `tree.sync` sends is what people are offered."""
    commands = {one["name"]: one for one in (await people.get("commands", viewer=MEMBER_ID))["commands"]}
    fetched = await bot.tree.fetch_commands()

    assert set(commands) == {"ping", "choices", "shout", "slow", "typed"} == {one.name for one in fetched}
    assert commands["shout"]["name_localizations"]["fr"] == "crier"
    assert commands["shout"]["options"][0]["type"] == 6


async def test_limits_that_the_client_does_not_know_are_refused(bot: SmallBot) -> None:
    """discord.py sends 2001 characters; Discord's 50035 comes back with the field's name."""
    channel = bot.get_channel(GENERAL_ID)
    assert isinstance(channel, discord.TextChannel)

    with pytest.raises(discord.HTTPException, match="In content: Must be 2000 or fewer") as refused:
        await channel.send("x" * 2001)

    assert refused.value.code == 50035


async def test_layouts_are_carried_as_components_v2(bot: SmallBot, people: People) -> None:
    """A container with text and a button arrives as it was built."""
    channel = bot.get_channel(GENERAL_ID)
    assert isinstance(channel, discord.TextChannel)
    row: discord.ui.ActionRow[Any] = discord.ui.ActionRow(HelloButton("9"))
    layout = discord.ui.LayoutView(timeout=None)
    layout.add_item(discord.ui.Container(discord.ui.TextDisplay("# Title"), row))
    await channel.send(view=layout)

    shown = await people.next_message("0")
    await people.press(shown, "v1:hello:9")
    answer = await people.next_message(shown["id"])

    assert shown["flags"] == 1 << 15
    assert shown["components"][0]["components"][0]["content"] == "# Title"
    assert answer["content"] == "pressed 9"


async def test_history_is_read_back(bot: SmallBot, people: People) -> None:
    """`channel.history` and `fetch_message` see public messages, not private ones."""
    channel = bot.get_channel(GENERAL_ID)
    assert isinstance(channel, discord.TextChannel)
    pong = await people.answer_to("!ping")
    await people.press(pong, "v1:hello:7")
    private = await people.next_message(pong["id"])

    contents = [message.content async for message in channel.history(limit=10)]

    assert contents == ["pong", "!ping"]
    assert (await channel.fetch_message(int(pong["id"]))).content == "pong"
    with pytest.raises(discord.NotFound):
        await channel.fetch_message(int(private["id"]))


async def test_the_client_knows_the_guild(bot: SmallBot) -> None:
    """READY and GUILD_CREATE fill the caches that commands rely on."""
    guild = bot.get_guild(GUILD_ID)

    assert guild is not None
    assert [channel.name for channel in guild.text_channels] == ["general", "bot-commands"]
    assert guild.me.guild_permissions.send_messages
    assert guild.get_member(MEMBER_ID) is None
    assert (await guild.fetch_member(ADMIN_ID)).guild_permissions.administrator


async def test_what_else_a_bot_looks_up(bot: SmallBot, redirected: Sandbox) -> None:
    """The application, the guild with its channels and roles, users, typing: all as discord.py parses them."""
    application = await bot.application_info()
    guild = await bot.fetch_guild(GUILD_ID)
    channels = await guild.fetch_channels()
    roles = await guild.fetch_roles()
    channel = await bot.fetch_channel(GENERAL_ID)
    assert isinstance(channel, discord.TextChannel)
    await channel.typing()

    assert application.id == APPLICATION_ID
    assert application.flags.gateway_message_content_limited
    assert [one.name for one in channels] == ["general", "bot-commands"]
    assert "Admin" in {role.name for role in roles}
    assert (await bot.fetch_user(FRIEND_ID)).global_name == "Sam Okafor"
    assert not await bot.is_owner(discord.Object(MEMBER_ID))  # type: ignore[arg-type]  # only the id counts
    assert redirected.faults.in_force() == []


async def test_a_sharded_client_asks_where_the_gateway_is(redirected: Sandbox, people: People) -> None:
    """`AutoShardedBot` reads `/gateway/bot` and identifies with its shard."""
    bot = AutoShardedBot("!", intents=INTENTS, guild_ready_timeout=0.01)
    await bot.add_cog(Samples())
    async with bot:
        running = asyncio.create_task(bot.start("a-token"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await bot.wait_for("ready")
        pong = await people.answer_to("!ping")
    with suppress(asyncio.CancelledError):
        await running

    assert bot.shard_count == 1
    assert pong["content"] == "pong"
    assert redirected.url


async def test_nothing_is_logged_as_wrong(
    bot: SmallBot, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """A round of everything leaves no warning or error of discord.py's in the log."""
    caplog.set_level(logging.WARNING)
    caplog.clear()
    for command in ("!ping", "!choices", "!revise"):
        await people.answer_to(command)
    await people.slash("slow")

    assert bot.is_ready()
    assert caplog.records == []
