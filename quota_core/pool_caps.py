"""
What a member may draw from a pool: caps by window, counted in the member's own state and entries.

A draw makes parts like `%34/2026-11-20=7` in the member's entry: 7 units of account 34, in that day. They are
windows as those of plans are, written, closed and proved like them; so a cap holds however many processes ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.ledger import AccountState, Payer
from quota_core.parts import DRAWN_MARK
from quota_core.periods import PeriodKind, period_at
from quota_core.statements import Work


class Draw(NamedTuple):
    """
    How an operation draws from a pool, which is one of its other payers.

    `first` says that the pool pays before the member does; `caps` are kinds of windows (day, week, month) with the
    units of one metric that the member may draw in each; None counts what is drawn, and does not bound it.
    """

    pool: AccountRef
    first: bool = False
    caps: tuple[tuple[str, int | None], ...] = ()


def read_drawn(
    book: Book, metric: str, draw: Draw, payers: Sequence[AccountState], now_ms: int
) -> Work[None]:
    """Make sure that the member knows what it has drawn in the windows in force."""
    member = payers[0]
    pools = [state for state in payers if state.ref == draw.pool]
    places = [f"{metric}/{pot}" for pool in pools for pot, _ in _pots(book, draw, pool, now_ms)]
    yield from book.read_windows([(member, place) for place in places if place not in member.used])


def with_caps(book: Book, metric: str, draw: Draw, payers: Sequence[Payer], now_ms: int) -> list[Payer]:
    """Return the payers, the pool among them with what the first may still draw from it."""
    used = payers[0].state.used
    found = []
    for payer in payers:
        if payer.state.ref == draw.pool:
            pots = _pots(book, draw, payer.state, now_ms)
            left = [cap - used[f"{metric}/{pot}"][0] for pot, cap in pots if cap is not None]
            payer = payer._replace(  # noqa: PLW2901 - the same payer, with its caps
                most=max(0, min(left)) if left else None,
                drawn=tuple(pot for pot, _ in pots),
                early=draw.first,
            )
        found.append(payer)
    return found


def _pots(book: Book, draw: Draw, pool: AccountState, now_ms: int) -> list[tuple[str, int | None]]:
    """Return the pots that count what is drawn from the pool now, each with its cap."""
    return [
        (f"{DRAWN_MARK}{pool.id}/{period_at(PeriodKind(kind), now_ms, zone=book.catalog.zone).key}", cap)
        for kind, cap in draw.caps
    ]
