"""
What a recipient's owner has sent at once: a test, or a delivery once more.

Both leave by the outbox, like everything else, and not more often than the pause allows: a recipient's address may
be anybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.database import Database
from quota_core.errors import PreferenceError
from quota_core.events import TEST
from quota_core.notices import Notices
from quota_core.recipients import Recipients
from quota_core.statements import Work
from quota_core.store import notices as rows
from quota_core.store import recipients as recipient_rows
from quota_core.store.recipients import Recipient

PAUSE_MS = 1000


class Resending:
    """
    Send at once.

    Args:
        database: where messages stand.
        book: the states of accounts.
        notices: the outbox.
        recipients: whose they are.
        operators: in whose name the operators' own recipients are tried.
        clock: UTC milliseconds.

    """

    def __init__(
        self,
        database: Database,
        book: Book,
        notices: Notices,
        recipients: Recipients,
        *,
        operators: Sequence[AccountRef],
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._book = book
        self._notices = notices
        self._recipients = recipients
        self._operators = tuple(operators)
        self._clock = clock

    async def test(self, account: AccountRef | None, recipient: int) -> bool:
        """
        Owe a recipient of an account a test, the operators' for None; tell whether it is the account's.

        Raises:
            PreferenceError: `off`, it was turned off; `unproved`, its code was not entered; `soon`, something was
                asked for less than a second ago; `nobody`, there is no operator in whose name it could be sent.

        """
        return await self._at_once(lambda: self._test(account, recipient))

    def _test(self, account: AccountRef | None, recipient: int) -> Work[bool]:
        now_ms = self._clock()
        found = yield from self._ready(account, recipient, now_ms)
        if found is None:
            return False
        owner = account or next(iter(self._operators), None)
        if owner is None:
            raise PreferenceError("nobody", str(recipient))
        states = yield from self._book.states_of([owner], now_ms=now_ms, create=True)
        yield from self._notices.owe_to(states[owner], found, TEST, {"recipient": recipient}, now_ms=now_ms)
        return True

    async def replay(self, account: AccountRef | None, recipient: int, notice: int) -> bool:
        """
        Owe a delivery to a recipient of an account again, or at once if it waits; tell whether it is there.

        It keeps its id and its content. What is being sent just now is left alone.

        Raises:
            PreferenceError: as `test`, but for `nobody`.

        """
        return await self._at_once(lambda: self._replay(account, recipient, notice))

    def _replay(self, account: AccountRef | None, recipient: int, notice: int) -> Work[bool]:
        now_ms = self._clock()
        found = yield from self._recipients.own(account, recipient)
        if found is None or not (yield from rows.is_addressed(notice, recipient, found.account)):
            return False
        yield from self._ready(account, recipient, now_ms)
        yield from rows.owe_now(notice, now_ms)
        return True

    def _ready(self, account: AccountRef | None, recipient: int, now_ms: int) -> Work[Recipient | None]:
        """Return an own recipient to which something may leave now."""
        found = yield from self._recipients.own(account, recipient)
        if found is None:
            return None
        if found.disabled_ms is not None:
            raise PreferenceError("off", str(recipient))
        if found.code is not None:
            raise PreferenceError("unproved", str(recipient))
        if not (yield from recipient_rows.ask(recipient, now_ms, pause_ms=PAUSE_MS)):
            raise PreferenceError("soon", str(recipient))
        return found

    async def _at_once(self, work: Callable[[], Work[bool]]) -> bool:
        done = await self._database.write(work)
        self._notices.wake.set()
        return done
