"""What is asked for: units of a metric, or calls of a service, once under a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quota_core.accounts import AccountRef
from quota_core.catalog import MAX_UNITS, Catalog
from quota_core.errors import AmountError
from quota_core.keys import keys_bytes
from quota_core.parts import SERVICE_MARK, Part
from quota_core.pool_caps import Draw

_new_consume = tuple.__new__


class Consume(NamedTuple):
    """
    One operation: `units` (at least 1) of `metric`, paid by `account` first, then by `others` in their order.

    `service` is the one that they are for, "" when there is none, and `calls` how often it is called.
    With `free_only` it is refused where it would take paid units of the first payer (see `paid_units`).
    The key is unique for ever per account; the same key with the same content gets the first answer.
    """

    account: AccountRef
    metric: str
    units: int
    key: bytes
    others: tuple[AccountRef, ...] = ()
    service: str = ""
    calls: int = 0
    draw: Draw | None = None
    free_only: bool = False

    @property
    def payers(self) -> tuple[AccountRef, ...]:
        """Everyone who pays, in order."""
        return (self.account, *self.others)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What its entries say of the service."""
        return ((f"{SERVICE_MARK}{self.service}", self.calls),) if self.service else ()


def call_of(  # noqa: PLR0917 - what an operation is made of
    catalog: Catalog,
    account: AccountRef,
    service: str,
    calls: int,
    key: bytes,
    others: tuple[AccountRef, ...],
) -> Consume:
    """Return the operation that so many calls of a service are; UnknownServiceError, AmountError."""
    called = catalog.service(service)
    if calls * called.cost > MAX_UNITS:
        raise AmountError(calls, minimum=1, maximum=MAX_UNITS // called.cost)
    return Consume(account, called.metric, calls * called.cost, key, others, service, calls)


def plain_consumes(
    catalog: Catalog,
    accounts: Sequence[AccountRef],
    units: Sequence[int],
    keys: Sequence[str],
    metric: str | None,
) -> list[Consume] | None:
    """Return operations of no service that one account pays each; None for a metric that does not exist."""
    metric = catalog.primary_metric if metric is None else metric
    if metric not in catalog.metrics:
        return None
    return [
        _new_consume(Consume, (account, metric, wanted, key, (), "", 0, None, False))
        for account, wanted, key in zip(accounts, units, keys_bytes(keys), strict=True)
    ]
