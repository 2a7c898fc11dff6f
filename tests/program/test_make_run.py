import os
import shutil
import subprocess
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a set-up copy of the project in which Python only says what it was asked to run."""
    shutil.copy(HOME / "Makefile", tmp_path)
    shutil.copytree(HOME / "requirements", tmp_path / "requirements")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / "installed").touch()
    return tmp_path


def made(folder: Path, *arguments: str) -> str:
    """Return the last line of what `make` says."""
    # What an outer `make test ARGS=…` passes on is meant for the tests alone.
    plain = {name: value for name, value in os.environ.items() if name not in ("ARGS", "MAKEFLAGS")}
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env=plain,
    )
    return done.stdout.splitlines()[-1]


def test_make_run_without_settings_starts_the_sandbox(copy: Path) -> None:
    """A fresh copy: something to try, at once."""
    assert made(copy, "run") == "bot.py sandbox"


def test_make_run_with_settings_starts_the_bot(copy: Path) -> None:
    """A `.env` means business."""
    (copy / ".env").write_text("DISCORD_TOKEN=x\n")

    assert made(copy, "run") == "bot.py run"


def test_make_run_passes_arguments_on(copy: Path) -> None:
    """`ARGS` reaches the program."""
    assert made(copy, "run", "ARGS=--http-port 0") == "bot.py sandbox --http-port 0"


def test_make_run_passes_the_catalog_on(copy: Path) -> None:
    """`CATALOG=credits` is a setting like any other."""
    python = copy / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$@ with $CATALOG"\n')

    assert made(copy, "run", "CATALOG=credits") == "bot.py sandbox with credits"


def test_make_run_sets_up_what_is_missing(copy: Path) -> None:
    """Without an environment, it is made first, from the pinned and hashed list alone."""
    shutil.rmtree(copy / ".venv")

    planned = subprocess.run(
        ["make", "-n", "run"], cwd=copy, capture_output=True, text=True, check=True
    ).stdout

    assert "-m venv .venv" in planned
    assert "--require-hashes -r requirements/run.txt" in planned
    assert planned.index("-m venv") < planned.index("--require-hashes") < planned.index("bot.py")


def test_make_test_runs_two_at_a_time_unless_told_otherwise(copy: Path) -> None:
    """What is given comes last, where it wins: one process, a file, a name."""
    (copy / ".venv" / "installed-dev").touch()

    assert made(copy, "test").startswith("-m pytest -n 2 --dist loadfile")
    assert made(copy, "test", "ARGS=-n 0 -k chain").endswith(" -n 0 -k chain")
