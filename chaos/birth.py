"""What a life is told at its beginning, and the clock it lives by."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """
    What a life is told at its beginning.

    `scripts` come in this order; `plan` names crash points; `shift_ms` turns the clock of the process; `lease_ms`
    shortens the claims of notices, for those who must see one end. `disk` is what fails (see `disk.fail`), before
    the ledger is open when it is `early`; with `power` what a power cut needs is kept.
    """

    number: int
    folder: str
    database: str
    seed: int
    scripts: list[str]
    plan: str = ""
    before: list[int] = field(default_factory=list)
    batch: int = 24
    shift_ms: int = 0
    lease_ms: int = 0
    disk: dict[str, Any] = field(default_factory=dict)
    early: bool = False
    power: bool = False


def turn_clock(shift_ms: int) -> None:
    """Turn the wall clock of this process, as a step of the machine's would; the monotonic one goes on."""
    true_ns = time.time_ns
    time.time_ns = lambda: true_ns() + shift_ms * 1_000_000
