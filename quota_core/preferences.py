"""
What people chose about messages: which kinds, which ways, and when they want to be left in peace.

Nothing that is held back is lost: it is looked at again when the quiet hours end. What was turned off is not sent,
whenever it was owed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.database import Database
from quota_core.errors import PreferenceError
from quota_core.periods import is_zone
from quota_core.statements import Work
from quota_core.store import recipients as rows

Direct = Literal["unset", "on", "off"]
MINUTES_OF_DAY = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """
    What an account's owner chose.

    `dm` unset: direct messages follow from their own actions, and alerts once they bought something. `muted` holds
    topics and channels that are turned off; `quiet` is minutes of the day in `zone`, from and until, None without.
    """

    dm: Direct = "unset"
    muted: frozenset[str] = frozenset()
    quiet: tuple[int, int] | None = None
    zone: str = "UTC"

    def quiet_seconds(self, now_ms: int) -> float:
        """Return for how long it is quiet from now on, 0 when it is not."""
        if self.quiet is None:
            return 0.0
        from_minute, until_minute = self.quiet
        now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(self.zone))
        minute = now.hour * 60 + now.minute
        into = (minute - from_minute) % MINUTES_OF_DAY
        if into >= (until_minute - from_minute) % MINUTES_OF_DAY:
            return 0.0
        # Counted on the wall, so that a clock change within the night moves the end with it.
        # Within an hour that comes twice, the end is in the one that it is now; adding a day would forget which.
        end = now.replace(hour=until_minute // 60, minute=until_minute % 60, second=0, microsecond=0)
        if until_minute <= minute:
            end = end.replace(fold=0) + timedelta(days=1)
        return max(1.0, end.timestamp() - now.timestamp())


class Preferences:
    """Keep and recall them."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock

    async def of(self, account: AccountRef) -> Preference:
        """Return what the account's owner chose; defaults when nothing."""
        return await self._database.read(lambda: self._of(account))

    def _of(self, account: AccountRef) -> Work[Preference]:
        states = yield from self._book.states_of([account], now_ms=self._clock(), create=False)
        return preference_of((yield from rows.chosen(states[account].id)))

    async def keep(self, account: AccountRef, preference: Preference) -> None:
        """
        Keep a choice.

        Raises:
            PreferenceError: there is no such zone, or the quiet hours are no minutes of a day.

        """
        if not is_zone(preference.zone):
            raise PreferenceError("zone", preference.zone)
        if preference.quiet is not None and not all(0 <= one < MINUTES_OF_DAY for one in preference.quiet):
            raise PreferenceError("hours", str(preference.quiet))
        await self._database.write(lambda: self._keep(account, preference))

    def _keep(self, account: AccountRef, preference: Preference) -> Work[None]:
        states = yield from self._book.states_of([account], now_ms=self._clock(), create=True)
        quiet_from, quiet_until = preference.quiet or (None, None)
        muted = " ".join(sorted(preference.muted))
        chosen = rows.Chosen(preference.dm, muted, quiet_from, quiet_until, preference.zone)
        yield from rows.choose(states[account].id, chosen)


def preference_of(chosen: rows.Chosen | None) -> Preference:
    """Return a stored choice."""
    if chosen is None:
        return Preference()
    dm: Direct = "on" if chosen.dm == "on" else "off" if chosen.dm == "off" else "unset"
    quiet = None
    if chosen.quiet_from is not None and chosen.quiet_until is not None:
        quiet = (chosen.quiet_from, chosen.quiet_until)
    return Preference(dm=dm, muted=frozenset(chosen.muted.split()), quiet=quiet, zone=chosen.zone)
