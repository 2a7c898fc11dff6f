"""Where the programs work: on the disk of `data/`, in a folder that goes when they end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "benchmarks" / "results.json"
QUICK_RESULTS = PROJECT / "data" / "benchmarks-quick.json"
FOLDER_VARIABLE = "JAUGE_BENCH_FOLDER"


@contextmanager
def folder() -> Iterator[Path]:
    """Give the folder that `python -m benchmarks` shares between its programs, or a new one for this program."""
    shared = os.environ.get(FOLDER_VARIABLE)
    if shared:
        yield Path(shared)
        return
    with tempfile.TemporaryDirectory(dir=PROJECT / "data", prefix="bench-") as made:
        yield Path(made)


@contextmanager
def folder_inside(outer: Path) -> Iterator[Path]:
    """Give a new folder in another one, and remove it at the end."""
    with tempfile.TemporaryDirectory(dir=outer) as made:
        yield Path(made)
