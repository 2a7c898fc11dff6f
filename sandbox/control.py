"""
The control API: what a person could do and see, for the page and the tests alike.

Answers are JSON with every id as a string; refusals are `{"error": "…"}` with 400, 403 or 404.
"""

import asyncio
from typing import Any

from aiohttp import web

from sandbox import control_people, control_shapes, control_slash
from sandbox.control_events import EventStreams
from sandbox.control_forms import (
    Json,
    RefusalError,
    channel_of,
    flag_of,
    form_of,
    id_of,
    person_of,
    serving,
)
from sandbox.discord_fields import as_id
from sandbox.faults import Faults
from sandbox.happenings import InteractionAnswered, InteractionFailed, InteractionType, News
from sandbox.places import LOCALES
from sandbox.world import World

MAX_WAIT_SECONDS = 30.0


class Control:
    """The control API over a world and its faults."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._streams = EventStreams(world)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes under `/control`; Stripe's are its own."""
        gets = {
            "world": self._get_world,
            "messages": self._get_messages,
            "commands": self._get_commands,
            "faults": self._get_faults,
            "events": self._get_events,
        }
        posts = {
            "world": self._post_world,
            "messages": self._post_message,
            "press": self._post_press,
            "slash": self._post_slash,
            "autocomplete": self._post_autocomplete,
            "modal": self._post_modal,
            "users": self._post_user,
            "faults": self._post_fault,
        }
        return [
            *(web.get(f"/control/{name}", serving(handler)) for name, handler in gets.items()),
            *(web.post(f"/control/{name}", serving(handler)) for name, handler in posts.items()),
            web.delete("/control/faults", serving(self._delete_faults)),
        ]

    def close(self) -> None:
        """End the event streams."""
        self._streams.close()

    # World and people

    async def _get_world(self, _request: web.Request) -> Json:
        return control_shapes.world(self._world)

    async def _post_world(self, request: web.Request) -> Json:
        form = await form_of(request)
        granted, revoked = flag_of(form, "message_content"), flag_of(form, "token_revoked")
        if granted is not None:
            self._world.grant(message_content=granted)
        if revoked is not None:
            self._world.revoke_token(revoked=revoked)
        return control_shapes.world(self._world)

    async def _post_user(self, request: web.Request) -> Json:
        form = await form_of(request)
        locale, name = form.get("locale"), form.get("name")
        if locale is not None and (not isinstance(locale, str) or locale not in LOCALES):
            raise RefusalError(f"locale must be one of Discord's: {', '.join(sorted(LOCALES))}")
        if name is not None and (not isinstance(name, str) or not 1 <= len(name) <= 32):  # noqa: PLR2004 - Discord's bound
            raise RefusalError("name must have 1 to 32 characters")
        try:
            user = self._world.put_user(
                id_of(form, "id"), name=name, locale=locale, dms_open=flag_of(form, "dms_open")
            )
        except KeyError as error:
            raise RefusalError(
                f"id: nobody has the id {form['id']}; give a name to add them", status=404
            ) from error
        return control_shapes.user(user)

    # Messages

    async def _post_message(self, request: web.Request) -> Json:
        message = control_people.write(self._world, await form_of(request))
        return {"id": str(message.id), "channel": str(message.channel_id)}

    async def _get_messages(self, request: web.Request) -> Json:
        """Return what the viewer sees in a channel after a message, and wait for the first when told to."""
        query = request.query
        viewer = person_of(self._world, query, "viewer")
        channel = channel_of(self._world, query, viewer)
        after = as_id(query.get("after") or "0")
        if after is None:
            raise RefusalError("after must be the id of a message")
        settled = query.get("settled", "").lower() in {"1", "true"}

        def seen() -> list[Json]:
            return [
                control_shapes.message(self._world, one)
                for one in self._world.messages_in(channel.id, after=after)
                if self._world.sees_message(viewer.id, one) and not (settled and one.is_loading)
            ]

        return {"messages": await self._first(seen, _wait_seconds(query.get("wait_s")))}

    async def _first(self, look: Any, wait_seconds: float) -> Any:
        """Return what `look` finds, as soon as it finds anything or the time is up."""
        changed = asyncio.Event()
        unsubscribe = self._world.subscribe(lambda _news: changed.set())
        try:
            async with asyncio.timeout(wait_seconds):
                while not (found := look()):
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            return look()
        finally:
            unsubscribe()
        return found

    # Interactions

    async def _post_press(self, request: web.Request) -> Json:
        return {"interaction": str(control_people.press(self._world, await form_of(request)).id)}

    async def _post_slash(self, request: web.Request) -> Json:
        return {"interaction": str(control_slash.use(self._world, await form_of(request)).id)}

    async def _post_modal(self, request: web.Request) -> Json:
        return {"interaction": str(control_people.send_modal(self._world, await form_of(request)).id)}

    async def _post_autocomplete(self, request: web.Request) -> Json:
        """Return the choices that the bot offers for the option `focused`."""
        form = await form_of(request)
        answered = asyncio.Event()
        ids: list[int] = []

        def note(news: News) -> None:
            if isinstance(news, InteractionAnswered | InteractionFailed) and news.interaction.id in ids:
                answered.set()

        unsubscribe = self._world.subscribe(note)
        try:
            interaction = control_slash.use(self._world, form, kind=InteractionType.AUTOCOMPLETE)
            ids.append(interaction.id)
            await answered.wait()
        finally:
            unsubscribe()
        return {"interaction": str(interaction.id), "choices": interaction.choices or []}

    async def _get_commands(self, request: web.Request) -> Json:
        viewer = person_of(self._world, request.query, "viewer")
        return {"commands": control_slash.usable_commands(self._world, viewer)}

    async def _get_events(self, request: web.Request) -> web.StreamResponse:
        return await self._streams.serve(request, person_of(self._world, request.query, "viewer"))

    # Faults

    async def _get_faults(self, _request: web.Request) -> Json:
        return {"faults": self._faults.in_force()}

    async def _post_fault(self, request: web.Request) -> Json:
        form = await form_of(request)
        where, fault, times = form.pop("where", None), form.pop("fault", None), form.pop("times", 1)
        if "self" in form:
            raise RefusalError("no fault takes the option self")
        try:
            self._faults.add(where, fault, times, **form)
        except ValueError as error:
            raise RefusalError(str(error)) from error
        return {"faults": self._faults.in_force()}

    async def _delete_faults(self, _request: web.Request) -> Json:
        self._faults.clear()
        return {"faults": []}


def _wait_seconds(value: str | None) -> float:
    """Return how long to wait, in seconds; not at all when not asked."""
    try:
        wait_seconds = float(value or 0)
    except ValueError as error:
        raise RefusalError("wait_s must be a number of seconds") from error
    if not 0 <= wait_seconds <= MAX_WAIT_SECONDS:
        raise RefusalError(f"wait_s must be from 0 to {MAX_WAIT_SECONDS:g}")
    return wait_seconds
