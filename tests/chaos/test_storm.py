"""The stages of the rehearsal in their short form, with seeds that do not change."""

from pathlib import Path

import pytest

from chaos.bots import EDGE_POINTS
from chaos.stages import STAGES, Place
from chaos.storm import TARGETS
from quota_core.crash_points import POINTS

LONG = {"providers", "soak"}
"""Stages without a short form; tests/e2e and tests/program have their troubles one by one."""


@pytest.mark.parametrize("name", [name for name in STAGES if name not in LONG])
def test_a_short_form_of_each_stage_loses_and_doubles_nothing(name: str, tmp_path: Path) -> None:
    """Every fault of the stage strikes, and what the ledger says is what the world outside knows."""
    stage = STAGES[name]

    tally = stage.run(Place(folder=tmp_path, seed=1, full=False))

    assert tally.sound, tally.found
    assert tally.missing(stage.faults) == []
    if name == "kills":
        assert set(TARGETS) <= set(tally.points)
    if name == "bots":
        assert set(EDGE_POINTS) <= set(tally.points)


def test_the_storms_aim_at_every_crash_point() -> None:
    """A point that no stage can reach would never be broken."""
    assert {*TARGETS, *EDGE_POINTS} == set(POINTS)
