"""Starting a nursery and asking it for lives; see `nursery`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


class Nursery:
    """A process that raises lives; see `nursery`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def raise_one(self, **told: Any) -> dict[str, Any]:
        """Raise a life and wait for its end."""
        self.begin(**told)
        return self.ended()

    def begin(self, **told: Any) -> None:
        """Raise a life."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()

    def ended(self) -> dict[str, Any]:
        """Wait for the end of the life that was begun."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the nursery ended")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def nursery(project: Path = PROJECT, **environment: str) -> Iterator[Nursery]:
    """Run a nursery of the program in `project`, with `environment` beside the usual, until the block ends."""
    kept = environment | {name: os.environ[name] for name in KEPT if name in os.environ}
    with tempfile.TemporaryDirectory() as empty:
        process = subprocess.Popen(
            [sys.executable, "-m", "chaos.nursery"],
            cwd=empty,
            env=kept | {"PYTHONPATH": str(project), "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Nursery(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(240)
            assert process.stdout is not None
            process.stdout.close()
