"""The dashboard and the alert rules ask for what is published, and each alert has its page in the runbook."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.queries import (
    ROOT,
    dashboard,
    names_in,
    panels,
    queries,
    rules,
    series,
    strange_labels,
)


def test_every_query_names_series_and_labels_that_exist() -> None:
    """A panel or an alert on a misspelt name would be silent for ever."""
    known = series()
    unknown = {name for query in queries() for name in names_in(query) - set(known)}
    strange = {label for query in queries() for label in strange_labels(query, known)}

    assert len(list(queries())) > 30
    assert unknown == set()
    assert strange == set()


def test_the_search_for_strangers_finds_them() -> None:
    """A detector that never fired is unproven."""
    known = series()
    query = 'sum by (user) (rate(quota_checks_total{source="x", guild=~"y"}[5m])) / quota_made_up'

    assert names_in(query) - set(known) == {"quota_made_up"}
    assert strange_labels(query, known) == {"quota_checks_total.guild", "user"}


def without_ending(name: str) -> str:
    """Return the metric of a histogram's series."""
    return re.sub(r"_(bucket|sum|count|gsum|gcount)$", "", name)


def test_every_published_series_is_watched() -> None:
    """What nobody looks at need not be counted."""
    asked = {without_ending(name) for query in queries() for name in names_in(query)}
    ours = {without_ending(name) for name in series() if name.startswith("quota_")}

    assert ours - asked == set()


def test_panels_can_be_told_apart_and_do_not_overlap() -> None:
    """Each has a title, says what it shows, asks the chosen source, and has a place of its own."""
    every = dashboard()["panels"]
    ids = [panel["id"] for panel in every]
    cells = list(
        itertools.chain.from_iterable(
            itertools.product(
                range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
            )
            for place in (panel["gridPos"] for panel in every)
        )
    )

    assert len(set(ids)) == len(ids)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    for panel in panels():
        assert panel["title"]
        assert panel["description"]
        for asks in (panel, *panel["targets"]):
            assert asks["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_every_variable_is_used_and_every_used_one_exists() -> None:
    """Plan, metric, source and outcome choose what is shown."""
    named = {variable["name"] for variable in dashboard()["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)\}?", str(panels())))
    of_grafana = {"__rate_interval", "__all"}

    assert named == {"datasource", "plan", "metric", "source", "outcome"}
    assert used - of_grafana == named


def test_each_alert_has_its_section_in_the_runbook_and_no_other() -> None:
    """With what it means and what to do, at the address that the alert carries."""
    text = (ROOT / "docs/runbook.md").read_text("utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))

    assert list(sections) == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert "**Means:**" in sections[rule["alert"]]
        assert "**Do:**" in sections[rule["alert"]]


def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    """As Grafana sends it, with everything chosen."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here: apt-get install prometheus (.ci/run does)")
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    sent = [re.sub(r"\$(plan|metric|source|outcome)\b", ".*", one) for one in asked]
    sent = [one.replace("$__rate_interval", "1m") for one in sent]
    records = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(sent)]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": records}]}), encoding="utf-8")

    found = subprocess.run(
        [promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False
    )

    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(asked)} rules found" in found.stdout + found.stderr
    assert not [one for one in sent if "$" in one]


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "deploy/prometheus/alerts.yml"),
        ("check", "config", "deploy/prometheus/prometheus.yml"),
        ("test", "rules", "deploy/prometheus/alerts_test.yml"),
    ],
)
def test_prometheus_itself_accepts_them(arguments: tuple[str, ...]) -> None:
    """Rules, configuration, and what fires when."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here: apt-get install prometheus (.ci/run does)")

    found = subprocess.run([promtool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stdout + found.stderr
