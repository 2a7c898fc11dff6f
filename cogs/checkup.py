"""A look at Discord as an operator needs it: the token, the intent, the invitation, the permissions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp
import discord

from cogs.client import PERMISSIONS
from quota_core.findings import Finding, counted, note, to_mend, well

MAX_NAMED = 5
_PORTAL = "the Discord developer portal"


async def discord_findings(token: str | None, *, message_content: bool) -> list[Finding]:
    """Ask Discord with this token; without the gateway, so that a bot that runs is not disturbed."""
    if token is None:
        return [
            to_mend(
                "Discord", "no DISCORD_TOKEN", f"copy it from {_PORTAL}: your application, Bot, Reset Token"
            )
        ]
    client = discord.Client(intents=discord.Intents.none())
    try:
        async with client:
            await client.login(token)
            guilds = await client.http.get_guilds(200)
            return list(_findings(client, guilds, message_content=message_content))
    except discord.LoginFailure:
        return [
            to_mend("Discord", "the token is refused", f"make a new one in {_PORTAL} and set DISCORD_TOKEN")
        ]
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        return [
            to_mend(
                "Discord",
                f"cannot be asked ({type(error).__name__})",
                "look at the network, and at DISCORD_API_URL",
            )
        ]


def _findings(client: discord.Client, guilds: list[Any], *, message_content: bool) -> Iterator[Finding]:
    application = client.application
    assert application is not None
    assert client.user is not None
    yield well("Discord", f"the token is that of {client.user} (application {application.id})")
    yield _intent(application.flags, message_content=message_content)
    if application.interactions_endpoint_url is not None:
        yield to_mend(
            "Discord",
            "the application has an interactions endpoint, so no slash command or button reaches the bot",
            f"empty *Interactions Endpoint URL* in {_PORTAL}",
        )
    invite = discord.utils.oauth_url(
        application.id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
    )
    if not guilds:
        yield to_mend("Discord", "the bot is in no server", f"invite it: {invite}")
        return
    lacking = {str(guild["name"]): _lacking(guild) for guild in guilds}
    short = {name: missing for name, missing in lacking.items() if missing}
    for name, missing in list(short.items())[:MAX_NAMED]:
        yield to_mend(
            "Discord", f"in “{name}” the bot lacks {', '.join(missing)}", f"invite it again: {invite}"
        )
    if len(short) > MAX_NAMED:
        yield note("Discord", f"so it is in {len(short) - MAX_NAMED} more servers")
    if not short:
        yield well("Discord", f"in {counted(len(guilds), 'servers')}, with every permission that it needs")


def _intent(flags: discord.ApplicationFlags, *, message_content: bool) -> Finding:
    granted = flags.gateway_message_content or flags.gateway_message_content_limited
    if not message_content:
        return note("Discord", "MESSAGE_CONTENT_INTENT=false: !commands work in direct messages only")
    if granted:
        return well("Discord", "the message-content intent is granted")
    return to_mend(
        "Discord",
        "the message-content intent is not granted, so !commands work in direct messages only",
        f"switch it on in {_PORTAL} (Bot, Privileged Gateway Intents), or set MESSAGE_CONTENT_INTENT=false",
    )


def _lacking(guild: Any) -> list[str]:
    held = discord.Permissions(int(guild["permissions"]))
    if held.administrator:
        return []
    return [name for name, wanted in PERMISSIONS if wanted and not getattr(held, name)]
