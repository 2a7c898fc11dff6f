"""What a new catalog does to the people who live with the old one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from quota_core.catalog import Allowance, Catalog, Package, Plan, Service

Weight = Literal["loss", "gain", "note"]


class CatalogChange(NamedTuple):
    """One difference: whether people lose or gain by it, where it stands, and what it does to them."""

    weight: Weight
    place: str
    effect: str


def changes(old: Catalog, new: Catalog) -> list[CatalogChange]:
    """Return what is different for people, in the order of the file; words and costs of the operator are not."""
    return [
        *_top(old, new),
        *_metrics(old, new),
        *_services(old, new),
        *_plans(old, new),
        *_packages(old, new),
    ]


def _top(old: Catalog, new: Catalog) -> Iterator[CatalogChange]:
    if old.currency != new.currency:
        effect = (
            f"{old.currency} → {new.currency}: every price is another one; orders that are open keep theirs"
        )
        yield CatalogChange("note", "currency", effect)
    if old.timezone != new.timezone:
        effect = (
            f"{old.timezone} → {new.timezone}: windows turn at other moments; what was used today stays used"
        )
        yield CatalogChange("note", "timezone", effect)
    if old.default_plan != new.default_plan:
        effect = f"{old.default_plan} → {new.default_plan}: for everybody who was given no plan"
        yield CatalogChange("note", "default_plan", effect)
    if old.primary_metric != new.primary_metric:
        effect = f"{old.primary_metric} → {new.primary_metric}: what commands spend unless they say otherwise"
        yield CatalogChange("note", "primary_metric", effect)


def _metrics(old: Catalog, new: Catalog) -> Iterator[CatalogChange]:
    for name, metric in old.metrics.items():
        place = f"metrics.{name}"
        if name not in new.metrics:
            effect = "gone: nobody can use it; what was bought of it is kept, and is back when the metric is"
            yield CatalogChange("loss", place, effect)
        elif metric.kind != new.metrics[name].kind:
            effect = f"{metric.kind} → {new.metrics[name].kind}: what was counted does not carry over"
            yield CatalogChange("loss", place, effect)
    yield from (
        CatalogChange("gain", f"metrics.{name}", "new") for name in new.metrics if name not in old.metrics
    )


def _services(old: Catalog, new: Catalog) -> Iterator[CatalogChange]:
    for name, service in old.services.items():
        if name not in new.services:
            yield CatalogChange("loss", f"services.{name}", "gone: calls of it are refused as unknown")
        else:
            yield from _service(f"services.{name}", service, new.services[name])
    yield from (
        CatalogChange("gain", f"services.{name}", "new") for name in new.services if name not in old.services
    )


def _service(place: str, old: Service, new: Service) -> Iterator[CatalogChange]:
    if old.metric != new.metric:
        yield CatalogChange(
            "note", f"{place}.metric", f"{old.metric} → {new.metric}: calls spend another one"
        )
    if old.cost != new.cost:
        weight: Weight = "loss" if new.cost > old.cost else "gain"
        yield CatalogChange(weight, f"{place}.cost", f"{old.cost} → {new.cost}: from the next call on")
    if old.feature != new.feature:
        effect = f"{old.feature or 'none'} → {new.feature or 'none'}: other plans have it now"
        yield CatalogChange("note", f"{place}.feature", effect)


def _plans(old: Catalog, new: Catalog) -> Iterator[CatalogChange]:
    for name, plan in old.plans_by_rank.items():
        place = f"plans.{name}"
        if name in new.plans:
            yield from _plan(place, plan, new.plans[name], new.currency)
        else:
            effect = f"gone: its people are on the default plan, {new.default_plan}, at once"
            yield CatalogChange("loss", place, effect)
    yield from (
        CatalogChange("gain", f"plans.{name}", "new") for name in new.plans_by_rank if name not in old.plans
    )


def _plan(place: str, old: Plan, new: Plan, currency: str) -> Iterator[CatalogChange]:
    if (old.price_minor, old.interval) != (new.price_minor, new.interval):
        before, after = _price(old.price_minor, old.interval), _price(new.price_minor, new.interval)
        weight: Weight = "loss" if (new.price_minor or 0) > (old.price_minor or 0) else "gain"
        effect = f"{before} → {after} ({currency}, smallest units): for who takes the plan from now on"
        yield CatalogChange(weight, f"{place}.price_minor", effect)
    for feature in old.features:
        if feature not in new.features:
            yield CatalogChange("loss", f"{place}.features", f"without {feature}: refused at once")
    for feature in new.features:
        if feature not in old.features:
            yield CatalogChange("gain", f"{place}.features", f"with {feature}")
    yield from _allowances(place, old, new)


def _allowances(place: str, old: Plan, new: Plan) -> Iterator[CatalogChange]:
    before_by_window, after_by_window = _windows(old), _windows(new)
    for window, allowance in before_by_window.items():
        there = f"{place}.allowances ({window})"
        if window in after_by_window:
            yield from _allowance(there, allowance, after_by_window[window])
        elif allowance.metric in {one.metric for one in new.allowances}:
            yield CatalogChange("gain", there, "this window binds no more; the others on the metric do")
        else:
            yield CatalogChange("loss", there, "gone: nothing of it is given; what was bought can be spent")
    for window, allowance in after_by_window.items():
        if window not in before_by_window:
            known = allowance.metric in {one.metric for one in old.allowances}
            effect = "new beside the others: it binds too, and starts with nothing used" if known else "new"
            yield CatalogChange("loss" if known else "gain", f"{place}.allowances ({window})", effect)


def _windows(plan: Plan) -> dict[str, Allowance]:
    """Return a plan's windows by how people know them: `credits a day`."""
    return {
        f"{one.metric}, {one.period}"
        + ("" if one.anchor == "calendar" else ", from the account's start"): one
        for one in plan.allowances
    }


