"""
The last look before a message leaves: whether it is still wanted, where it goes, and if it may go now.

Choices are looked up here and not when a message was owed, so that an opt-out also stops what waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from quota_core.database import Database
from quota_core.events import EVENTS, RECEIVED
from quota_core.notices import Notice
from quota_core.preferences import preference_of
from quota_core.statements import Work
from quota_core.store import recipients as rows
from quota_core.store.recipients import Recipient

UNASKED = "its reader did not ask for direct messages"
OPTED_OUT = "its reader turned this off"
REMOVED = "the recipient was removed"


class Screened(NamedTuple):
    """
    What came of the look: where it goes, why it must not, or for how long it must wait.

    `kept` says why it is kept for its reader's next command.
    """

    recipient: Recipient | None
    refused: str | None
    wait_seconds: float
    kept: str | None = None


class Screening:
    """Look; `clock` gives UTC milliseconds."""

    def __init__(self, database: Database, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def of(self, notice: Notice) -> Screened:
        """Return whether a notice may leave now."""
        return await self._database.read(lambda: self._of(notice))

    def _of(self, notice: Notice) -> Work[Screened]:
        recipient = None
        if notice.target:
            recipient = yield from rows.one(int(notice.target))
            # SQLite gives the number of what was removed to what is added next, whoever adds it.
            if recipient is None or recipient.account not in (None, notice.account_id):
                return Screened(None, REMOVED, 0)
            if recipient.disabled_ms is not None:
                return Screened(recipient, "the recipient is turned off", 0)
            if recipient.account is None:
                return Screened(recipient, None, 0)  # the operators': an account's choices are not about them
        event = EVENTS.get(notice.kind)
        preference = preference_of((yield from rows.chosen(notice.account_id)))
        off = notice.channel in preference.muted or (notice.channel == "dm" and preference.dm == "off")
        if event is not None and (off or event.topic in preference.muted):
            return Screened(recipient, OPTED_OUT, 0)
        if event is None or notice.channel == "webhook":  # machines do not sleep; codes are waited for
            return Screened(recipient, None, 0)
        # What others did is no reason to write to somebody who never asked for messages.
        unasked = notice.kind == RECEIVED and notice.channel == "dm" and preference.dm == "unset"
        keeps = unasked and not (yield from rows.has_bought(notice.account_id))
        return Screened(recipient, None, preference.quiet_seconds(self._clock()), UNASKED if keeps else None)
