"""How plans, packages, limits and windows are called; ids that left the catalog are shown as they are."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.accounts import AccountRef
from quota_core.catalog import Allowance, Catalog
from wording.card import clipped, length_of
from wording.safe import Safe, mention, safe_name
from wording.words import Words

MAX_LABEL = 60
MAX_LISTED = 12  # lines of a list
MAX_SERVICES, MAX_FEATURES = 600, 400  # characters


def plan_name(plan_id: str, catalog: Catalog, words: Words) -> Safe:
    """Return a plan's label."""
    plan = catalog.plans.get(plan_id)
    return safe_name(plan_id) if plan is None else Safe(clipped(words.text(plan.label), MAX_LABEL))


def package_name(package_id: str, catalog: Catalog, words: Words) -> Safe:
    """Return a package's label."""
    package = catalog.packages.get(package_id)
    return safe_name(package_id) if package is None else Safe(clipped(words.text(package.label), MAX_LABEL))


def metric_name(metric: str, catalog: Catalog, words: Words) -> Safe:
    """Return a metric's label with a capital: `Requests`."""
    label = words.unit_name(2, catalog, metric)
    return Safe(clipped(label[:1].upper() + label[1:], MAX_LABEL))


def service_name(name: str, catalog: Catalog, words: Words) -> Safe:
    """Return the label of a service or, when it is none, of a metric."""
    service = catalog.services.get(name)
    if service is None:
        return metric_name(name, catalog, words)
    return Safe(clipped(words.text(service.label), MAX_LABEL))


def services_of(plan_id: str, catalog: Catalog, words: Words) -> Safe:
    """Return the services that a plan has with what a call costs, one a line; empty when there are none."""
    plan = catalog.plan(plan_id)
    return _listed(
        [
            f"{service_name(name, catalog, words)} · {words.units(service.cost, catalog, service.metric)}"
            for name, service in list(catalog.services.items())[:MAX_LISTED]
            if plan.has(service.feature)
        ],
        MAX_SERVICES,
    )


def features_of(plan_id: str, catalog: Catalog, words: Words) -> Safe:
    """Return what a plan has beside services, one a line: `✓ SLA`; empty when it has nothing."""
    behind_services = {service.feature for service in catalog.services.values()}
    return _listed(
        [
            f"✓ {clipped(words.text(catalog.features[feature].label), MAX_LABEL)}"
            for feature in catalog.plan(plan_id).features[:MAX_LISTED]
            if feature not in behind_services
        ],
        MAX_FEATURES,
    )


def _listed(lines: Sequence[str], room: int) -> Safe:
    """Return as many whole lines as there is room for."""
    kept: list[str] = []
    for line in lines:
        if length_of("\n".join([*kept, line])) > room:
            break
        kept.append(line)
    return Safe("\n".join(kept))


def rate(allowance: Allowance, catalog: Catalog, words: Words) -> Safe:
    """Return what an allowance gives: `5,000 requests a day`, `unlimited requests`."""
    if allowance.limit_units is None:
        return words("rate.unlimited", metric=words.unit_name(2, catalog, allowance.metric))
    units = words.units(allowance.limit_units, catalog, allowance.metric)
    return words(f"rate.{allowance.period}", units=units)


def plan_limit(plan_id: str, metric: str, catalog: Catalog, words: Words) -> Safe:
    """Return what a plan gives of a metric: every window with a limit, or that there is none."""
    allowances = catalog.plan(plan_id).allowances_of(metric)
    limited = [allowance for allowance in allowances if allowance.limit_units is not None]
    rates = [rate(allowance, catalog, words) for allowance in limited or allowances[:1]]
    return Safe(clipped(" · ".join(rates), 4 * MAX_LABEL))


def plan_limits(plan_id: str, catalog: Catalog, words: Words) -> Safe:
    """Return all that a plan gives, a line for each metric with what it means to a person."""
    lines = []
    for metric in list(catalog.metrics)[:MAX_LISTED]:
        allowances = catalog.plan(plan_id).allowances_of(metric)
        limits = [one.limit_units for one in allowances if one.limit_units is not None]
        about = words.estimate(min(limits), catalog, metric) if limits else ""
        if allowances:
            limit = plan_limit(plan_id, metric, catalog, words)
            lines.append(f"{limit} ({about})" if about else limit)
    return Safe("\n".join(lines))


def account_spelled(account: str) -> Safe:
    """Return who an account is, from its outer spelling."""
    try:
        return account_name(AccountRef.parse(account))
    except ValueError:
        return safe_name(account)


def account_name(ref: AccountRef) -> Safe:
    """Return who an account is: users by a mention, which shows the name they have now."""
    return mention(int(ref.external_id)) if ref.kind == "user" else safe_name(str(ref))
