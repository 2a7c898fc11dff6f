"""
The metrics, by name: what `tallies` counted and what the ledger's figures say, as Prometheus reads it.

In a registry of their own, so that nothing that another library registers is published. No label holds an id of a
user, a server or an account. `docs/monitoring.md` lists them.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from monitoring.tallies import Spread, Tallies
from quota_core.figures import PERCENTS, Snapshot, Usage
from quota_core.version import VERSION

_PLAN_AND_METRIC = ("plan", "metric")


class Metrics(Collector):
    """
    Everything that is published; `registry` holds it.

    Args:
        tallies: what this process did.
        figures: the latest figures of the ledger, None while there are none.
        halted: whether writes are stopped.
        clock: UTC milliseconds.

    """

    def __init__(
        self,
        tallies: Tallies,
        *,
        figures: Callable[[], Snapshot | None],
        halted: Callable[[], bool],
        clock: Callable[[], int],
    ) -> None:
        self._tallies = tallies
        self._figures = figures
        self._halted = halted
        self._clock = clock
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def collect(self) -> Iterator[Metric]:
        """Return every metric as it is now."""
        yield _build()
        yield from self._decisions()
        yield from self._requests()
        yield from self._others()
        yield from self._ledger()

    def _decisions(self) -> Iterator[Metric]:
        tallies = self._tallies
        yield _counts(
            "quota_checks",
            "Requests for units, by who asked and what they were told.",
            ("source", "outcome"),
            tallies.checks,
        )
        yield _spread(
            "quota_check_duration_seconds",
            "From a request for units to its durable answer; as long as the oldest of its batch waited.",
            tallies.check_seconds,
        )
        yield _spread(
            "quota_ledger_batch_operations", "Operations in a transaction.", tallies.batch_operations
        )
        yield _spread(
            "quota_ledger_commit_duration_seconds",
            "From taking a batch to its commit.",
            tallies.commit_seconds,
        )
        yield _counts(
            "quota_alerts",
            "Thresholds that accounts crossed, once each in a window.",
            ("severity", "overage_policy"),
            tallies.alerts,
        )

    def _requests(self) -> Iterator[Metric]:
        tallies = self._tallies
        yield _counts(
            "quota_http_requests",
            "Answered HTTP requests; paths without a route are `other`.",
            ("route", "method", "status"),
            tallies.answers,
        )
        seconds = HistogramMetricFamily(
            "quota_http_request_duration_seconds", "From a request's head to its answer.", labels=["route"]
        )
        for route, spread in tallies.answer_seconds.items():
            seconds.add_metric([route], buckets=spread.buckets(), sum_value=spread.total)
        yield seconds

    def _others(self) -> Iterator[Metric]:
        tallies = self._tallies
        yield _counts(
            "quota_webhook_deliveries",
            "Deliveries of the payment provider, by what became of them.",
            ("outcome",),
            tallies.deliveries,
        )
        yield _gauge(
            "quota_webhook_last_delivery_timestamp_seconds",
            "When this process last took a delivery that was signed; absent before the first.",
            None if tallies.last_delivery_ms is None else tallies.last_delivery_ms / 1000,
        )
        yield _counts(
            "quota_discord_requests",
            "Answers of Discord's REST API, by the class of their status.",
            ("status",),
            tallies.discord_answers,
        )
        yield _counts(
            "quota_discord_rate_limits",
            "Answers 429 of Discord, by whose limit it was.",
            ("scope",),
            tallies.discord_limits,
        )
        yield _spread(
            "quota_event_loop_lag_seconds",
            "How much later than asked the event loop came back, four times a second.",
            tallies.loop_lag_seconds,
        )

    def _ledger(self) -> Iterator[Metric]:
        found = self._figures()
        yield _gauge(
            "quota_ledger_halted", "1 when an invariant was broken and writes are stopped.", self._halted()
        )
        yield from _usage({} if found is None else found.usage)
        yield _gauge(
            "quota_summary_timestamp_seconds",
            "The moment that the figures by plan and metric are of.",
            None if found is None else found.at_ms / 1000,
        )
        yield _gauge(
            "quota_summary_duration_seconds",
            "What it took to add them up; they are renewed the less often the longer it takes.",
            None if found is None else found.seconds,
        )
        yield from _notices({} if found is None else found.notices, self._clock())
        yield _gauge(
            "quota_payments_oldest_uncredited_age_seconds",
            "How long the oldest payment that was reported has waited for its credit; 0 when none does.",
            None if found is None else _age_seconds(found.oldest_payment_ms, self._clock()),
        )
        yield _gauge(
            "quota_webhook_held_deliveries",
            "Deliveries that did not match an order and wait for an operator.",
            None if found is None else found.deliveries_held,
        )


def _usage(usage: Mapping[tuple[str, str], Usage]) -> Iterator[Metric]:
    percent = GaugeHistogramMetricFamily(
        "quota_usage_percentage",
        "Accounts that used some of a metric in an open window, by the share used of the tightest one.",
        labels=_PLAN_AND_METRIC,
    )
    remaining = GaugeMetricFamily(
        "quota_remaining_units",
        "What these accounts have left of their allowances, added up.",
        labels=_PLAN_AND_METRIC,
    )
    overage = GaugeMetricFamily(
        "quota_overage_units", "What they used beyond their limits, added up.", labels=_PLAN_AND_METRIC
    )
    tense = GaugeMetricFamily(
        "quota_accounts_in_tension",
        "How many of them reached a threshold that warns (80 % where a plan has none).",
        labels=_PLAN_AND_METRIC,
    )
    names = [*(str(float(bound)) for bound in PERCENTS), "+Inf"]
    for labels, one in sorted(usage.items()):
        buckets = list(zip(names, accumulate(one.counts), strict=True))
        percent.add_metric(labels, buckets=buckets, gsum_value=one.percent_sum)
        remaining.add_metric(labels, one.remaining)
        overage.add_metric(labels, one.overage)
        tense.add_metric(labels, one.tense)
    yield from (percent, remaining, overage, tense)


def _notices(notices: Mapping[str, tuple[int, int | None]], now_ms: int) -> Iterator[Metric]:
    owed = GaugeMetricFamily(
        "quota_notices_owed", "Messages that are owed and not sent yet, by channel.", labels=["channel"]
    )
    age = GaugeMetricFamily(
        "quota_notices_oldest_age_seconds",
        "How long the oldest message that is owed has been; 0 when none is.",
        labels=["channel"],
    )
    for channel, (count, oldest_ms) in notices.items():
        owed.add_metric([channel], count)
        age.add_metric([channel], _age_seconds(oldest_ms, now_ms))
    yield from (owed, age)


def _age_seconds(since_ms: int | None, now_ms: int) -> float:
    return 0.0 if since_ms is None else max(0.0, (now_ms - since_ms) / 1000)


def _build() -> Metric:
    info = InfoMetricFamily("quota_build", "What runs here.")
    info.add_metric([], {"version": VERSION, "python": platform.python_version()})
    return info


def _counts(name: str, text: str, labels: tuple[str, ...], counted: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, count in tuple(counted.items()):
        values: Iterable[object] = key if isinstance(key, tuple) else (key,)
        family.add_metric([str(value) for value in values], count)
    return family


def _spread(name: str, text: str, spread: Spread) -> Metric:
    family = HistogramMetricFamily(name, text)
    family.add_metric([], buckets=spread.buckets(), sum_value=spread.total)
    return family


def _gauge(name: str, text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, text)
    if value is not None:
        family.add_metric([], value)
    return family
