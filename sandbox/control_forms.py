"""How the control API reads what it is asked, and refuses: `{"error": "…"}` with 400, 403 or 404."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.discord_fields import as_id
from sandbox.places import Channel, User
from sandbox.world import World

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[Any]]


class RefusalError(Exception):
    """A call that the control API refuses; the message says why."""

    def __init__(self, reason: str, *, status: int = 400) -> None:
        self.status = status
        super().__init__(reason)


def serving(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler with its answer, or its refusal, as JSON."""

    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            found = await handler(request)
        except RefusalError as refusal:
            return web.json_response({"error": str(refusal)}, status=refusal.status)
        return found if isinstance(found, web.StreamResponse) else web.json_response(found)

    return serve


async def form_of(request: web.Request) -> Json:
    """Return the JSON object of the body; an empty body is an empty object."""
    raw = await request.read()
    try:
        form = json.loads(raw) if raw else {}
    except (ValueError, RecursionError) as error:
        raise RefusalError("the body is not JSON") from error
    if not isinstance(form, dict):
        raise RefusalError("the body is not a JSON object")
    return form


def id_of(form: Mapping[str, Any], key: str) -> int:
    """Return the id at `key`."""
    found = as_id(form.get(key))
    if found is None:
        raise RefusalError(f"{key} must be an id")
    return found


def text_of(form: Mapping[str, Any], key: str) -> str:
    """Return the text at `key`, which must be there."""
    found = form.get(key)
    if not isinstance(found, str) or not found:
        raise RefusalError(f"{key} must be a text")
    return found


def flag_of(form: Mapping[str, Any], key: str) -> bool | None:
    """Return the boolean at `key`; None when it is absent."""
    found = form.get(key)
    if found is not None and not isinstance(found, bool):
        raise RefusalError(f"{key} must be true or false")
    return found


def person_of(world: World, form: Mapping[str, Any], key: str) -> User:
    """Return the person (never the bot) whose id is at `key`."""
    user = world.users.get(id_of(form, key))
    if user is None or user.is_bot:
        raise RefusalError(f"{key}: nobody has the id {form.get(key)}", status=404)
    return user


def channel_of(world: World, form: Mapping[str, Any], viewer: User) -> Channel:
    """Return the channel at `channel`, which the viewer sees; `dm` is theirs with the bot."""
    if form.get("channel") == "dm":
        return world.channels[viewer.dm_channel_id]
    channel = world.channels.get(id_of(form, "channel"))
    if channel is None or not world.sees(viewer.id, channel.id):
        raise RefusalError(f"channel: {viewer.name} sees none with the id {form.get('channel')}", status=404)
    return channel
