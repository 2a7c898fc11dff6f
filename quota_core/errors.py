"""
Everything the core can refuse, as one tree. Facts are attributes; the words belong to `wording`.

QuotaError
├── OutOfQuotaError            the payers have fewer units than asked
├── AccountBlockedError        an operator blocked the account
├── NotInPlanError             the plan has not what was asked for; others may
├── UnknownMetricError         no such metric in the catalog
├── UnknownServiceError        no such service in the catalog
├── MetricKindError            a level of a counter, or units of a gauge
├── UnknownPlanError           no such plan in the catalog
├── UnknownPackageError        no such package in the catalog
├── UnknownOrderError          no such order
├── UnknownSpendError          nothing was spent under this key, so nothing can be given back
├── UnknownHoldError           nothing was held under this key
├── HoldEndedError             the hold has ended in another way, or by its time
├── ConflictingReplayError     same key as before, different content
├── UnfitParentError           this account cannot pay for that one
├── AmountError                an amount outside its bounds
├── NotAllowedError            the actor may not do this
├── PreferenceError            no such time zone, hours or address
├── ErasureRefusedError        an account cannot be forgotten before something else has ended
├── CheckoutUnavailableError   the payment page could not be opened; nothing was charged
├── RefundRefusedError         nothing was refunded, for the reason it gives (in `refunding`)
└── UnavailableError           the ledger cannot be written just now; the same key may be sent again
    └── HaltedError            writes are stopped until an operator looks: an invariant is broken
CatalogError                   a catalog file that cannot be used, with every reason
SchemaError                    a database of a newer program, or not ours
DatabaseInUseError             another process holds the database
ConstraintError                a row that the schema refuses: a key that exists, or a mistake of ours
"""

from __future__ import annotations

from dataclasses import dataclass


class QuotaError(Exception):
    """The core refuses; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """
    One window of an allowance (hour, day, …) at the moment of a refusal.

    `limit` None means unlimited, `resets_ms` None that it never turns, as a gauge's.
    """

    kind: str
    limit: int | None
    used: int
    resets_ms: int | None


class OutOfQuotaError(QuotaError):
    """
    The payers together have fewer units than the operation needs.

    Attributes:
        metric: the metric asked for.
        units_asked: what the operation costs, in units of the metric.
        units_left: what all payers could still spend, in units.
        plan: the first payer's plan id.
        refills: the first payer's windows on this metric; empty when its plan gives none.
        retry_ms: when the soonest exhausted window refills (UTC milliseconds), None when never.

    """

    def __init__(
        self,
        *,
        metric: str,
        units_asked: int,
        units_left: int,
        plan: str,
        refills: tuple[Refill, ...],
        retry_ms: int | None,
    ) -> None:
        self.metric = metric
        self.units_asked = units_asked
        self.units_left = units_left
        self.plan = plan
        self.refills = refills
        self.retry_ms = retry_ms
        super().__init__(f"{units_asked} {metric} asked, {units_left} left")


class AccountBlockedError(QuotaError):
    """An operator blocked the account; `account` is its outer spelling."""

    def __init__(self, account: str) -> None:
        self.account = account
        super().__init__(f"{account} is blocked")


class NotInPlanError(QuotaError):
    """
    No payer's plan has what was asked for.

    Attributes:
        name: the service, or the metric.
        metric: the metric that would have been spent.
        feature: what the plan must have for it, which units that are bought cannot replace; None: units would do.
        plan: the first payer's plan id.
        plans: the plans that have it, smallest first; empty when none does.

    """

    def __init__(
        self, name: str, *, metric: str, feature: str | None, plan: str, plans: tuple[str, ...]
    ) -> None:
        self.name = name
        self.metric = metric
        self.feature = feature
        self.plan = plan
        self.plans = plans
        super().__init__(f"plan {plan} has no {name}; {', '.join(plans) or 'no plan'} has")


class UnknownMetricError(QuotaError):
    """No such metric in the catalog."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        super().__init__(f"no metric {metric!r} in the catalog")


class MetricKindError(QuotaError):
    """
    The metric is of the other kind.

    A counter has no level to set; of a gauge nothing is given, bought or held. `kind` is what it is.
    """

    def __init__(self, metric: str, kind: str) -> None:
        self.metric = metric
        self.kind = kind
        super().__init__(f"{metric} is a {kind}")


