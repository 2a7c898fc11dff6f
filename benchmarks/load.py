"""wrk, with one thread and 64 connections, on the core that the server leaves alone."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.places import PROJECT

CONNECTIONS = 64
SCRIPTS = PROJECT / "benchmarks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posts:
    """What is posted; `accounts` is a file of account ids, one a line, in the order in which they are asked."""

    path: str
    api_key: str
    accounts: Path
    per_request: int = 1


def wrk() -> str:
    """Return where wrk is; OSError with what to do when it is missing."""
    found = shutil.which("wrk")
    if found is None:
        raise OSError("wrk is missing: install it (Debian: apt-get install wrk)")
    return found


def cores() -> tuple[set[int], set[int]]:
    """Return the core of servers and that of wrk; the same when this process may use only one."""
    free = sorted(os.sched_getaffinity(0))
    return {free[0]}, {free[-1]}


@contextmanager
def on_core(core: set[int]) -> Iterator[None]:
    """Run this process, and what it starts meanwhile, on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def requests_per_second(url: str, seconds: int, posts: Posts | None = None) -> float:
    """
    Load a server and return its requests a second; without `posts`, they are GETs of the address.

    Raises:
        RuntimeError: any request failed, since failures are faster than answers.

    """
    command = [wrk(), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    if posts is None:
        command += ["-s", str(SCRIPTS / "get.lua"), url]
    else:
        facts = (posts.path, posts.api_key, str(posts.accounts), str(time.time_ns() // 1_000_000))
        command += ["-s", str(SCRIPTS / "consume.lua"), url, "--", *facts, str(posts.per_request)]
    with on_core(cores()[1]):
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    lines = [line.split() for line in output.decode().splitlines() if line.startswith("RESULT ")]
    if process.returncode or not lines:
        raise RuntimeError(f"wrk failed:\n{output.decode()}")
    requests, duration_us, errors = (int(word) for word in lines[0][1:])
    if errors or not requests:
        raise RuntimeError(f"{errors} of {requests} requests failed:\n{output.decode()}")
    return requests / (duration_us / 1e6)
