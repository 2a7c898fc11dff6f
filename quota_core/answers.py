"""What a consume answers: a spend, or a refusal with what the refused need to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from quota_core.chain import Entry
from quota_core.errors import OutOfQuotaError, Refill
from quota_core.ledger import Payer, Shortage, allowance_left, spendable
from quota_core.parts import parts_of
from quota_core.posting import Crossed


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """
    A threshold that this spend crossed, for the first time in its window (hour, day, …).

    A gauge's window never turns (`resets_ms` None); it is told of once a month.
    """

    kind: str
    percent: int
    used: int
    limit: int
    resets_ms: int | None


T = TypeVar("T")


class Spend(NamedTuple):
    """
    A spend that is in the ledger; its three parts add up to `units`.

    `allowance_left` None means unlimited. A replay carries the numbers of the first answer and no crossing.
    """

    metric: str
    units: int
    from_allowance: int
    from_purchased: int
    from_overage: int
    allowance_left: int | None
    purchased_left: int
    entry_ids: tuple[int, ...]
    replayed: bool
    crossings: tuple[Crossing, ...] = ()


def spend_of(metric: str, entries: Sequence[Entry], *, replayed: bool, told: int = 0) -> Spend:
    """Return the answer that these entries of one operation stand for; it tells what is left at the one `told`."""
    units = lots = overage = 0
    for entry in entries:
        units += entry.units
        if "#" in entry.parts or "+" in entry.parts:
            parts = parts_of(entry.parts)
            lots -= sum(delta for pot, delta in parts if pot[0] == "#")
            overage += max((delta for pot, delta in parts if pot[0] == "+"), default=0)
    left = entries[min(told, len(entries) - 1)]
    return Spend(
        metric=metric,
        units=units,
        from_allowance=units - lots - overage,
        from_purchased=lots,
        from_overage=overage,
        allowance_left=left.allowance_left,
        purchased_left=left.purchased_left,
        entry_ids=tuple([entry.id for entry in entries]),
        replayed=replayed,
    )


class CapReachedError(OutOfQuotaError):
    """The server that pays too has more, but not for this member, who drew what one member may."""


def refusal(
    payer: Payer,
    metric: str,
    units: int,
    *,
    plan: str,
    shortage: Shortage,
    now_ms: int,
    payers: Sequence[Payer] = (),
) -> OutOfQuotaError:
    """Return the refusal of `units`, seen from the first of the payers."""
    refills = tuple(
        Refill(
            kind=window.kind,
            limit=window.limit,
            used=payer.state.used.get(window.place, (0, 0))[0],
            resets_ms=window.period.turns_ms,
        )
        for window in payer.windows
    )
    # What the windows must give, since lots do not refill.
    needed = units - sum(lot.left for lot in spendable(payer.state.lots.get(metric, ()), now_ms))
    short = [r.resets_ms for r in refills if r.limit is not None and r.limit - r.used < needed]
    turning = [resets_ms for resets_ms in short if resets_ms is not None]
    ever_enough = all(refill.limit is None or refill.limit >= needed for refill in refills)
    kind = CapReachedError if any(_withholds(one, metric, now_ms) for one in payers) else OutOfQuotaError
    return kind(
        metric=metric,
        units_asked=units,
        units_left=shortage.units_left,
        plan=plan,
        refills=refills,
        retry_ms=max(turning) if turning and ever_enough else None,
    )


def _withholds(payer: Payer, metric: str, now_ms: int) -> bool:
    """Tell whether a payer has more than it may give."""
    if payer.most is None:
        return False
    free = allowance_left(payer)
    bought = sum(lot.left for lot in spendable(payer.state.lots.get(metric, ()), now_ms))
    return free is None or free + bought > payer.most


def with_crossings(outcomes: list[T], new: Sequence[Crossed]) -> list[T]:
    """Put each new crossing into the answer of the spend that made it."""
    if not new:
        return outcomes
    by_entry: dict[int, list[Crossing]] = {}
    for crossed in new:
        by_entry.setdefault(crossed.entry, []).append(crossing_of(crossed))
    return [
        outcome._replace(crossings=crossings)
        if isinstance(outcome, Spend)
        and not outcome.replayed
        and (crossings := tuple(one for entry in outcome.entry_ids for one in by_entry.get(entry, ())))
        else outcome
        for outcome in outcomes
    ]


def crossing_of(crossed: Crossed) -> Crossing:
    """Return what is told of a threshold that was crossed."""
    window = crossed.window
    assert window.limit is not None
    return Crossing(
        kind=window.kind,
        percent=crossed.percent,
        used=crossed.used,
        limit=window.limit,
        resets_ms=window.period.turns_ms,
    )
