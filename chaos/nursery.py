"""
`python -m chaos.nursery`: a process that has everything imported and forks a life for each line it is told.

Starting Python and importing the program takes half a second; a fork takes some milliseconds. That is how thousands
of kills fit into minutes. Each line in is a birth (and when to kill it), each line out is how that life ended.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from chaos import life
from chaos.birth import Birth

LIMIT_SECONDS = 180.0


def raise_one(told: dict[str, Any]) -> dict[str, Any]:
    """Fork a life, kill it `kill_ms` after it is ready if told so, and return how it ended."""
    kill_ms = told.pop("kill_ms", None)
    birth = Birth(**told)
    ready = Path(birth.folder) / f"life-{birth.number:06}.jsonl"
    began_seconds = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _be_born(birth)
    handle = os.pidfd_open(pid)
    try:
        if kill_ms is not None and _wait_ready(handle, ready):
            if not _ended(handle, kill_ms / 1000):
                os.kill(pid, signal.SIGKILL)
        elif not _ended(handle, LIMIT_SECONDS):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return {"status": "hung", "seconds": time.monotonic() - began_seconds}
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(handle)
    return {"status": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - began_seconds}


def _ended(handle: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _wait_ready(handle: int, lines: Path) -> bool:
    """Wait until a life is open for business; False when it ended before."""
    for _ in range(int(LIMIT_SECONDS / 0.002)):
        if lines.exists() and b'"ready"' in lines.read_bytes():
            return True
        if _ended(handle, 0.002):
            return False
    return False


def _be_born(birth: Birth) -> None:
    """Live in this fork, and end it whatever happens."""
    code = 0
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        log = (Path(birth.folder) / "log").open("a", encoding="utf-8")
        os.dup2(log.fileno(), 2)
        logging.basicConfig(stream=log, level=logging.WARNING, force=True)
        life.run(birth)
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Raise lives until there is nobody left who asks for one."""
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        ended = raise_one(json.loads(line))
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
