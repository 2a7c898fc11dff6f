"""The queries of the dashboard and of the alert rules, and what they may name."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # it has no type hints

from monitoring.exposition import Metrics
from monitoring.tallies import Tallies

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy/grafana/dashboard.json"
RULES = ROOT / "deploy/prometheus/alerts.yml"
ENDINGS = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "info": ("_info",),
}
TARGET_LABELS = {"job", "instance"}
_NAME = re.compile(r"\b(?:quota|process)_\w+|\bup\b")
_SELECTOR = re.compile(r"\b((?:quota|process)_\w+|up)\b(?:\{([^}]*)\})?")
_BY = re.compile(r"\bby \(([^)]*)\)")


def series() -> dict[str, set[str]]:
    """Return the labels of each series that a process publishes, by the name that a query spells."""
    metrics = Metrics(Tallies(clock=lambda: 0), figures=lambda: None, halted=lambda: False, clock=lambda: 0)
    found = {"up": set(TARGET_LABELS)}
    for family in metrics.registry.collect():
        # A family that is still empty knows its labels all the same.
        labels = set(getattr(family, "_labelnames", ()))
        for ending in ENDINGS[family.type]:
            more = {"le"} if ending == "_bucket" else {"version", "python"} if ending == "_info" else set()
            found[family.name + ending] = labels | more | TARGET_LABELS
    return found


def names_in(query: str) -> set[str]:
    """Return the series that a query names."""
    return set(_NAME.findall(query))


def strange_labels(query: str, known: dict[str, set[str]]) -> set[str]:
    """Return what a query selects or groups by that the series in it do not have."""
    strange = set()
    everywhere: set[str] = set()
    for name, matchers in _SELECTOR.findall(query):
        everywhere |= known.get(name, set())
        wanted = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', matchers))
        strange |= {f"{name}.{label}" for label in wanted if label not in known.get(name, set())}
    for group in _BY.findall(query):
        strange |= {label for label in re.split(r",\s*", group) if label not in everywhere}
    return strange


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return loaded


def panels() -> list[dict[str, Any]]:
    """Return the panels that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    """Return the alert rules."""
    loaded = yaml.safe_load(RULES.read_text("utf-8"))
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def queries() -> Iterator[str]:
    """Yield every query of the dashboard, its variables' included, and of the rules."""
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]
    for rule in rules():
        yield rule["expr"]
