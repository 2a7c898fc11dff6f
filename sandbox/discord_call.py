"""One request to the REST API: who asks, where, with which form; and the table that routes are listed in."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox import discord_fields as fields
from sandbox.discord_errors import DiscordError, invalid
from sandbox.discord_rules import Upload
from sandbox.discord_shapes import Json
from sandbox.world import World

FILE_FIELD = re.compile(r"files\[([0-9]{1,2})\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    A request, read.

    Attributes:
        form: the JSON body, or what `payload_json` holds; empty when there is none.
        items: the body when it is a list, as bulk calls send.
        uploads: the files sent beside the form.

    """

    world: World
    request: web.Request
    form: Json = field(default_factory=dict)
    items: list[Any] | None = None
    uploads: list[Upload] = field(default_factory=list)

    def id(self, name: str) -> int:
        """
        Return the id in the path.

        Raises:
            DiscordError: 50035 when it is none.

        """
        value = self.request.match_info[name]
        found = fields.as_id(value)
        if found is None:
            raise invalid((name,), "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        return found

    def flag(self, name: str) -> bool:
        """Return whether a query parameter says yes."""
        return self.request.query.get(name, "").lower() in {"1", "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with another status than 200 (or 204 for None)."""

    status: int
    body: Any


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """
    A line of the API.

    Attributes:
        path: under `/api/v10`.
        handle: returns what is answered: an object, None for 204, or an `Answer`.
        bucket: the rate-limit bucket it shares, per channel, guild or token of its path.
        needs_token: whether a bot token must be sent; interactions are answered without.

    """

    method: str
    path: str
    handle: Handler
    bucket: str
    needs_token: bool = True


async def read_call(world: World, request: web.Request) -> Call:
    """
    Return the request with its body read.

    Raises:
        DiscordError: 50109 for a body that is not JSON, 40005 for one that is too large.

    """
    try:
        if request.content_type == "multipart/form-data":
            return await _read_multipart(world, request)
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise DiscordError(413, 40005, "Request entity too large") from error
    body = _parse(raw) if raw else {}
    if isinstance(body, list):
        return Call(world=world, request=request, items=body)
    return Call(world=world, request=request, form=body)


async def _read_multipart(world: World, request: web.Request) -> Call:
    form: Json = {}
    uploads: list[Upload] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        raw = bytes(await part.read())
        if part.name == "payload_json":
            parsed = _parse(raw)
            form = parsed if isinstance(parsed, dict) else {}
        elif named := FILE_FIELD.fullmatch(part.name or ""):
            uploads.append(
                Upload(
                    index=int(named[1]),
                    filename=part.filename or "file",
                    content=raw,
                )
            )
    return Call(world=world, request=request, form=form, uploads=uploads)


def _parse(raw: bytes) -> Json | list[Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DiscordError(400, 50109, "The request body contains invalid JSON.") from error
    if not isinstance(body, dict | list):
        raise DiscordError(400, 50109, "The request body contains invalid JSON.")
    return body
