"""The disk that fails on demand, and what the ledger makes of single failures."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chaos.disk import Disk, NoCompilerError, cut, library
from chaos.outside import Json, Lines
from chaos.raising import PROJECT, Nursery, nursery
from chaos.storm import sqlite_in


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Return a disk that nothing stands on yet."""
    return Disk(tmp_path / "disk")


@pytest.fixture
def home(tmp_path: Path, disk: Disk) -> Iterator[Nursery]:
    """Return a nursery of processes whose ledgers stand on that disk; skip where none can be built."""
    try:
        shim = library(tmp_path)
    except NoCompilerError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with nursery(PROJECT, LD_PRELOAD=str(shim), JAUGE_DISK=str(disk.path)) as there:
        yield there


def lived(home: Nursery, folder: Path, **told: Any) -> tuple[int, list[Json]]:
    """Raise a life that spends on a ledger that is there; return its exit code and what it wrote."""
    common: dict[str, Any] = {"folder": str(folder), "database": sqlite_in(folder), "seed": 1}
    if not (folder / "data").exists():
        home.raise_one(**common, number=1, scripts=["spend", "grant"])
    ended = home.raise_one(**common, number=2, before=[1], scripts=["spend", "grant"], **told)
    return ended["status"], list(Lines(folder / "life-000002.jsonl").read())


@pytest.mark.parametrize("call", ["write", "sync", "read"])
def test_one_call_that_fails_costs_nobody_an_answer(home: Nursery, tmp_path: Path, call: str) -> None:
    """The ledger is opened again and the work is done once; one failed read is no damaged file."""
    failing = {"call": call, "at": 1, "sticky": False, "full": False}

    status, lines = lived(home, tmp_path, disk=failing)

    assert status == 0
    assert sum(line["struck"] for line in lines if line["t"] == "disk") == 1
    assert [line for line in lines if line["t"] in ("failed", "wrong")] == []


def test_a_full_disk_refuses_until_there_is_room(home: Nursery, tmp_path: Path) -> None:
    """Callers are told to come back; the same process serves them once it can."""
    full = {"call": "write", "at": 1, "sticky": True, "full": True}

    status, lines = lived(home, tmp_path, disk=full)
    failures = {line["error"] for line in lines if line["t"] == "failed"}

    assert (status, failures) == (0, {"UnavailableError"})
    assert [line for line in lines if line["t"] == "wrong"] == []


def test_what_was_not_synced_is_forgotten(home: Nursery, disk: Disk, tmp_path: Path) -> None:
    """The undo records lead back to what the disk held for sure: the ledger is that of before, and sound."""
    status, _ = lived(home, tmp_path, power=True, plan="write.08.balance_row=kill@2")
    before = (tmp_path / "data" / "quota.db-wal").stat().st_size
    forgotten = cut(disk, Random(1))
    disk.heal()

    assert status == -9
    assert forgotten == 0 or (tmp_path / "data" / "quota.db-wal").stat().st_size <= before
    assert lived(home, tmp_path)[0] == 0
