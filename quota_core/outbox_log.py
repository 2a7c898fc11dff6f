"""What became of messages: the outbox, read as a log of deliveries; and sending one of them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from quota_core.accounts import AccountRef
from quota_core.database import Database
from quota_core.notices import Notices
from quota_core.statements import Row, Work
from quota_core.store import notices as rows
from quota_core.store.recipients import Recipient

MAX_LINES = 1000
MAX_ID = 2**63 - 1


class Delivery(NamedTuple):
    """One message by one way; `target` is the recipient's number, empty for the account itself."""

    id: int
    channel: str
    target: str
    account: AccountRef
    kind: str
    about: str
    state: str
    attempts: int
    failure: str | None
    created_ms: int
    sent_ms: int | None


class OutboxLog:
    """Read and repeat; `clock` gives UTC milliseconds."""

    def __init__(self, database: Database, notices: Notices, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._notices = notices
        self._clock = clock

    async def last(self, *, state: str = "", limit: int = 50) -> list[Delivery]:
        """Return the newest messages first, those in a state when one is given."""
        found = await self._database.read(lambda: rows.log(state, min(limit, MAX_LINES)))
        return _deliveries(found)

    async def of_recipient(
        self, recipient: Recipient, *, limit: int = 5, before: int = MAX_ID
    ) -> list[Delivery]:
        """Return the newest messages to a recipient, those before one of them when its number is given."""
        found = await self._database.read(lambda: rows.log_of(recipient.id, recipient.account, before, limit))
        return _deliveries(found)

    async def retry(self, notice: int) -> bool:
        """Owe a message again that is owed no more, under the same id; tell whether there is one."""
        done = await self._database.write(lambda: self._retry(notice))
        self._notices.wake.set()
        return done

    def _retry(self, notice: int) -> Work[bool]:
        return (yield from rows.owe_again(notice, self._clock()))


def _deliveries(found: Sequence[Row]) -> list[Delivery]:
    return [Delivery._make((*row[:3], AccountRef(row[3], row[4]), *row[5:])) for row in found]
