"""
Named places on the write path at which a rehearsal breaks the process: killed, frozen, failing or held up.

Without a plan, `crash_point` looks at an empty dictionary and returns. A plan comes from the environment, is read
once when this module is loaded, and announces itself in the log: no setting of the bot leads to it.

    JAUGE_CRASH_PLAN   name=action[:argument][@n];…   at the n-th time (1 unless given) that the point is passed
    JAUGE_CRASH_LOG    a file that gets a line with the name of each point that fired

    kill               SIGKILL, as a power cut for everything but the disk
    stop:MS            SIGSTOP, and SIGCONT that many milliseconds later: a process that slept through its lease
    sleep:MS           hold up this thread
    raise:NAME         raise an error of `quota_core.errors`, or one that Python has
    ask:PATH           connect to this Unix socket, send the name, and wait for one byte: somebody else decides

Each point is passed at most once in a batch of operations, never for each operation of one.
"""

from __future__ import annotations

import builtins
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from quota_core import errors

log = logging.getLogger(__name__)

PLAN, LOG = "JAUGE_CRASH_PLAN", "JAUGE_CRASH_LOG"
POINTS = {
    "webhook.01.headers_in": "a delivery begins: nothing is known of it",
    "webhook.02.body_read": "all of it is here, and not yet believed",
    "webhook.03.signature_ok": "it is Stripe's",
    "webhook.04.delivery_stored": "what it says is kept, in a transaction of its own",
    "webhook.05.begun": "the transaction that settles it holds the lock and has written nothing",
    "webhook.06.outcome_row": "what became of the delivery is written, with all before it, uncommitted",
    "write.07.entry_row": "entries are written, balances are not (webhooks, consumption, changes by hand)",
    "write.08.balance_row": "balances are written too",
    "write.46.late_balances": "balances that waited are written, the mark that says so is not",
    "webhook.09.notice_row": "a notice is owed, uncommitted",
    "webhook.10.before_commit": "everything is written, nothing is committed",
    "webhook.11.committed": "everything is committed, Stripe knows nothing of it",
    "webhook.12.answer_made": "the 200 is made and not yet on the wire",
    "outbox.20.claimed": "a claim is committed, nothing is sent",
    "outbox.21.channel_opened": "Discord opened a direct channel that we do not know yet",
    "outbox.22.channel_saved": "its id is committed",
    "outbox.23.before_post": "the message is about to leave",
    "outbox.24.posted": "Discord has the message, our row says that it is owed",
    "outbox.25.marked_sent": "the row says that it was sent",
    "checkout.30.order_committed": "an order without a page",
    "checkout.31.page_opened": "Stripe has the session, our order does not know it",
    "checkout.32.page_saved": "the order knows its session, the buyer has no link",
    "checkout.33.link_shown": "the buyer has the link",
    "consume.40.hold_placed": "a hold is committed, nobody was answered",
    "consume.41.work_done": "the work is done, its hold is still whole",
    "consume.42.hold_settled": "the end of a hold is committed, nobody was answered",
    "consume.43.hold_expired": "holds whose time was over are released, those of the next account are not",
    "consume.44.decided": "a batch is decided, nothing of it is written",
    "consume.45.committed": "a batch is committed, nobody was answered",
    "refund.50.report_kept": "a refund or dispute is noted, what follows from it is not",
    "refund.51.taken_back": "units were taken back, frozen or restored, uncommitted",
    "refund.52.debt_row": "a debt was made or paid, uncommitted",
    "day.60.window_opened": "the first request of a new period met an account",
    "admin.70.allowed": "an operator may do it, nothing is written",
    "admin.71.written": "the entry and its audit row are written, uncommitted",
    "admin.72.committed": "both are committed, nobody was told",
    "admin.73.moved": "both halves of a transfer are written, uncommitted",
    "admin.74.move_committed": "a transfer is committed, nobody was told",
    "ops.80.migration_statement": "one statement of a migration was run",
    "ops.81.backup_begun": "a back-up is an empty file",
    "ops.81.backup_ended": "the copy is whole and has not got its name yet",
    "ops.82.checkpoint": "the log is about to be written back at the end",
    "ops.83.restore_swap": "a restored copy is proved and has not taken the ledger's place",
    "ops.83.restore_swapped": "it has",
    "ops.84.key_revoked": "an API key is revoked, nobody was told",
}
"""Each point, and what stands when it is passed. The numbers are those of docs/reliability.md."""


