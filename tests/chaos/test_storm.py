"""Processes killed at every named point of the core, life after life on one ledger."""

from pathlib import Path

from chaos.raising import nursery
from chaos.storm import TARGETS, Storm, sqlite_in

LIVES = 72


def test_no_kill_at_any_point_loses_or_doubles_anything(tmp_path: Path) -> None:
    """Each point of the core once at least; every answer that was given stands in the ledger, once."""
    with nursery() as home:
        tally = Storm(home, tmp_path, seed=1, database=sqlite_in).run(LIVES)

    assert tally.sound, tally.found
    assert set(TARGETS) <= set(tally.points)
    assert tally.acknowledged > 10 * LIVES
