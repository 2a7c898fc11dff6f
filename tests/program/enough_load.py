"""For locust, beside a scenario: the end comes once each kind of request was made, however fast the machine is."""

from __future__ import annotations

from typing import Any

import gevent  # type: ignore[import-untyped]  # it has no type hints
from locust import events
from locust.env import Environment

KINDS = {"consume", "check", "summary"}


@events.init.add_listener  # type: ignore[untyped-decorator]  # so in the library
def end_when_all_were_made(environment: Environment, **_: object) -> None:
    """Count kinds of requests, and stop the runner when none is missing."""
    missing = set(KINDS)

    def note(name: str, **_: Any) -> None:
        missing.discard(name)
        if not missing and environment.runner is not None:
            # Aside, since stopping ends whoever made this request.
            gevent.spawn(environment.runner.quit)

    environment.events.request.add_listener(note)  # type: ignore[no-untyped-call]  # so in the library
