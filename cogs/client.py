"""The bot as Discord sees it: what it listens to, how it is called, and what every command goes through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from cogs.buttons import is_expired
from cogs.command_sync import Marks, sync_when_changed
from cogs.errors import Mishaps
from cogs.replies import tell
from cogs.slash_texts import SlashTexts
from cogs.speech import Speech
from cogs.topic import Topic
from cogs.under_way import UnderWay
from quota_core.request_ids import enter_request
from wording.refusals import argument_card

log = logging.getLogger(__name__)

# We use no voice, so nobody needs to be told at each start that its libraries are missing.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False

MAX_RATE_LIMIT_SECONDS = 30.0  # discord.py takes no less; without it, one call may sleep for hours
MAX_SYNC_PAUSE_SECONDS = 600.0
CLOSE_SECONDS = 2.0
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    read_message_history=True,
)


class CommandTree(app_commands.CommandTree["QuotaBot"]):
    """Slash commands that are waited for when the bot closes, and whose failures reach the user in words."""

    async def _call(self, interaction: discord.Interaction[QuotaBot]) -> None:
        # Overridden although it is private: nothing public stands around a whole command.
        enter_request(f"interaction:{interaction.id}")
        with self.client.under_way:
            await super()._call(interaction)

    async def on_error(
        self, interaction: discord.Interaction[QuotaBot], error: app_commands.AppCommandError, /
    ) -> None:
        """Tell what went wrong, unless the command or its cog has a handler of its own."""
        command = interaction.command
        if isinstance(command, app_commands.Command) and command._has_any_error_handlers():  # noqa: SLF001 - discord.py's own default asks the same, and offers nothing public
            return
        await self.client.mishaps.report(interaction, error)


class QuotaBot(commands.Bot):
    """
    The bot: one process, one gateway connection, no privileged intent but the message content, and that if wanted.

    Args:
        speech: in which language a person is answered.
        mishaps: tells users what went wrong.
        make_cogs: makes the cogs for this bot, which are loaded before it connects.
        extensions: modules of other people's cogs, loaded after ours; one that fails is logged and left out.
        marks: remembers which slash commands were registered.
        message_content: whether to ask for the message-content intent, without which `!name` works in
            direct messages only, and mentions and slash commands everywhere.
        prefix: before the name of a command in a message.

    """

    def __init__(
        self,
        *,
        speech: Speech,
        mishaps: Mishaps,
        make_cogs: Callable[[QuotaBot], Sequence[commands.Cog]],
        extensions: Sequence[str] = (),
        marks: Marks,
        message_content: bool,
        prefix: str,
        **options: Any,
    ) -> None:
        intents = discord.Intents(
            guilds=True, guild_messages=True, dm_messages=True, message_content=message_content
        )
        super().__init__(
            commands.when_mentioned_or(prefix),
            help_command=None,
            tree_cls=CommandTree,
            intents=intents,
            # Without it Discord honours every mention in what we send, @everyone included.
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=False
            ),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
            max_ratelimit_timeout=MAX_RATE_LIMIT_SECONDS,
            max_messages=None,
            strip_after_prefix=True,
            case_insensitive=True,
            **options,
        )
        self.speech = speech
        self.mishaps = mishaps
        self.synced = asyncio.Event()
        self.refused = asyncio.Event()
        self.under_way = UnderWay()
        self._make_cogs = make_cogs
        self._extensions = tuple(extensions)
        self._marks = marks
        self._buttons: tuple[type[discord.ui.DynamicItem[Any]], ...] = ()
        self._syncing: asyncio.Task[None] | None = None

    async def setup_hook(self) -> None:
        """Load the cogs; called once, after login and before the gateway."""
        for cog in self._make_cogs(self):
            await self.add_cog(cog)
            if isinstance(cog, Topic):
                self._buttons += cog.buttons
        self.add_dynamic_items(*self._buttons)
        for name in self._extensions:
            try:
                await self.load_extension(name)
            except commands.ExtensionError:
                log.exception("the cog %s of EXTRA_COGS is left out", name)
        await self.tree.set_translator(SlashTexts())
        # Aside, so that a Discord that refuses commands just now keeps nobody from using the others.
        self._syncing = asyncio.create_task(self._sync(), name="register slash commands")

    async def close(self) -> None:
        """Finish what is under way, within bounds, then close cogs and connections."""
        if self._syncing is not None:
            self._syncing.cancel()
        await self.under_way.finish(CLOSE_SECONDS)
        await super().close()

    async def _sync(self) -> None:
        pause_seconds = 1.0
        while True:
            try:
                await sync_when_changed(self.tree, self._marks)
            except app_commands.CommandSyncFailure:
                log.exception("Discord refuses the slash commands; they stay as they were")
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                log.warning("could not register slash commands: %s; again in %.0f s", error, pause_seconds)
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(MAX_SYNC_PAUSE_SECONDS, 2 * pause_seconds)
                continue
            self.synced.set()
            return

    def invite_url(self) -> str:
        """Return the link that invites the bot with the permissions it needs."""
        assert self.application_id is not None
        return discord.utils.oauth_url(
            self.application_id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
        )

    # Messages

    async def on_message(self, message: discord.Message, /) -> None:
        """Run the command in a message; a mention of the bot that names none is news for the cogs."""
        if message.author.bot or message.webhook_id is not None or self.under_way.finishing:
            return
        enter_request(f"message:{message.id}")
        with self.under_way:
            context = await self.get_context(message)
            if context.command is None and self._is_addressed(message):
                self.dispatch("bare_mention", context)
                return
            await self.invoke(context)

    def _is_addressed(self, message: discord.Message) -> bool:
        """Tell whether the message begins with a mention of the bot."""
        assert self.user is not None
        return message.content.startswith((f"<@{self.user.id}>", f"<@!{self.user.id}>"))

    async def on_command_error(self, context: commands.Context[Any], error: commands.CommandError, /) -> None:
        """Tell what went wrong, unless the command or its cog has a handler of its own."""
        if context.command is not None and context.command.has_error_handler():
            return
        if context.cog is not None and context.cog.has_error_handler():
            return
        await self.mishaps.report(context, error)

    # Buttons

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Answer presses of buttons that an older or newer version made; the others find their own way."""
        if interaction.type is not discord.InteractionType.component:
            return
        data: Any = interaction.data or {}
        custom_id = str(data.get("custom_id", ""))
        if not is_expired(custom_id, self._buttons):
            return
        try:
            words = await self.speech.words(interaction)
            await tell(interaction, argument_card("expired_button", words, usage="", command="/quota"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the user is told and the log has it
            await self.mishaps.report(interaction, error)
