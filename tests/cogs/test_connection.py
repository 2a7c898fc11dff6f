"""Staying connected: intents that are not granted, tokens that are refused, a Discord that is away."""

from pathlib import Path

import discord
import pytest
import yarl

from cogs.command_sync import MarksInFile, sync_when_changed
from cogs.connection import DiscordState, point_at
from cogs.slash_texts import SlashTexts
from sandbox.places import APPLICATION_ID
from sandbox.server import Sandbox
from tests.cogs.stack import Core, Running, running_bot
from tests.cogs.talk import MENTION, Talk, title_of


async def test_without_the_message_content_intent_slash_and_mention_work(
    talk: Talk, core: Core, caplog: pytest.LogCaptureFixture
) -> None:
    """Discord refuses it, the log says so, a second bot goes on without."""
    await talk.post("world", message_content=False)

    async with running_bot(core.parts) as running:
        slash = await talk.slash("quota")
        mention = await talk.answer_to(f"{MENTION} quota")
        direct = await talk.answer_to("!quota", channel="dm")

        assert title_of(slash) == title_of(mention) == title_of(direct) == "📊 Your quota"
        assert len(running.bots) == 2
        assert not running.bot.intents.message_content
    assert "no message-content intent" in caplog.text


async def test_the_intent_can_be_left_out(talk: Talk, core: Core) -> None:
    """Then it is never asked for, and `!quota` in a server is not read."""
    await talk.post("world", message_content=False)

    async with running_bot(core.parts, message_content=False) as running:
        await talk.say("!quota")
        answer = await talk.answer_to(f"{MENTION} help")

        assert title_of(answer) == "📖 Help"
        assert len(running.bots) == 1


async def test_no_privileged_intent_but_that_one(running: Running) -> None:
    """Members and presences are never needed."""
    assert not running.bot.intents.members
    assert not running.bot.intents.presences


async def test_nothing_we_send_can_ping(running: Running) -> None:
    """The default of the whole client."""
    allowed = running.bot.allowed_mentions

    assert allowed is not None
    assert dict(allowed.to_dict()) == {"parse": []}


async def test_a_refused_token_ends_discord_for_good(
    talk: Talk, core: Core, caplog: pytest.LogCaptureFixture
) -> None:
    """At login; the supervisor returns and says what to do."""
    await talk.post("world", token_revoked=True)

    async with running_bot(core.parts, until=DiscordState.REFUSED) as running:
        await running.task

    assert running.states.seen == [DiscordState.CONNECTING, DiscordState.REFUSED]
    assert "DISCORD_TOKEN" in caplog.text


async def test_a_token_revoked_later_ends_discord_for_good(talk: Talk, running: Running) -> None:
    """The gateway closes with 4004."""
    await talk.post("world", token_revoked=True)

    await running.states.until(DiscordState.REFUSED)
    await running.task

    assert running.bot.is_closed()


async def test_a_discord_that_is_away_is_waited_for(talk: Talk, core: Core) -> None:
    """Each attempt begins afresh, after a pause."""
    await talk.fault("discord", "status", status=503, times=1, path="users/@me$")

    async with running_bot(core.parts) as running:
        answer = await talk.answer_to("!quota")

    assert title_of(answer) == "📊 Your quota"
    assert len(running.bots) == 2


@pytest.mark.parametrize(
    "trouble",
    [{"fault": "cut"}, {"fault": "reconnect"}, {"fault": "close", "code": 4000}],
    ids=["cut", "op 7", "4000"],
)
async def test_a_lost_gateway_comes_back(talk: Talk, running: Running, trouble: dict[str, object]) -> None:
    """With the same bot, and nothing said twice."""
    await talk.fault("gateway", times=1, **trouble)  # type: ignore[arg-type] # facts of one fault
    await running.states.until(DiscordState.CONNECTED, times=2)

    answer = await talk.answer_to("!quota")

    assert title_of(answer) == "📊 Your quota"
    assert len(running.bots) == 1


async def test_commands_are_registered_only_when_they_changed(
    sandbox: Sandbox, running: Running, tmp_path: Path
) -> None:
    """Or when Discord lost them: it takes 200 registrations a day."""
    marks = MarksInFile(tmp_path / "commands")
    tree = running.bot.tree

    assert await sync_when_changed(tree, marks)
    assert not await sync_when_changed(tree, marks)
    sandbox.world.commands.clear()
    assert await sync_when_changed(tree, marks)
    assert len(sandbox.world.commands) == 9


async def test_a_registration_that_fails_keeps_nobody_waiting(talk: Talk, core: Core) -> None:
    """Messages are answered meanwhile; it is tried again."""
    await talk.fault("discord", "status", status=503, times=1, path="/commands$")

    async with running_bot(core.parts):
        answer = await talk.slash("quota")

    assert title_of(answer) == "📊 Your quota"


async def test_the_invite_link_is_logged(talk: Talk, core: Core, caplog: pytest.LogCaptureFixture) -> None:
    """With the permissions the bot needs, and no more."""
    assert talk
    caplog.set_level("INFO", "cogs.connection")

    async with running_bot(core.parts) as running:
        link = yarl.URL(running.bot.invite_url())

    assert str(link) in caplog.text
    assert link.query["client_id"] == str(APPLICATION_ID)
    assert not discord.Permissions(int(link.query["permissions"])).administrator
    assert set(link.query["scope"].split()) == {"bot", "applications.commands"}


def test_discord_py_is_sent_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """REST, gateway and pictures."""
    for owner, name in (
        (discord.http.Route, "BASE"),
        (discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY"),
        (discord.asset.Asset, "BASE"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))

    point_at("http://127.0.0.1:8081/api/v10/", "ws://127.0.0.1:8081/gateway/")

    assert discord.http.Route("GET", "/users/@me").url == "http://127.0.0.1:8081/api/v10/users/@me"
    assert str(discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY) == "ws://127.0.0.1:8081/gateway/"
    assert discord.asset.Asset.BASE == "http://127.0.0.1:8081"


async def test_texts_of_other_cogs_are_left_alone(running: Running) -> None:
    """A command that is not ours keeps its description."""

    @discord.app_commands.command(name="foreign", description="Not ours")
    async def foreign(interaction: discord.Interaction[discord.Client], word: str) -> None:
        raise NotImplementedError(interaction, word)

    payload = await foreign.get_translated_payload(running.bot.tree, SlashTexts())

    assert payload["description"] == "Not ours"
    assert not payload["description_localizations"]
