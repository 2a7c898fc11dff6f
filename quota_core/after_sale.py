"""
What refunds and disputes leave of a purchase, pure: from reports to what went back, and whether it is disputed.

Each refund and dispute has a standing that only grows, and amounts are cumulative; so any set of reports, in any
order and with any repetition, ends in the same place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, NamedTuple

Kind = Literal["refund", "dispute", "sum"]

REFUND_STANDS, REFUND_FAILED = 1, 2
"""Standings of a refund: on its way or done, and ended without money."""
DISPUTED = 0
"""The standing of a dispute whose money did not move yet."""
_STEP = 8


class Movement(IntEnum):
    """What a dispute did with the money; of two in one second, the later one of this list counts."""

    WITHDRAWN = 1
    LOST = 2
    WON = 3
    REINSTATED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """
    What the provider reports of a refund, of a dispute, or of all refunds of a payment together (a sum).

    `payment` is the id that the provider's payment report carries; `reference` the refund's or dispute's own.
    """

    event_id: str
    kind: Kind
    reference: str
    payment: str
    amount_minor: int
    currency: str
    standing: int
    livemode: bool


class Reported(NamedTuple):
    """A refund, a dispute or a sum as far as it was reported."""

    kind: str
    amount_minor: int
    currency: str
    standing: int


class Standing(NamedTuple):
    """How a payment stands: what went back of it, at most all of it, and whether a dispute is open."""

    returned_minor: int
    disputed: bool


def moved(at_seconds: int, movement: Movement) -> int:
    """Return the standing of a dispute whose money moved: the newest movement counts."""
    return at_seconds * _STEP + movement


def standing_of(reports: Iterable[Reported], *, currency: str, paid_minor: int) -> Standing:
    """
    Return how a payment of `paid_minor`, tax included, stands after `reports`.

    A sum tells of refunds that were not reported by themselves: only what exceeds the known ones counts.
    """
    refunded = known = total = withdrawn = 0
    disputed = False
    for kind, amount_minor, spelled, standing in reports:
        if spelled.upper() != currency:
            continue
        if kind == "refund":
            known += amount_minor
            refunded += amount_minor if standing < REFUND_FAILED else 0
        elif kind == "sum":
            total = amount_minor
        elif standing % _STEP in (Movement.WITHDRAWN, Movement.LOST):
            withdrawn += amount_minor
        elif standing == DISPUTED:
            disputed = True
    returned = refunded + max(0, total - known) + withdrawn
    return Standing(min(paid_minor, returned), disputed)


def units_of(units: int, *, returned_minor: int, paid_minor: int) -> int:
    """Return how many of `units` go back: in proportion, rounded down; a full refund takes exactly all."""
    if paid_minor <= 0:
        return 0  # of an order that somebody altered, which `verify` must be able to say
    return units * returned_minor // paid_minor
