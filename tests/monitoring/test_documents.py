"""What is published and what is written about it are the same."""

import re
from pathlib import Path

from monitoring.exposition import Metrics
from monitoring.tallies import Tallies

ROOT = Path(__file__).parents[2]


def published() -> set[str]:
    """Return the names of all metrics of ours, as a query spells them, without the endings of histograms."""
    metrics = Metrics(Tallies(clock=lambda: 0), figures=lambda: None, halted=lambda: False, clock=lambda: 0)
    endings = {"counter": "_total", "info": "_info"}
    return {family.name + endings.get(family.type, "") for family in metrics.collect()}


def test_every_metric_is_documented_and_no_other() -> None:
    """docs/monitoring.md names each in its table."""
    text = (ROOT / "docs/monitoring.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `quota_")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert named == published()
