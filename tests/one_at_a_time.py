"""What only one of several test processes may do at a time, such as an installation."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_process(name: str) -> Iterator[None]:
    """Wait until no other test process on this machine is within a block of this name."""
    with (Path(tempfile.gettempdir()) / f"jauge-tests-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
