"""What is remembered of an account besides its units: the language it was last seen in, its direct channel."""

from __future__ import annotations

from collections.abc import Callable

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.database import Database
from quota_core.statements import Work
from quota_core.store import states as state_rows


class People:
    """Remember and recall; writes only what changed."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock

    async def locale_of(self, account: AccountRef) -> str | None:
        """Return the locale the account was last seen with, None when it never was."""
        state = self._book.states.get(account)
        if state is not None:
            return state.locale
        return await self._database.read(lambda: self._locale_of(account))

    async def seen(self, account: AccountRef, locale: str) -> None:
        """Remember the locale of an interaction."""
        if await self.locale_of(account) != locale:
            await self._database.write(lambda: self._seen(account, locale))

    async def direct_channel(self, account: AccountRef, channel_id: int) -> None:
        """Remember the direct channel that was opened with the account's user."""
        await self._database.write(lambda: self._direct_channel(account, channel_id))

    def _locale_of(self, account: AccountRef) -> Work[str | None]:
        states = yield from self._book.states_of([account], now_ms=self._clock(), create=False)
        return states[account].locale

    def _seen(self, account: AccountRef, locale: str) -> Work[None]:
        states = yield from self._book.states_of([account], now_ms=self._clock(), create=True)
        states[account].locale = locale
        yield from state_rows.set_locale(states[account].id, locale)

    def _direct_channel(self, account: AccountRef, channel_id: int) -> Work[None]:
        states = yield from self._book.states_of([account], now_ms=self._clock(), create=True)
        yield from state_rows.set_dm_channel(states[account].id, channel_id)
