"""A small real bot with one of everything that the chat page draws."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import discord
import yarl
from discord import app_commands
from discord.ext import commands

PAYLOAD = "<img src=x onerror='window.broken=1'><script>window.broken=1</script>"
BAR = "`█████░░░░░` 50 %"


class Form(discord.ui.Modal, title="Tell me"):
    """A form with a line and a paragraph."""

    topic: discord.ui.TextInput["Form"] = discord.ui.TextInput(label="Topic", placeholder="In a word")
    words: discord.ui.TextInput["Form"] = discord.ui.TextInput(
        label="Words", style=discord.TextStyle.paragraph, required=False
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        """Repeat what was written, privately."""
        await interaction.response.send_message(f"{self.topic.value}: {self.words.value}", ephemeral=True)


class Card(discord.ui.View):
    """Five buttons, a link and a menu."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.add_item(discord.ui.Button(label="Open", url="https://example.org/pay", row=1))
        self.add_item(discord.ui.Button(label="Sold out", disabled=True, custom_id="none", row=1))

    @discord.ui.button(label="Whisper", style=discord.ButtonStyle.primary, custom_id="whisper", row=0)
    async def whisper(self, interaction: discord.Interaction, _: discord.ui.Button["Card"]) -> None:
        """Answer the presser alone."""
        await interaction.response.send_message("for your eyes", ephemeral=True)

    @discord.ui.button(label="Edit", style=discord.ButtonStyle.success, custom_id="edit", row=0)
    async def edit(self, interaction: discord.Interaction, _: discord.ui.Button["Card"]) -> None:
        """Change the card itself."""
        await interaction.response.edit_message(content="changed")

    @discord.ui.button(label="Form", custom_id="form", row=0)
    async def form(self, interaction: discord.Interaction, _: discord.ui.Button["Card"]) -> None:
        """Open the form."""
        await interaction.response.send_modal(Form())

    @discord.ui.button(label="Silent", style=discord.ButtonStyle.danger, custom_id="silent", row=0)
    async def silent(self, interaction: discord.Interaction, _: discord.ui.Button["Card"]) -> None:
        """Never answer."""

    @discord.ui.select(
        custom_id="pick",
        row=2,
        options=[discord.SelectOption(label="One", value="1"), discord.SelectOption(label="Two", value="2")],
    )
    async def pick(self, interaction: discord.Interaction, menu: discord.ui.Select["Card"]) -> None:
        """Say what was chosen."""
        await interaction.response.send_message(f"chose {menu.values[0]}", ephemeral=True)


class Layout(discord.ui.LayoutView):
    """A card of the newer kind."""

    box: discord.ui.Container["Layout"] = discord.ui.Container(
        discord.ui.TextDisplay("### In a box"), discord.ui.Separator(), accent_colour=discord.Colour.green()
    )


def card() -> discord.Embed:
    """Return an embed with fields side by side and a bar."""
    embed = discord.Embed(title="Quota", description=f"**Today** {BAR}", colour=discord.Colour.blurple())
    for name in ("Left", "Plan", "Resets"):
        embed.add_field(name=name, value="<t:4102444800:R>" if name == "Resets" else f"*{name}*")
    return embed.set_footer(text="a footer")


class SmallBot(commands.Bot):
    """Answers `!card`, `!layout`, `!evil`, `!edit`, `!dm`, `/card`, `/tools …` and `/silent`."""

    def __init__(self) -> None:
        super().__init__(
            command_prefix="!",
            intents=discord.Intents(guilds=True, messages=True, message_content=True),
            allowed_mentions=discord.AllowedMentions.none(),
            help_command=None,
            guild_ready_timeout=0.1,  # there is one server: no need to wait two seconds for another
        )

    async def setup_hook(self) -> None:
        """Register everything."""
        for command in (show_card, show_layout, show_evil, show_edit, show_dm):
            self.add_command(command)
        self.tree.add_command(slash_card)
        self.tree.add_command(slash_silent)
        self.tree.add_command(Tools())
        await self.tree.sync()


@commands.command(name="card")
async def show_card(ctx: commands.Context[SmallBot]) -> None:
    """Show the card as an answer."""
    await ctx.reply(embed=card(), view=Card())


@commands.command(name="layout")
async def show_layout(ctx: commands.Context[SmallBot]) -> None:
    """Show the newer kind of card."""
    await ctx.send(view=Layout())


@commands.command(name="evil")
async def show_evil(ctx: commands.Context[SmallBot]) -> None:
    """Put markup wherever text goes."""
    view = discord.ui.View()
    view.add_item(discord.ui.Button(label=PAYLOAD[:80], custom_id=PAYLOAD[:100]))
    embed = discord.Embed(title=PAYLOAD, description=f"{PAYLOAD} [a](javascript:alert(1))").set_footer(
        text=PAYLOAD
    )
    embed.add_field(name=PAYLOAD, value=f"`{PAYLOAD}` ||{PAYLOAD}||")
    await ctx.send(f"{PAYLOAD}\n> {PAYLOAD}\n```{PAYLOAD}```", embed=embed, view=view)


@commands.command(name="edit")
async def show_edit(ctx: commands.Context[SmallBot]) -> None:
    """Say something, then something else."""
    message = await ctx.send("before")
    await message.edit(content="after")


@commands.command(name="dm")
async def show_dm(ctx: commands.Context[SmallBot]) -> None:
    """Write to the author alone."""
    await ctx.author.send("a private word")


@app_commands.command(name="card", description="Show the card")
async def slash_card(interaction: discord.Interaction) -> None:
    """Think, then show the card privately."""
    await interaction.response.defer(ephemeral=True, thinking=True)
    await interaction.followup.send(embed=card(), view=Card())


@app_commands.command(name="silent", description="Never answer")
async def slash_silent(interaction: discord.Interaction) -> None:
    """Let Discord's three seconds pass."""


class Tools(app_commands.Group, name="tools", description="Tools"):
    """A group with two sub-commands."""

    @app_commands.command(name="give", description="Give something")
    async def give(
        self, interaction: discord.Interaction, user: discord.User, amount: int, reason: str = "none"
    ) -> None:
        """Repeat the options."""
        await interaction.response.send_message(f"{user.mention} gets {amount + 1 - 1}: {reason}")

    @app_commands.command(name="paint", description="Paint something")
    async def paint(self, interaction: discord.Interaction, colour: int) -> None:
        """Repeat the colour's number."""
        await interaction.response.send_message(f"painted {colour}")

    @paint.autocomplete("colour")
    async def colours(self, _: discord.Interaction, typed: str) -> list[app_commands.Choice[int]]:
        """Offer the colours that hold the letters typed."""
        names = enumerate(("red", "blue", "green"))
        return [app_commands.Choice(name=name, value=number) for number, name in names if typed in name]


@asynccontextmanager
async def running(*, api_url: str, gateway_url: str) -> AsyncIterator[SmallBot]:
    """Run the bot against a sandbox until the block ends; the library's addresses are put back."""
    before = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    discord.http.Route.BASE = api_url
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
    try:
        async with SmallBot() as bot:
            task = asyncio.create_task(bot.start("sandbox"))
            async with asyncio.timeout(120):
                while not bot.is_ready():
                    ready = asyncio.ensure_future(bot.wait_for("ready"))
                    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
                    ready.cancel()
                    if task.done():
                        task.result()
            yield bot
            await bot.close()
            await task
    finally:
        discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = before