@dataclass(slots=True)
class Trap:
    """What happens at a point; `left` counts down to it."""

    action: str
    argument: str
    left: int


def parse(plan: str) -> dict[str, Trap]:
    """
    Read a plan.

    Raises:
        ValueError: it names a point or an action that does not exist, or an argument that fits none.

    """
    traps = {}
    for one in filter(None, plan.split(";")):
        name, _, what = one.partition("=")
        what, _, count = what.partition("@")
        action, _, argument = what.partition(":")
        if name not in POINTS:
            raise ValueError(f"no crash point {name!r}; there are: {', '.join(POINTS)}")
        if action not in _ACTIONS:
            raise ValueError(f"no action {action!r} at {name}; there are: {', '.join(_ACTIONS)}")
        if action in ("stop", "sleep"):
            float(argument)
        if action == "raise":
            _error(argument)
        traps[name] = Trap(action, argument, int(count or 1))
    return traps


def crash_point(name: str) -> None:
    """Do what a plan says at this point; nothing when there is none."""
    if _traps:
        _pass(name, _traps)


def _pass(name: str, traps: Mapping[str, Trap]) -> None:
    trap = traps.get(name)
    if trap is None:
        return
    trap.left -= 1
    if trap.left != 0:
        return
    if _log_file:
        # Before it happens: what is written to a file outlives the process that wrote it.
        descriptor = os.open(_log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, f"{name}\n".encode())
        os.close(descriptor)
    _ACTIONS[trap.action](name, trap.argument)


def _kill(name: str, argument: str) -> None:
    del name, argument
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(name: str, argument: str) -> None:
    del name
    # Whoever is stopped cannot wake itself up.
    waker = (
        "import os, sys, time; time.sleep(float(sys.argv[1])); os.kill(int(sys.argv[2]), int(sys.argv[3]))"
    )
    arguments = (
        sys.executable,
        "-c",
        waker,
        str(float(argument) / 1000),
        str(os.getpid()),
        str(int(signal.SIGCONT)),
    )
    os.posix_spawn(sys.executable, arguments, os.environ)
    os.kill(os.getpid(), signal.SIGSTOP)


def _sleep(name: str, argument: str) -> None:
    del name
    time.sleep(float(argument) / 1000)


def _raise(name: str, argument: str) -> None:
    raise _error(argument)(f"on purpose at {name}")


def _ask(name: str, argument: str) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(argument)
        line.sendall(f"{name}\n".encode())
        line.recv(1)


def _error(name: str) -> type[Exception]:
    found = getattr(errors, name, getattr(builtins, name, None))
    if not isinstance(found, type) or not issubclass(found, Exception):
        raise ValueError(f"no error {name!r}")  # noqa: TRY004 - callers catch one kind of error
    return found


_ACTIONS = {"kill": _kill, "stop": _stop, "sleep": _sleep, "raise": _raise, "ask": _ask}
_traps: dict[str, Trap] = {}
_log_file = ""


def arm(plan: str, log_file: str) -> None:
    """
    Follow a plan from now on, in place of any other.

    Raises:
        ValueError: the plan cannot be meant.

    """
    global _traps, _log_file
    _traps, _log_file = parse(plan), log_file
    if _traps:
        log.critical("this process will break on purpose: %s", plan)


arm(os.environ.get(PLAN, ""), os.environ.get(LOG, ""))
