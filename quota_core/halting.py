"""Writes that stop, on either engine, until the program is started again."""

from __future__ import annotations

import logging

from quota_core.errors import HaltedError

log = logging.getLogger(__name__)


class Halting:
    """What an engine does once an invariant was found broken: nothing more is written, and reads go on."""

    _halted: str | None = None

    @property
    def halted(self) -> str | None:
        """Why writes are stopped, None while they are not."""
        return self._halted

    def halt(self, reason: str) -> None:
        """Stop all writes of this process until it is started again."""
        log.critical("writes are stopped: %s", reason)
        self._halted = reason

    def require_running(self) -> None:
        """Raise HaltedError while writes are stopped."""
        if self._halted is not None:
            raise HaltedError(self._halted)
