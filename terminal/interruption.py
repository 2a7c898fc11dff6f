"""How a command ends when it is cut off: by Ctrl-C, a signal, or a reader that has seen enough; and questions."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator

CTRL_C = 128 + signal.SIGINT  # the exit codes by which a shell names a signal
TERMINATED = 128 + signal.SIGTERM
READER_GONE = 141  # 128 + SIGPIPE, a name that Windows does not have


@contextlib.contextmanager
def cancelled_by_signals() -> Iterator[None]:
    """Have SIGTERM and SIGHUP cancel this task, as Ctrl-C does, so that nothing half is left behind."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    with contextlib.ExitStack() as stack:
        for number in numbers:
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, task.cancel)
                stack.callback(loop.remove_signal_handler, number)
        yield


def last_words(error: BaseException, what_is: str | None) -> int:
    """Say in one last line what the interruption means, and return the exit code."""
    if what_is is not None:
        print(f"{_begin()}interrupted: {what_is}", file=sys.stderr, flush=True)  # noqa: T201 - a command's last line
    return CTRL_C if isinstance(error, KeyboardInterrupt) else TERMINATED


def _begin() -> str:
    # After a progress bar the cursor stands at its end.
    return "\r\x1b[K" if sys.stderr.isatty() else ""


def reader_gone() -> int:
    """End quietly: what Python still holds for standard output goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return READER_GONE


async def always(question: str) -> bool:
    """Agree."""
    del question
    return True


async def asked(question: str) -> bool:
    """Ask on the terminal; where there is none, the answer is no."""
    if not sys.stdin.isatty():
        print("say --yes where nobody can be asked", file=sys.stderr)  # noqa: T201 - a command's question
        return False
    print(f"{_begin()}{question} [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201 - a command's question
    return (await _line()).strip().lower() in ("y", "yes")


async def _line() -> str:
    """Read a line; unlike a thread that reads, this can be cancelled."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(sys.stdin.fileno(), readable.set)
    except NotImplementedError:  # Windows
        return sys.stdin.readline()
    try:
        await readable.wait()
        return sys.stdin.readline()
    finally:
        loop.remove_reader(sys.stdin.fileno())
