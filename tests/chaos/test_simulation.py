"""Virtual time: the same seed is the same ledger, so that what a seed found can be looked at again."""

from pathlib import Path

from chaos.simulation import simulate


def test_a_seed_decides_everything(tmp_path: Path) -> None:
    """Two runs of one seed write the same entries; another seed writes others."""
    first, again, other = (simulate(tmp_path / str(n), seed, 1) for n, seed in enumerate((7, 7, 8)))

    assert first[1] == again[1] != other[1]
    assert first[0].sound, first[0].found
    assert first[0].faults == again[0].faults
