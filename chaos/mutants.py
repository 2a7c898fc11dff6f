"""
`python -m chaos.mutants`: the program broken on purpose in known ways, each of which a named check must find.

A check that never failed is unproven. Each mutant is a copy of the tree with one or two lines changed; its check
runs on the copy and must fail as a check fails, not as a broken program does. A mutant that survives, or that does
not apply any more, fails the run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.raising import PROJECT

TESTS_FAILED, CHECK_SECONDS = 1, 150
LIST = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A text of a file, and what stands there instead."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One way to break the program, and the check that must notice it."""

    name: str
    edits: Sequence[Edit]
    check: Sequence[str]


def mutants() -> list[Mutant]:
    """Read the list: each is checked by a stage of the rehearsal, in its short form, or by tests."""
    found = []
    for row in tomllib.loads(LIST.read_text("utf-8"))["mutant"]:
        stage = ("chaos", "--short", "--seed", "1", "--stages", row.get("stage", ""))
        check = stage if "stage" in row else ("pytest", "-p", "no:cacheprovider", "-x", "-q", *row["tests"])
        edits = [Edit(**edit) for edit in row["edits"]]
        found.append(Mutant(name=row["name"], edits=edits, check=("-m", *check)))
    return found


def main() -> int:
    """Try every mutant; return 0 when each was found."""
    parser = argparse.ArgumentParser(prog="python -m chaos.mutants", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", help="mutants whose names hold one of these words"
    )
    words = parser.parse_args().only
    began_seconds, survivors = time.monotonic(), []
    chosen = [one for one in mutants() if words is None or any(word in one.name for word in words)]
    for mutant in chosen:
        at_seconds = time.monotonic()
        fate = _fate(mutant)
        print(f"{mutant.name:<46} {fate} ({time.monotonic() - at_seconds:.0f} s)", flush=True)
        if fate != "found":
            survivors.append(mutant.name)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} found, {time.monotonic() - began_seconds:.0f} s")
    return 1 if survivors else 0


def _fate(mutant: Mutant) -> str:
    """Break a copy of the tree, run the check, and say what became of the mutant."""
    with tempfile.TemporaryDirectory(prefix="jauge-mutant-") as folder:
        copy = Path(folder)
        _copy_tree(copy)
        for edit in mutant.edits:
            file = copy / edit.file
            text = file.read_text("utf-8")
            if edit.old not in text:
                return f"DOES NOT APPLY: {edit.file} has no {edit.old!r} any more"
            file.write_text(text.replace(edit.old, edit.new), "utf-8")
        whole = _run(copy, ("-c", "import bot, chaos.life, cogs.assembly"))
        if whole.returncode:
            return f"BROKEN: {whole.stderr[-300:]}"
        try:
            done = _run(copy, mutant.check)
        except subprocess.TimeoutExpired:
            return "found"  # whoever waits for ever has noticed
        return "found" if done.returncode == TESTS_FAILED else f"SURVIVED (exit {done.returncode})"


def _copy_tree(target: Path) -> None:
    """Copy what is tracked, so that no run-time file of this tree gets in."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, target / name)
    (target / "data").mkdir(exist_ok=True)


def _run(copy: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run Python on the copy; whatever it started ends with it."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, errors = process.communicate(timeout=CHECK_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return subprocess.CompletedProcess(arguments, process.returncode, out, errors)


if __name__ == "__main__":
    sys.exit(main())
