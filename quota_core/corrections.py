"""
Bring what an account has used to a share of its limits, by entries and under audit: to prepare it for a look.

Nothing is reset in place: each window that is open now and has a limit gets an entry that says by how much its use
was corrected, with who did it and why, as any other change by hand.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from quota_core import witnesses
from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.by_hand import reason_text
from quota_core.catalog import MAX_UNITS
from quota_core.chain import Entry
from quota_core.database import Database
from quota_core.errors import AmountError, QuotaError
from quota_core.keys import derived_key
from quota_core.ledger import AccountState, Draft, EntryKind, Window
from quota_core.parts import NO_WINDOW, Part
from quota_core.periods import LEVEL
from quota_core.posting import Posting
from quota_core.statements import Work
from quota_core.store import entries as entry_rows

MAX_PERCENT = 100
_LEDGER, _UNITS_COME_BACK = "ledger", "units of before a correction come back"
_RAISED = witnesses.by_hand(_LEDGER, "correct", _UNITS_COME_BACK)


class UnknownAccountError(QuotaError):
    """Nothing is known of an account; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A window, its limit, and what was used in it before and after, in units."""

    kind: str
    limit: int
    before: int
    after: int


class Corrections:
    """Correct use by hand; `clock` gives UTC milliseconds."""

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._book = book
        self._clock = clock

    async def bring_to(
        self,
        account: AccountRef,
        percent: int,
        *,
        metric: str | None,
        actor: str,
        reason: str,
        create: bool = False,
    ) -> list[Corrected]:
        """
        Make each open window with a limit hold `percent` (0..100) of it, rounded up; return these windows.

        Units in lots stay as they are, and so do thresholds that were crossed before: each is told once a window.
        Whoever is not sure whether it was done does it again: what is as it should be gets no entry.

        Raises:
            AmountError: the percentage is out of bounds.
            UnknownMetricError: there is no such metric.
            UnknownAccountError: nothing is known of the account, and it is not to be opened (`create`).

        """
        if not 0 <= percent <= MAX_PERCENT:
            raise AmountError(percent, minimum=0, maximum=MAX_PERCENT)
        name = self._book.catalog.primary_metric if metric is None else metric
        self._book.catalog.metric(name)
        key = secrets.token_bytes(16)
        return await self._database.write(
            lambda: self._correct(
                account,
                name,
                percent,
                actor=actor,
                reason=reason_text(reason),
                key=key,
                create=create,
            )
        )

    def _correct(
        self,
        account: AccountRef,
        metric: str,
        percent: int,
        *,
        actor: str,
        reason: str,
        key: bytes,
        create: bool,
    ) -> Work[list[Corrected]]:
        now_ms = self._clock()
        states = yield from self._book.states_of([account], now_ms=now_ms, create=create)
        state = states[account]
        if not state.id:
            raise UnknownAccountError(str(account))
        payers = yield from self._book.payers([(state, metric)], now_ms)
        payer = payers[state.id, metric]
        posting = Posting(self._book, now_ms)
        yield from posting.begin(max(1, len(payer.windows)))
        witness = witnesses.by_hand(actor, "correct", reason)
        corrected, entries = [], []
        for window in payer.windows:
            if window.limit is None:
                continue
            used, overage = state.used[window.place]
            wanted = min(MAX_UNITS, -(-window.limit * percent // 100))
            corrected.append(Corrected(kind=window.kind, limit=window.limit, before=used, after=wanted))
            parts = _parts(window, used, overage, wanted)
            if parts:
                draft = Draft(
                    state=state,
                    kind=EntryKind.CORRECT,
                    metric=metric,
                    units=abs(wanted - used),
                    parts=(*parts, witness),
                )
                entries.append(
                    posting.append(draft, derived_key("correct", key + window.pot.encode()), payer.windows)
                )
        posting.close()
        yield from posting.write()
        for entry in entries:
            yield from entry_rows.add_audit(
                entry.id, actor=actor, action="correct", reason=reason, now_ms=now_ms
            )
        return corrected


def _parts(window: Window, used: int, overage: int, wanted: int) -> tuple[Part, ...]:
    """Return by how much use and overage change; what was used beyond the limit is gone with it."""
    parts: tuple[Part, ...] = ()
    if overage:
        parts += ((f"+{window.pot}", -overage),)
    if wanted != used:
        parts += ((window.pot, wanted - used),)
    return parts


def uncorrected(state: AccountState, metric: str, back: Sequence[Part]) -> list[Draft]:
    """
    Return what raises windows again before units go back into them, of which corrections left too little.

    Units that were taken before a correction go back after it all the same: a hold must be able to end.
    """
    beyond = {pot[1:]: delta for pot, delta in back if pot[0] == "+"}
    drafts = []
    for pot, delta in back:
        if pot[0] in NO_WINDOW or pot == LEVEL.key:
            continue
        used, overage = state.used[f"{metric}/{pot}"]
        over = max(0, -overage - beyond.get(pot, 0))
        kept = overage + over + beyond.get(pot, 0)
        more = max(0, kept - used - delta)
        said: tuple[Part, ...] = ((f"+{pot}", over),) if over else ()
        said += ((pot, more),) if more else ()
        if said:
            drafts.append(
                Draft(state=state, kind=EntryKind.CORRECT, metric=metric, units=more, parts=(*said, _RAISED))
            )
    return drafts


def audit_uncorrected(entries: Iterable[Entry], now_ms: int) -> Work[None]:
    """Write who made these entries, and why: nobody's hand did."""
    for entry in entries:
        yield from entry_rows.add_audit(
            entry.id, actor=_LEDGER, action="correct", reason=_UNITS_COME_BACK, now_ms=now_ms
        )
