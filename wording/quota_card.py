"""What an account has, drawn."""

from __future__ import annotations

from quota_core.balances import Balance, MetricBalance, WindowBalance
from quota_core.catalog import Catalog
from wording.card import MAX_FIELD_VALUE, Card, Field, Tone, length_of
from wording.names import features_of, metric_name, plan_name, services_of
from wording.prices import Prices
from wording.safe import safe_name
from wording.ways_out import lasts
from wording.words import Words

MAX_METRICS = 15  # leaves room for the last fields within 25, whatever the catalog holds
ROOM = 4000  # characters for all metrics together, of the 6000 of a card
MAX_DRAWN = 1_000


class Dashboards:
    """Draw people's own dashboards; the same one, which many have on one day, only once."""

    def __init__(self, catalog: Catalog, *, max_drawn: int = MAX_DRAWN) -> None:
        self._catalog = catalog
        self._max_drawn = max_drawn
        self._drawn: dict[
            tuple[str, tuple[str, int | None, str | None], bool, tuple[MetricBalance, ...]], Card
        ] = {}

    def card(self, balance: Balance, words: Words, *, now_ms: int) -> Card:
        """Return the card that `quota_card` draws of the reader's own account."""
        # All that a card tells; the moment makes a difference once a window has ended.
        plan = (balance.plan, balance.plan_until_ms, balance.next_plan)
        key = (words.language, plan, balance.blocked, balance.metrics)
        card = self._drawn.get(key)
        if card is None or balance.has_ended(now_ms):
            card = quota_card(balance, self._catalog, words, whose=None, now_ms=now_ms)
            if not balance.has_ended(now_ms):
                if len(self._drawn) >= self._max_drawn:
                    del self._drawn[next(iter(self._drawn))]
                self._drawn[key] = card
        return card


