"""What operators changed, and the figures they ask for."""

from __future__ import annotations

from typing import Literal

from quota_core.catalog import Catalog
from quota_core.grants import Change
from quota_core.plan_changes import PlanChange
from quota_core.standings import StatusChange
from quota_core.stats import Stats
from wording.card import Card, Field, Tone, clipped
from wording.names import metric_name, package_name, plan_name, rate
from wording.safe import safe_name
from wording.words import Words

MAX_REASON = 200


def change_card(
    kind: Literal["add", "remove"],
    change: Change,
    catalog: Catalog,
    words: Words,
    *,
    who: str,
    metric: str,
    asked: int,
    reason: str = "",
    expires_ms: int | None = None,
) -> Card:
    """
    Return what was given or taken, and the balance before and after.

    Args:
        kind: which of the two.
        change: what really moved.
        catalog: in force.
        words: the reader's.
        who: the account; `safe.mention(id)` for a user.
        metric: what was moved.
        asked: units asked for; the card says so when fewer were there to take.
        reason: as typed.
        expires_ms: when what was given ends (UTC milliseconds); None: never.

    """
    units = words.units(change.units, catalog, metric)
    lines = [
        words("change.add_line" if kind == "add" else "change.remove_line", units=units, who=safe_name(who))
    ]
    title, tone = "change.added", Tone.GOOD
    if kind == "remove":
        title = "change.removed"
        if change.units < asked:
            title = "change.removed_less" if change.units else "change.removed_none"
            tone = Tone.WARNING
            lines.append(words("change.less_line", asked=words.units(asked, catalog, metric)))
    after = words.units(change.after, catalog, metric)
    line = words("change.balance_line", before=change.before, after=after)
    fields = [Field(words("change.balance"), line)]
    if expires_ms is not None:
        end = words("change.until_line", moment=words.moment(expires_ms), when=words.relative(expires_ms))
        fields.append(Field(words("change.until"), end))
    fields += _reason(reason, words)
    return Card(words(title), "\n".join(lines), tuple(fields), tone=tone)


def plan_card(
    change: PlanChange, catalog: Catalog, words: Words, *, who: str, now_ms: int, reason: str = ""
) -> Card:
    """Return the plan before and after, until when, and what the new one gives."""
    after = catalog.plan(change.after)
    times = []
    if change.from_ms is not None:
        when = words(
            "plan.from_line", moment=words.moment(change.from_ms), when=words.relative(change.from_ms)
        )
        times.append(Field(words("plan.from"), when))
    if change.until_ms is not None and change.until_ms > now_ms:
        line = words(
            "plan.until_line",
            moment=words.moment(change.until_ms),
            when=words.relative(change.until_ms),
            plan=plan_name(catalog.default_plan, catalog, words),
        )
        times.append(Field(words("plan.until"), line))
    if not times:
        times.append(Field(words("plan.for_good"), words("plan.for_good_line")))
    limits = [f"• {rate(allowance, catalog, words)}" for allowance in after.allowances]
    fields = [*times, Field(words("plan.limits"), "\n".join(limits) or words("quota.none_given"))]
    description = words(
        "plan.line",
        who=safe_name(who),
        before=plan_name(change.before, catalog, words),
        after=plan_name(change.after, catalog, words),
    )
    title = words("plan.same" if change.before == change.after else "plan.title")
    return Card(title, description, (*fields, *_reason(reason, words)), tone=Tone.GOOD)


def status_card(change: StatusChange, words: Words, *, who: str, reason: str = "") -> Card:
    """Return whether an account is blocked now, and that it was so before when nothing changed."""
    kind = "blocked" if change.blocked else "unblocked"
    lines = [words(f"status.{kind}_line", who=safe_name(who))]
    if change.was_blocked == change.blocked:
        lines.append(words("status.same_line"))
    return Card(words(f"status.{kind}"), "\n".join(lines), tuple(_reason(reason, words)), tone=Tone.GOOD)


def stats_card(stats: Stats, catalog: Catalog, words: Words) -> Card:
    """Return the figures; payments on hold only when there are any."""
    fields = [
        Field(
            words("stats.accounts"),
            words(
                "stats.accounts_line",
                n=stats.accounts,
                active_7=stats.active_7_days,
                active_30=stats.active_30_days,
            ),
            inline=True,
        ),
        Field(
            words("stats.units", metric=metric_name(catalog.primary_metric, catalog, words)),
            words("stats.units_line", used=stats.used, sold=stats.sold, granted=stats.granted),
            inline=True,
        ),
        Field(words("stats.revenue"), _revenue(stats, words)),
        Field(words("stats.conversion"), _conversion(stats, words), inline=True),
        Field(words("stats.best"), _best(stats, catalog, words), inline=True),
        Field(words("stats.owed"), words.number(stats.owed), inline=True),
    ]
    if stats.held:
        fields.append(Field(words("stats.held"), words("stats.held_line", n=stats.held)))
    return Card(words("stats.title"), fields=tuple(fields), tone=Tone.WARNING if stats.held else Tone.INFO)


def _revenue(stats: Stats, words: Words) -> str:
    lines = []
    for revenue in stats.revenue:
        amount = words("stats.net", amount=words.money(revenue.net_minor, revenue.currency))
        if revenue.refunded_minor:
            gross = words.money(revenue.gross_minor, revenue.currency)
            refunded = words.money(revenue.refunded_minor, revenue.currency)
            amount = words("stats.net_of", amount=amount, gross=gross, refunded=refunded)
        basket = words.money(revenue.basket_minor, revenue.currency)
        lines.append(words("stats.revenue_line", amount=amount, orders=revenue.orders, basket=basket))
    return "\n".join(lines) or words("stats.revenue_none")


def _conversion(stats: Stats, words: Words) -> str:
    if stats.conversion is None:
        return words("stats.conversion_none")
    return words(
        "stats.conversion_line",
        percent=words.percent(stats.conversion),
        buyers=stats.buyers,
        viewers=stats.viewers,
    )


def _best(stats: Stats, catalog: Catalog, words: Words) -> str:
    if stats.best_package is None:
        return words("stats.best_none")
    package = package_name(stats.best_package, catalog, words)
    return words("stats.best_line", package=package, orders=stats.best_package_orders)


def _reason(reason: str, words: Words) -> list[Field]:
    if not reason.strip():
        return []
    return [Field(words("change.reason"), clipped(safe_name(reason, length=MAX_REASON), 3 * MAX_REASON))]