def _allowance(place: str, old: Allowance, new: Allowance) -> Iterator[CatalogChange]:
    if old.limit != new.limit:
        less = new.limit_units is not None and (old.limit_units is None or new.limit_units < old.limit_units)
        until = "it is less" if new.period == "level" else "the window turns"
        effect = f"{old.limit} → {new.limit}" + (
            f": used stays used, and who used more has nothing left until {until}" if less else ": at once"
        )
        yield CatalogChange("loss" if less else "gain", f"{place}.limit", effect)
    if old.overage != new.overage:
        blocks = new.overage == "block"
        effect = "charge → block: nobody goes beyond the limit any more" if blocks else "block → charge"
        yield CatalogChange("loss" if blocks else "note", f"{place}.overage", effect)
    elif (old.overage_rate_minor, old.overage_cap) != (new.overage_rate_minor, new.overage_cap):
        effect = (
            f"{old.overage_rate_minor} up to {old.overage_cap or 'any number'} →"
            f" {new.overage_rate_minor} up to {new.overage_cap or 'any number'}: for the whole window"
        )
        yield CatalogChange("note", f"{place}.overage", effect)
    if old.thresholds != new.thresholds:
        marks = ", ".join(f"{one.at} %" for one in new.thresholds) or "never"
        yield CatalogChange(
            "note", f"{place}.thresholds", f"warns at {marks}; what warned already does not again"
        )


def _packages(old: Catalog, new: Catalog) -> Iterator[CatalogChange]:
    for name, package in old.packages.items():
        place = f"packages.{name}"
        if name in new.packages:
            yield from _package(place, package, new.packages[name])
        else:
            effect = "gone: not on sale any more; orders that are open can still be paid, and are credited"
            yield CatalogChange("loss", place, effect)
    yield from (
        CatalogChange("gain", f"packages.{name}", "new") for name in new.packages if name not in old.packages
    )


def _package(place: str, old: Package, new: Package) -> Iterator[CatalogChange]:
    if (old.metric, old.units) != (new.metric, new.units):
        effect = f"{old.units} {old.metric} → {new.units} {new.metric}: for new orders"
        yield CatalogChange("note", f"{place}.units", effect)
    if old.price_minor != new.price_minor:
        weight: Weight = "loss" if new.price_minor > old.price_minor else "gain"
        effect = f"{old.price_minor} → {new.price_minor}: for new orders; open ones keep their price"
        yield CatalogChange(weight, f"{place}.price_minor", effect)
    if old.expires != new.expires:
        yield CatalogChange("note", f"{place}.expires", f"{old.expires} → {new.expires}: for new orders")


def _price(price_minor: int | None, interval: str | None) -> str:
    return "no price" if price_minor is None else f"{price_minor} a {interval or 'month'}"
