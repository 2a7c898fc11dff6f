"""
What the catalog sells and for how much, beside what a payment provider says of the same: pure comparison, no I/O.

A plan is found by the price that the catalog names, or by a key that says what it is for and how much it is, so
that another amount is another key and a price never has to be changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from quota_core.catalog import Catalog
from quota_core.money import exponent_of, major

Interval = Literal["month", "year"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """
    A plan or a package with its price in minor units.

    `stripe_price` is the price that the catalog names. A package without one needs none: its order carries it.
    """

    kind: Literal["plan", "package"]
    id: str
    name: str
    description: str
    amount_minor: int
    currency: str
    interval: Interval | None
    stripe_price: str | None

    @property
    def needs_price(self) -> bool:
        """Whether it can only be sold with a price at the provider."""
        return self.kind == "plan" or self.stripe_price is not None

    @property
    def key(self) -> str:
        """What a price at the provider is found by: `plan.pro.2900.eur.month`."""
        parts = [self.kind, self.id, str(self.amount_minor), self.currency.lower()]
        return ".".join([*parts, self.interval] if self.interval else parts)

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price as the provider has it; `amount_minor` None where it has a fraction or tiers."""

    id: str
    amount_minor: int | None
    currency: str
    interval: str | None
    interval_count: int
    active: bool
    livemode: bool


def offers_in(catalog: Catalog) -> Iterator[Offer]:
    """Yield everything that costs something, plans first."""
    for plan_id, plan in catalog.plans_by_rank.items():
        if plan.price_minor:
            yield Offer(
                kind="plan",
                id=plan_id,
                name=plan.label.en,
                description=plan.description.en,
                amount_minor=plan.price_minor,
                currency=catalog.currency.upper(),
                interval=plan.interval,
                stripe_price=plan.stripe_price,
            )
    for package_id, package in catalog.packages.items():
        yield Offer(
            kind="package",
            id=package_id,
            name=package.label.en,
            description=package.description.en,
            amount_minor=package.price_minor,
            currency=catalog.currency.upper(),
            interval=None,
            stripe_price=package.stripe_price,
        )


def differences(offer: Offer, price: Price) -> list[str]:
    """Say in which points a price is not what the catalog offers; empty when it is."""
    found = []
    if (price.amount_minor, price.currency.upper()) != (offer.amount_minor, offer.currency):
        there = (
            "no whole amount" if price.amount_minor is None else spelled(price.amount_minor, price.currency)
        )
        found.append(f"it is {there}, the catalog says {spelled(offer.amount_minor, offer.currency)}")
    every = None if price.interval is None else (price.interval, price.interval_count)
    if every != (None if offer.interval is None else (offer.interval, 1)):
        there = "once" if every is None else f"every {price.interval_count} {price.interval}"
        wanted = "once" if offer.interval is None else f"every {offer.interval}"
        found.append(f"it is paid {there}, the catalog says {wanted}")
    if not price.active:
        found.append("it is archived, so nobody can pay it")
    return found


def spelled(amount_minor: int, currency: str) -> str:
    """Return an amount for an operator's eyes: `14.99 EUR`."""
    return f"{major(amount_minor, currency):.{exponent_of(currency)}f} {currency.upper()}"