def quota_card(balance: Balance, catalog: Catalog, words: Words, *, whose: str | None, now_ms: int) -> Card:
    """
    Return the dashboard of an account.

    Args:
        balance: what it has.
        catalog: in force.
        words: the reader's.
        whose: a name for the title when it is not the reader's own account; made harmless here.
        now_ms: a window that ended meanwhile shows no reset in the past.

    """
    prices = Prices(balance.plan, catalog, words)
    if len(balance.metrics) == 1:
        fields = _one_metric(balance.metrics[0], catalog, words, now_ms, prices)
    else:
        shown = balance.metrics[:MAX_METRICS]
        room = min(MAX_FIELD_VALUE, ROOM // max(1, len(shown)))
        fields = [_metric(part, catalog, words, now_ms, prices, room) for part in shown]
        if len(balance.metrics) > MAX_METRICS:
            more = words("quota.more_metrics", n=len(balance.metrics) - MAX_METRICS)
            fields.append(Field(words("quota.total"), more))
    services = services_of(balance.plan, catalog, words)
    if services:
        fields.append(Field(words("quota.services"), services))
    fields.append(Field(words("quota.plan"), _plan(balance, catalog, words), inline=True))
    described = "" if balance.metrics else words("quota.none_given")
    return Card(
        title=words("quota.title") if whose is None else words("quota.title_of", who=safe_name(whose)),
        description=words("quota.blocked") if balance.blocked else described,
        fields=tuple(fields),
        footer=words("quota.footer") if whose is None else "",
        tone=_tone(balance),
    )


def mention_card(balance: Balance, catalog: Catalog, words: Words, *, now_ms: int) -> Card:
    """Return what a mention of the bot alone answers: the dashboard and the three commands."""
    card = quota_card(balance, catalog, words, whose=None, now_ms=now_ms)
    commands = Field(
        words("help.mention_title"),
        words("mention.commands" if catalog.packages else "mention.commands_plans"),
    )
    return Card(card.title, card.description, (*card.fields, commands), card.footer, card.tone)


def _tone(balance: Balance) -> Tone:
    if balance.blocked:
        return Tone.BAD
    empty = [part for part in balance.metrics if part.total_left is not None and part.total_left <= 0]
    return Tone.WARNING if empty else Tone.INFO


def _plan(balance: Balance, catalog: Catalog, words: Words) -> str:
    """Return the plan's name, until when it is in force, and what it has beside services."""
    plan = plan_name(balance.plan, catalog, words)
    if balance.plan_until_ms is not None:
        plan = words("quota.plan_until", plan=plan, when=words.moment(balance.plan_until_ms))
        if balance.next_plan is not None:
            plan = words("quota.plan_next", plan=plan, next=plan_name(balance.next_plan, catalog, words))
    features = features_of(balance.plan, catalog, words)
    return f"{plan}\n{features}" if features else plan


def _one_metric(
    part: MetricBalance, catalog: Catalog, words: Words, now_ms: int, prices: Prices
) -> list[Field]:
    fields = [
        Field(
            words("quota.window", window=words(f"window.{window.kind}")),
            _window(window, part.metric, catalog, words, now_ms, prices),
        )
        for window in part.windows
    ]
    if part.purchased or catalog.sells(part.metric):
        fields.append(Field(words("quota.purchased"), _purchased(part, catalog, words)))
    fields += [Field(words(f"quota.{kind}"), text) for kind, text in _rest(part, catalog, words)]
    fields.append(Field(words("quota.total"), f"**{_total(part, catalog, words)}**", inline=True))
    return fields


def _metric(  # noqa: PLR0917 - what a line is drawn from, and its room
    part: MetricBalance, catalog: Catalog, words: Words, now_ms: int, prices: Prices, room: int
) -> Field:
    """Return one of several metrics in one field of at most `room` characters; its total always fits."""
    lines: list[str] = [
        f"{words(f'window.{window.kind}')} {_window(window, part.metric, catalog, words, now_ms, prices)}"
        for window in part.windows
    ]
    if part.purchased:
        lines.append(f"{words('quota.purchased')} {_purchased(part, catalog, words)}")
    lines += [f"{words(f'quota.{kind}')} {text}" for kind, text in _rest(part, catalog, words)]
    total = f"{words('quota.total')} **{_total(part, catalog, words)}**"
    kept: list[str] = []
    for line in lines:
        if length_of("\n".join([*kept, line, total])) > room:
            break
        kept.append(line)
    return Field(f"📊 {metric_name(part.metric, catalog, words)}", "\n".join([*kept, total]))


def _window(  # noqa: PLR0917 - what a line is drawn from
    window: WindowBalance, metric: str, catalog: Catalog, words: Words, now_ms: int, prices: Prices
) -> str:
    """Return a window as a bar with its numbers, what lies beyond it, and when it is full again."""
    bar = f"`{words.bar(window.used, window.limit)}`"
    estimate = words.estimate(window.used, catalog, metric)
    about = f" ({estimate})" if estimate else ""
    if window.limit is None:
        return f"{bar} {words('quota.unlimited', used=window.used)}{about}"
    text = f"{bar} {words('quota.amount', used=window.used, limit=window.limit)}{about}"
    if window.rolled_over > 0:
        text += f" · {words('quota.rolled', units=words.units(window.rolled_over, catalog, metric))}"
    if window.overage > 0:
        text += f" · {words('quota.overage', units=words.units(window.overage, catalog, metric))}"
    text += prices.beyond(metric, window)
    if window.resets_ms is not None and window.resets_ms > now_ms:
        text += f"\n{words('quota.resets', when=words.relative(window.resets_ms))}"
    return text


def _purchased(part: MetricBalance, catalog: Catalog, words: Words) -> str:
    if part.purchased <= 0:
        lasting = lasts(part.metric, catalog)
        return words("quota.none_purchased" if lasting else "quota.none_purchased_period")
    bar = words.bar(part.purchased_used, part.purchased)
    line = words(
        "quota.purchased_line", bar=words.code(bar), used=part.purchased_used, brought=part.purchased
    )
    return f"{line}\n{words('quota.never_expires')}"


def _rest(part: MetricBalance, catalog: Catalog, words: Words) -> list[tuple[str, str]]:
    amounts = (
        *(("expiring", part.expiring_left), ("frozen", part.frozen)),
        *(("debt", part.debt), ("held", part.held)),
    )
    return [
        (kind, words(f"quota.{kind}_line", units=words.units(units, catalog, part.metric)))
        for kind, units in amounts
        if units > 0
    ]


def _total(part: MetricBalance, catalog: Catalog, words: Words) -> str:
    total = part.total_left
    if total is None:
        return words("quota.total_unlimited")
    about = words.estimate(max(0, total), catalog, part.metric)
    units = words.units(max(0, total), catalog, part.metric)
    return f"{units} ({about})" if about else units
