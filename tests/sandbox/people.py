"""What a person does and sees, over the control API of a running sandbox."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

import aiohttp

from sandbox.places import GENERAL_ID, MEMBER_ID

Json = dict[str, Any]
PATIENCE_SECONDS = 120
# What a bot has for an answer where its three seconds are not what is tested: a busy machine may stand still.
UNHURRIED_MS = 60_000
WAIT_SECONDS = 30  # the longest that the sandbox holds a request


class People:
    """The people of one sandbox; every call is one real request."""

    def __init__(self, url: str) -> None:
        self._session = aiohttp.ClientSession(url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def call(self, method: str, name: str, /, **asked: Any) -> tuple[int, Json]:
        """Return the status and body of a call to `/control/{name}`; `as_` stands for `as`."""
        values = {key.rstrip("_"): str(value) if key in IDS else value for key, value in asked.items()}
        sent: Json = {"params": values} if method == "GET" else {"json": values}
        async with self._session.request(method, f"/control/{name}", **sent) as response:
            body: Json = await response.json()
            return response.status, body

    async def get(self, name: str, /, **asked: Any) -> Json:
        """Return the answer of a GET that must succeed."""
        status, body = await self.call("GET", name, **asked)
        assert status == 200, body
        return body

    async def post(self, name: str, /, **asked: Any) -> Json:
        """Return the answer of a POST that must succeed."""
        status, body = await self.call("POST", name, **asked)
        assert status == 200, body
        return body

    async def refused(self, name: str, /, **asked: Any) -> tuple[int, str]:
        """Return the status and reason of a POST that must be refused."""
        status, body = await self.call("POST", name, **asked)
        assert status in {400, 403, 404}, body
        return status, str(body["error"])

    async def say(self, content: str, *, as_: int = MEMBER_ID, channel: int | str = GENERAL_ID) -> str:
        """Write a message and return its id."""
        return str((await self.post("messages", as_=as_, channel=channel, content=content))["id"])

    async def seen(
        self, *, viewer: int = MEMBER_ID, channel: int | str = GENERAL_ID, after: str = "0"
    ) -> list[Json]:
        """Return what the viewer sees now after a message."""
        found = await self.get("messages", viewer=viewer, channel=channel, after=after)
        return list(found["messages"])

    async def next_message(
        self, after: str, *, viewer: int = MEMBER_ID, channel: int | str = GENERAL_ID
    ) -> Json:
        """Return the first message after one, as soon as it is there and no longer loading."""
        where = {"viewer": viewer, "channel": channel, "after": after}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := await self.get("messages", **where, settled="1", wait_s=WAIT_SECONDS))[
                "messages"
            ]:
                pass
        first: Json = found["messages"][0]
        return first

    async def answer_to(self, content: str, *, as_: int = MEMBER_ID, channel: int | str = GENERAL_ID) -> Json:
        """Write a message and return what comes next."""
        after = await self.say(content, as_=as_, channel=channel)
        return await self.next_message(after, viewer=as_, channel=channel)

    async def latest_id(self, *, viewer: int = MEMBER_ID, channel: int | str = GENERAL_ID) -> str:
        """Return the id of the newest message the viewer sees; "0" when there is none."""
        seen = await self.seen(viewer=viewer, channel=channel)
        return str(seen[-1]["id"]) if seen else "0"

    async def slash(
        self, command: str, *, as_: int = MEMBER_ID, channel: int | str = GENERAL_ID, **options: Any
    ) -> Json:
        """Use a slash command and return what comes next."""
        after = await self.latest_id(viewer=as_, channel=channel)
        await self.post("slash", as_=as_, channel=channel, command=command, options=options)
        return await self.next_message(after, viewer=as_, channel=channel)

    def changes(self, viewer: int) -> "Changes":
        """Return the live events of a viewer, to be opened with `async with`."""
        return Changes(self._session, viewer)

    async def press(self, message: Json, custom_id: str, *, as_: int = MEMBER_ID, **more: Any) -> str:
        """Press a component and return the interaction's id."""
        pressed = await self.post("press", as_=as_, message=message["id"], custom_id=custom_id, **more)
        return str(pressed["interaction"])


class Changes:
    """The server-sent events of one viewer, open from the start of its block."""

    def __init__(self, session: aiohttp.ClientSession, viewer: int) -> None:
        self._session = session
        self._viewer = viewer
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> Self:
        self._response = await self._session.get("/control/events", params={"viewer": str(self._viewer)})
        # The first line says that the stream listens; what happens from then on is not missed.
        assert await self._response.content.readline() == b": open\n"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._response is not None
        self._response.close()

    async def next(self, wanted: str) -> Json:
        """Return the data of the next event of that name; others are passed over."""
        assert self._response is not None
        name = ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self._response.content:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data" and name == wanted:
                    data: Json = json.loads(value)
                    return data
        raise AssertionError("the stream ended")


IDS = {"as_", "viewer", "channel", "message", "interaction", "after", "id"}
