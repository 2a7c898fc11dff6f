"""Bare REST requests to the sandbox's Discord, for what discord.py would never send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from sandbox.places import APPLICATION_ID, MEMBER_ID
from sandbox.server import Sandbox
from sandbox.world import World

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What came back."""

    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> int:
        """Discord's error code."""
        return int(self.body["code"])


class BareRest:
    """The REST API, by path."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def __call__(
        self, method: str, path: str, body: Any = None, *, token: str = "Bot a-token", **more: Any
    ) -> Answered:
        headers = {"Authorization": token} if token else {}
        request = self._session.request(method, self._url + path, json=body, headers=headers, **more)
        async with request as response:
            answer = await response.json() if response.content_type == "application/json" else None
            return Answered(status=response.status, body=answer, headers=response.headers)


@asynccontextmanager
async def bare_rest(sandbox: Sandbox) -> AsyncIterator[BareRest]:
    """Return the API of a sandbox."""
    async with aiohttp.ClientSession() as session:
        yield BareRest(session, sandbox.api_url)


def command_used(world: World, channel_id: int, *, user_id: int = MEMBER_ID) -> tuple[str, str]:
    """Start a command's interaction; return the path of its callback and that of its webhook."""
    made = world.make_interaction(kind=2, user_id=user_id, channel_id=channel_id, data={}, name="quota")
    return f"/interactions/{made.id}/{made.token}/callback", f"/webhooks/{APPLICATION_ID}/{made.token}"


def codes(answered: Answered, *path: str) -> list[str]:
    """Return the codes of the problems noted at a path of the form."""
    assert answered.code == 50035, answered.body
    node = answered.body["errors"]
    for step in path:
        node = node[step]
    return [problem["code"] for problem in node["_errors"]]
