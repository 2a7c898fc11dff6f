"""A small bot on the real discord.py, with one of everything that the sandbox has to carry."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import discord
from discord import app_commands
from discord.ext import commands

INTENTS = discord.Intents(guilds=True, messages=True, message_content=True)
PATIENCE_SECONDS = 120


class HelloButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"v1:hello:(?P<number>[0-9]+)"):
    """A button whose state is in its custom_id."""

    def __init__(self, number: str) -> None:
        super().__init__(discord.ui.Button(label="Hello", custom_id=f"v1:hello:{number}"))
        self.number = number

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(match["number"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.followup.send(f"pressed {self.number}")


class NameModal(discord.ui.Modal, title="Your name"):
    """A form with one line."""

    name: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Name", custom_id="name", max_length=20)

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_message(f"hello {self.name.value}", ephemeral=True)


class Choices(discord.ui.View):
    """A counter that edits its own message, a form, a menu."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="0", custom_id="count")
    async def count(self, interaction: discord.Interaction[Any], button: discord.ui.Button[Any]) -> None:
        button.label = str(int(button.label or "0") + 1)
        await interaction.response.edit_message(view=self)

    @discord.ui.button(label="Form", custom_id="form")
    async def form(self, interaction: discord.Interaction[Any], _button: discord.ui.Button[Any]) -> None:
        await interaction.response.send_modal(NameModal())

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: discord.Interaction[Any], _button: discord.ui.Button[Any]) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="later is now")

    @discord.ui.select(
        custom_id="menu", options=[discord.SelectOption(label="Tea"), discord.SelectOption(label="Milk")]
    )
    async def menu(self, interaction: discord.Interaction[Any], select: discord.ui.Select[Any]) -> None:
        await interaction.response.send_message(f"you chose {select.values[0]}")


class Words(app_commands.Translator):
    """French for two words."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, _context: Any
    ) -> str | None:
        return {"shout": "crier"}.get(string.message) if locale is discord.Locale.french else None


class Samples(commands.Cog):
    """The commands that the tests use."""

    @commands.hybrid_command()  # type: ignore[arg-type]  # discord.py's own types do not see methods of cogs
    async def ping(self, ctx: commands.Context[Any]) -> None:
        """Answer with a button."""
        view = discord.ui.View(timeout=None)
        view.add_item(HelloButton("7"))
        await ctx.send("pong", view=view)

    @commands.hybrid_command()  # type: ignore[arg-type]  # the same
    async def choices(self, ctx: commands.Context[Any]) -> None:
        """Show every kind of component."""
        await ctx.send("choose", view=Choices())

    @commands.hybrid_command()  # type: ignore[arg-type]  # the same
    async def shout(self, ctx: commands.Context[Any], who: discord.User, times: int = 1) -> None:
        """Shout a name."""
        await ctx.send(f"{who.name}! " * times, ephemeral=True)

    @commands.command()
    async def letter(self, ctx: commands.Context[Any]) -> None:
        """Write the author a direct message, twice with one nonce."""
        for _ in range(2):
            await ctx.author.send("for you alone", nonce=42)

    @commands.command()
    async def revise(self, ctx: commands.Context[Any]) -> None:
        """Send a message with a file and an embed, edit it, and reply to the author."""
        embed = discord.Embed(title="Bar", description="▰▰▱").set_image(url="attachment://bar.txt")
        sent = await ctx.send("draft", embed=embed, file=discord.File(io.BytesIO(b"file!"), "bar.txt"))
        await sent.edit(content="final", embed=None, attachments=[])
        await ctx.reply("done", mention_author=False)

    @commands.command()
    async def which(self, ctx: commands.Context[Any], who: discord.Member) -> None:
        """Tell a member found by id."""
        await ctx.send(f"{who.global_name} {who.guild_permissions.administrator}")

    @app_commands.command()
    async def slow(self, interaction: discord.Interaction[Any]) -> None:
        """Answer later, with a follow-up."""
        await interaction.response.defer()
        await interaction.edit_original_response(content="first")
        await interaction.followup.send("second", ephemeral=True)

    @app_commands.command()
    async def typed(self, interaction: discord.Interaction[Any], word: str) -> None:
        """Repeat a completed word."""
        await interaction.response.send_message(word)

    @typed.autocomplete("word")
    async def complete(
        self, _interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{typed}…", value=typed)]


class SmallBot(commands.Bot):
    """The bot; notes what it hears."""

    def __init__(self, intents: discord.Intents = INTENTS) -> None:
        super().__init__(commands.when_mentioned_or("!"), intents=intents, guild_ready_timeout=0.01)
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.happened: asyncio.Queue[str] = asyncio.Queue()

    async def setup_hook(self) -> None:
        self.add_dynamic_items(HelloButton)
        self.add_view(Choices())
        await self.add_cog(Samples())
        await self.tree.set_translator(Words())
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait five seconds between two logins: the sandbox has no such limit."""

    async def on_message(self, message: discord.Message) -> None:
        if not message.author.bot:
            self.heard.put_nowait(message.content)
        await super().on_message(message)

    async def on_connect(self) -> None:
        self.happened.put_nowait("connect")

    async def on_disconnect(self) -> None:
        self.happened.put_nowait("disconnect")

    async def on_resumed(self) -> None:
        self.happened.put_nowait("resumed")

    async def until(self, what: str) -> None:
        """Wait until something happens to the connection."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.happened.get() != what:
                pass


@asynccontextmanager
async def connected(bot: SmallBot) -> AsyncIterator[SmallBot]:
    """Run the bot until the block ends; it is ready when the block begins."""
    running = asyncio.create_task(bot.start("a-token"))
    ready = asyncio.create_task(bot.until("connect"))
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        await ready
        await bot.wait_until_ready()
        yield bot
    finally:
        ready.cancel()
        await bot.close()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(running, ready, return_exceptions=True)
