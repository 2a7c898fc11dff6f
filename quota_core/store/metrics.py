"""Statements about metrics: a small number for each name."""

from __future__ import annotations

from collections.abc import Iterable

from quota_core.statements import Work, fetch, run_each


def add_metrics(names: Iterable[str]) -> Work[None]:
    """Give each metric a number, once."""
    yield run_each(
        "INSERT INTO metrics (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", [(name,) for name in names]
    )


def metric_ids() -> Work[dict[str, int]]:
    """Return every metric's number by its name, those that left the catalog included."""
    rows = yield fetch("SELECT name, id FROM metrics")
    return {name: number for name, number in rows}  # noqa: C416 - rows are tuples of Any
