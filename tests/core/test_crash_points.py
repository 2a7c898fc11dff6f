"""The named places at which a rehearsal breaks the process; what breaks there is in tests/chaos."""

import ast
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from quota_core import crash_points
from quota_core.crash_points import LOG, PLAN, POINTS, parse

PROJECT = Path(__file__).parents[2]
PACKAGES = ("cogs", "quota_core", "terminal", "webhooks", "channels")
ONE = "consume.45.committed"
PASSES = f"""
from quota_core.crash_points import crash_point
for n in range(3):
    crash_point({ONE!r})
    print(n, flush=True)
"""


def points_in_code() -> set[str]:
    """Return the name in every call of `crash_point`; payments and refunds pass some of the same."""
    found = set()
    for package in PACKAGES:
        for file in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "crash_point":
                    assert isinstance(node.args[0], ast.Constant), file
                    found.add(str(node.args[0].value))
    return found


def passed(plan: str, tmp_path: Path) -> tuple[int, list[str], str]:
    """Pass a point three times in a process of its own; return its exit code, what it printed and the log."""
    log = tmp_path / "points.log"
    done = subprocess.run(
        [sys.executable, "-c", PASSES],
        env=os.environ | {PLAN: plan, LOG: str(log), "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done.returncode, done.stdout.split(), log.read_text() if log.exists() else ""


def test_every_point_is_in_the_code_and_in_the_list() -> None:
    """Both ways: a point that nothing passes is as wrong as one that no plan can name."""
    assert points_in_code() == set(POINTS)


def test_every_point_is_explained_to_operators() -> None:
    """docs/reliability.md has a row for each point, and for no other."""
    text = (PROJECT / "docs" / "reliability.md").read_text("utf-8")
    rows = [
        line.split("`")[1]
        for line in text.splitlines()
        if line.startswith("| `") and "." in line.split("`")[1]
    ]

    assert sorted(rows) == sorted(POINTS)


def test_no_process_has_a_plan_unless_it_was_given_one() -> None:
    """This one has none, so nothing that tests do here can break on purpose."""
    assert crash_points._traps == {}


def test_a_kill_comes_at_the_nth_pass_and_is_noted(tmp_path: Path) -> None:
    """The name is written before the process ends."""
    code, printed, log = passed(f"{ONE}=kill@2", tmp_path)

    assert (code, printed, log) == (-signal.SIGKILL, ["0"], f"{ONE}\n")


def test_an_error_comes_once(tmp_path: Path) -> None:
    """It is one of the core's or of Python's, by its name."""
    code, printed, log = passed(f"{ONE}=raise:UnavailableError@3", tmp_path)

    assert (code, printed, log) == (1, ["0", "1"], f"{ONE}\n")


def test_a_stopped_process_goes_on_by_itself(tmp_path: Path) -> None:
    """It is frozen for the time that was said."""
    started = time.monotonic()
    code, printed, _ = passed(f"{ONE}=stop:600", tmp_path)

    assert (code, printed) == (0, ["0", "1", "2"])
    assert time.monotonic() - started >= 0.6


def test_somebody_else_decides_when_it_goes_on(tmp_path: Path) -> None:
    """The process says where it stands, and waits for one byte."""
    path = tmp_path / "ask"
    said: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            line, _ = listener.accept()
            with line:
                said.append(line.recv(100))
                line.sendall(b"!")

        thread = threading.Thread(target=answer)
        thread.start()
        code, printed, _ = passed(f"{ONE}=ask:{path};day.60.window_opened=kill", tmp_path)
        thread.join()

    assert (code, printed, said) == (0, ["0", "1", "2"], [f"{ONE}\n".encode()])


@pytest.mark.parametrize(
    "plan",
    ["nowhere=kill", f"{ONE}=explode", f"{ONE}=raise:int", f"{ONE}=sleep:long", f"{ONE}=kill@often"],
)
def test_a_plan_that_cannot_be_meant_is_refused(plan: str, tmp_path: Path) -> None:
    """A run that broke nothing would prove nothing."""
    with pytest.raises(ValueError):
        parse(plan)
    code, printed, _ = passed(plan, tmp_path)

    assert (code, printed) == (1, [])
