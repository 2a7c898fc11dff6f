"""The REST API as aiohttp routes: token, rate limit, handler, and Discord's form for every answer."""

import json
from typing import Any

from aiohttp import web

from sandbox import (
    discord_commands,
    discord_interactions,
    discord_messages,
    discord_places,
    discord_webhooks,
)
from sandbox.discord_call import Answer, Call, Route, read_call
from sandbox.discord_errors import DiscordError, no_route, unauthorized
from sandbox.discord_limits import RateLimits
from sandbox.discord_message_shapes import guessed_type
from sandbox.discord_shapes import Json
from sandbox.world import World

API = "/api/v10"
PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
MAJOR_PARAMETERS = ("channel_id", "guild_id", "token")


class DiscordRest:
    """The REST API of the sandbox's Discord; `gateway_url` is told to clients that ask for it."""

    def __init__(self, world: World, limits: RateLimits, *, shards: int = 1) -> None:
        self._world = world
        self._shards = shards
        self._limits = limits
        self.gateway_url = ""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, the last of which refuses every other path."""
        gateway = Route(method="GET", path="/gateway", handle=self._gateway, bucket="gateway")
        gateway_bot = Route(method="GET", path="/gateway/bot", handle=self._gateway_bot, bucket="gateway")
        lines = (
            gateway,
            gateway_bot,
            *discord_places.ROUTES,
            *discord_messages.ROUTES,
            *discord_commands.ROUTES,
            *discord_interactions.ROUTES,
            *discord_webhooks.ROUTES,
        )
        return [
            *(web.route(one.method, API + one.path, self._serving(one)) for one in lines),
            web.get("/attachments/{channel}/{id}/{name}", self._attachment),
            web.route("*", "/api/{rest:.*}", _refuse_path),
        ]

    def _serving(self, route: Route) -> Any:
        async def serve(request: web.Request) -> web.Response:
            headers: dict[str, str] = {}
            try:
                if route.needs_token:
                    self._check_token(request)
                verdict = self._limits.take(route.bucket, _major(request))
                headers = verdict.headers
                if not verdict.passes:
                    return answer(verdict.body, status=429, headers=headers)
                found = await route.handle(await read_call(self._world, request))
            except DiscordError as error:
                return answer(error.as_json(), status=error.status, headers=headers)
            if isinstance(found, Answer):
                return answer(found.body, status=found.status, headers=headers)
            return answer(found, status=204 if found is None else 200, headers=headers)

        return serve

    def _check_token(self, request: web.Request) -> None:
        """Refuse, with 401, what is not `Bot <token>`; any token is good until all are revoked."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bot" or not token.strip() or self._world.token_revoked:
            raise unauthorized()

    async def _gateway(self, _call: Call) -> Json:
        return {"url": self.gateway_url}

    async def _gateway_bot(self, _call: Call) -> Json:
        limit = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
        return {"url": self.gateway_url, "shards": self._shards, "session_start_limit": limit}

    async def _attachment(self, request: web.Request) -> web.Response:
        """Return a message's file; only plain pictures under their own type, so that nothing runs in the page."""
        wanted = request.match_info["id"]
        files = (file for message in self._world.messages.values() for file in message.attachments)
        found = next((file for file in files if str(file.id) == wanted), None)
        if found is None:
            raise web.HTTPNotFound
        guessed = guessed_type(found.filename)
        content_type = guessed if guessed in PICTURES else "application/octet-stream"
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        if content_type not in PICTURES:
            headers["Content-Disposition"] = "attachment"
        return web.Response(body=found.content, content_type=content_type, headers=headers)


def answer(body: Any, *, status: int, headers: dict[str, str]) -> web.Response:
    """Return an answer; as bytes, because discord.py wants exactly `application/json`, without a charset."""
    if status == web.HTTPNoContent.status_code:
        return web.Response(status=status, headers=headers)
    raw = json.dumps(body, separators=(",", ":")).encode()
    return web.Response(status=status, body=raw, content_type="application/json", headers=headers)


async def _refuse_path(_request: web.Request) -> web.Response:
    error = no_route()
    return answer(error.as_json(), status=error.status, headers={})


def _major(request: web.Request) -> str:
    """Return the parameter that separates rate-limit buckets of one kind."""
    return next((request.match_info[key] for key in MAJOR_PARAMETERS if key in request.match_info), "")
