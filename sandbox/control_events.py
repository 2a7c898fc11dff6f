"""Server-sent events: what one viewer would see happen, as it happens."""

import asyncio
import json
from typing import Any

from aiohttp import web

from sandbox import control_shapes
from sandbox.happenings import (
    InteractionAnswered,
    InteractionFailed,
    MessageCreated,
    MessageDeleted,
    MessageEdited,
    ModalOpened,
    News,
    TypingStarted,
    WorldChanged,
)
from sandbox.places import User
from sandbox.world import World

Json = dict[str, Any]
KEEP_ALIVE_SECONDS = 15.0
MAX_BEHIND = 1000


class EventStreams:
    """The open streams; each has a queue, which ends with None."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._queues: set[asyncio.Queue[tuple[str, Json] | None]] = set()

    def close(self) -> None:
        """End every stream."""
        for queue in self._queues:
            queue.put_nowait(None)

    async def serve(self, request: web.Request, viewer: User) -> web.StreamResponse:
        """Stream what `viewer` may see until they leave or the sandbox ends."""
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        queue: asyncio.Queue[tuple[str, Json] | None] = asyncio.Queue()

        def note(news: News) -> None:
            event = self._event(viewer, news)
            # A reader that stopped reading is let go rather than remembered for ever.
            if event is not None and queue.qsize() <= MAX_BEHIND:
                queue.put_nowait(event if queue.qsize() < MAX_BEHIND else None)

        unsubscribe = self._world.subscribe(note)
        self._queues.add(queue)
        try:
            await response.prepare(request)
            await response.write(b": open\n\n")
            await self._pump(queue, response)
        except ConnectionError:
            pass
        finally:
            self._queues.discard(queue)
            unsubscribe()
        return response

    async def _pump(
        self, queue: "asyncio.Queue[tuple[str, Json] | None]", response: web.StreamResponse
    ) -> None:
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    event = await queue.get()
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if event is None:
                return
            name, data = event
            await response.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())

    def _event(self, viewer: User, news: News) -> tuple[str, Json] | None:
        """Return the name and data of the event for this viewer; None when it is none of theirs."""
        match news:
            case MessageCreated() | MessageEdited() | MessageDeleted():
                return self._message_event(viewer, news)
            case InteractionAnswered() | InteractionFailed() | ModalOpened():
                return _interaction_event(viewer, news)
            case TypingStarted() if self._world.sees(viewer.id, news.channel_id):
                return "typing", {"channel": str(news.channel_id), "user": str(news.user_id)}
            case WorldChanged():
                return "world", control_shapes.world(self._world)
            case _:
                return None

    def _message_event(
        self, viewer: User, news: MessageCreated | MessageEdited | MessageDeleted
    ) -> tuple[str, Json] | None:
        message = news.message
        if not self._world.sees_message(viewer.id, message):
            return None
        if isinstance(news, MessageDeleted):
            return "message_delete", {"id": str(message.id), "channel": str(message.channel_id)}
        name = "message_create" if isinstance(news, MessageCreated) else "message_update"
        return name, {"message": control_shapes.message(self._world, message)}


def _interaction_event(
    viewer: User, news: InteractionAnswered | InteractionFailed | ModalOpened
) -> tuple[str, Json] | None:
    one = news.interaction
    if one.user_id != viewer.id:
        return None
    if isinstance(news, ModalOpened):
        modal = one.modal or {}
        return "modal", {
            "interaction": str(one.id),
            "title": modal.get("title"),
            "custom_id": modal.get("custom_id"),
            "components": modal.get("components"),
        }
    name = "interaction_answered" if isinstance(news, InteractionAnswered) else "interaction_failed"
    source = None if one.source_id is None else str(one.source_id)
    return name, {"interaction": str(one.id), "message": source}