class UnknownServiceError(QuotaError):
    """No such service in the catalog."""

    def __init__(self, service: str) -> None:
        self.service = service
        super().__init__(f"no service {service!r} in the catalog")


class UnknownPlanError(QuotaError):
    """No such plan in the catalog; `plans` are those that exist."""

    def __init__(self, plan: str, plans: tuple[str, ...]) -> None:
        self.plan = plan
        self.plans = plans
        super().__init__(f"no plan {plan!r}; there are {', '.join(plans)}")


class UnknownPackageError(QuotaError):
    """No such package in the catalog."""

    def __init__(self, package: str) -> None:
        self.package = package
        super().__init__(f"no package {package!r} in the catalog")


class UnknownOrderError(QuotaError):
    """No such order."""

    def __init__(self, order: str) -> None:
        self.order = order
        super().__init__(f"no order {order!r}")


class UnknownSpendError(QuotaError):
    """Nothing was spent under this key, so nothing can be given back."""


class UnknownHoldError(QuotaError):
    """Nothing was held under this key."""


class HoldEndedError(QuotaError):
    """The hold was settled (with `units_used`, else 0), released or expired already: `how` says which."""

    def __init__(self, how: str, *, units_used: int) -> None:
        self.how = how
        self.units_used = units_used
        super().__init__(f"the hold was {how} already")


class ConflictingReplayError(QuotaError):
    """The key was used before for something else; send a new key."""


class UnfitParentError(QuotaError):
    """`parent` cannot pay: `why` is not_external, itself, has_parent or has_children; one level is all there is."""

    def __init__(self, why: str, parent: str) -> None:
        self.why = why
        self.parent = parent
        super().__init__(f"{parent} cannot be the parent: {why}")


class AmountError(QuotaError):
    """An amount outside `minimum`..`maximum`."""

    def __init__(self, amount: int, *, minimum: int, maximum: int) -> None:
        self.amount = amount
        self.minimum = minimum
        self.maximum = maximum
        super().__init__(f"{amount} is not within {minimum}..{maximum}")


class NotAllowedError(QuotaError):
    """The actor may not do this."""


class PreferenceError(QuotaError):
    """
    A choice about messages that cannot be kept.

    Attributes:
        what: `zone`, `hours`, `address`, `kind`, `code`, `codes`, `twice`, `many`, `channel`, or of `resending`.
        given: what was given.

    """

    def __init__(self, what: str, given: str) -> None:
        self.what = what
        self.given = given
        super().__init__(f"{what}: {given}")


class ErasureRefusedError(QuotaError):
    """The account cannot be forgotten yet; `reason` is debt, blocked, payment (under way) or hold."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not before this has ended: {reason}")


class CheckoutUnavailableError(QuotaError):
    """
    The payment page could not be opened; nothing was charged.

    Attributes:
        configured: False when no Stripe key is set, so that trying again cannot help.
        stored_failure: the provider answered with a failure that it will repeat for the same idempotency key.
        rejected: the provider rejects the call itself, so that repeating it to the letter cannot help.

    """

    def __init__(
        self,
        reason: str,
        *,
        configured: bool = True,
        stored_failure: bool = False,
        rejected: bool = False,
    ) -> None:
        self.configured = configured
        self.stored_failure = stored_failure
        self.rejected = rejected
        super().__init__(reason)


class UnavailableError(QuotaError):
    """The ledger cannot be written just now; the same key may be sent again after `retry_seconds`."""

    def __init__(self, reason: str, *, retry_seconds: int = 5) -> None:
        self.retry_seconds = retry_seconds
        super().__init__(reason)


class HaltedError(UnavailableError):
    """Writes are stopped until an operator looks: an invariant is broken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, retry_seconds=60)


class CatalogError(Exception):
    """A catalog that cannot be used; `problems` names file, key and what is wrong, all at once."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class SchemaError(Exception):
    """The database belongs to a newer program, or is not ours."""


class DatabaseInUseError(Exception):
    """Another process holds the database file."""


class ConstraintError(Exception):
    """The database refused a row by its constraints; nothing was written."""
