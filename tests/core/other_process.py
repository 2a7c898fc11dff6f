"""
Another process at a ledger: `python -m tests.core.other_process hold|hold_units|full|readonly FILE`.

It prints one line of JSON for each thing that happened, and waits for a line where the test must act.
"""

import asyncio
import json
import os
import resource
import signal
import sys
from pathlib import Path

from quota_core.accounts import AccountRef
from quota_core.catalog_file import load
from quota_core.errors import UnavailableError
from tests.core.opened_ledger import OPERATOR, OpenLedger, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

ANA = AccountRef("user", "1")


def tell(**facts: object) -> None:
    """Tell the test what happened."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def hold(ledger: OpenLedger) -> None:
    """Keep the file until the test says so, or kills this process."""
    await ledger.quota.consume(ANA, key="held")
    tell(held=True)
    sys.stdin.readline()


async def hold_units(ledger: OpenLedger) -> None:
    """Hold units for a minute, and wait to be killed."""
    await ledger.quota.hold(ANA, 30, key="held", ttl_seconds=60)
    tell(held=True)
    sys.stdin.readline()


async def full(ledger: OpenLedger) -> None:
    """Write until the disk is full, ask again, make room, ask again."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    wal = ledger.path.with_name(ledger.path.name + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 20_000, unlimited))
    answered: list[str] = []
    refusals: list[str] = []
    for number in range(400):
        try:
            await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="r" * 150, key=f"g{number}")
        except UnavailableError as error:
            refusals.append(type(error).__name__)
            break
        answered.append(f"g{number}")
    refused = f"g{len(answered)}"
    balance = await _purchased(ledger)
    tell(answered=len(answered), refusals=refusals, balance=balance)
    resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
    change = await ledger.grants.add(ANA, 1, actor=OPERATOR, reason="r" * 150, key=refused)
    await assert_sound(ledger)
    tell(after=change.after, entries=len(await ledger.entries()))


async def _purchased(ledger: OpenLedger) -> int:
    part = (await ledger.balances.of(ANA)).of("requests")
    return 0 if part is None else part.purchased_left


async def main(what: str, file: str) -> None:
    """Open the ledger and do what the test asked for."""
    if what == "readonly" and os.geteuid() == 0:
        # Permissions mean nothing to root.
        os.setegid(65534)
        os.seteuid(65534)
    try:
        ledger = await open_ledger(Path(file), catalog=load("quota-manager"), clock=SteerableClock())
    except Exception as error:  # noqa: BLE001 - the test looks at what it was
        tell(error=type(error).__name__, text=str(error))
        return
    tell(opened=True)
    try:
        await {"hold": hold, "hold_units": hold_units, "full": full}[what](ledger)
    finally:
        await ledger.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
