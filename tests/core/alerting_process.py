"""
Another process that spends and routes: `python -m tests.core.alerting_process URL NUMBER`.

It says `ready`, waits for a line, and prints how many crossings it turned into messages.
"""

import asyncio
import sys

from quota_core.accounts import AccountRef
from quota_core.catalog_file import load
from tests.core.opened_ledger import SteerableClock, open_ledger

ACCOUNTS = 40


async def main(url: str, number: str) -> None:
    """Cross the same thresholds as the other process, and route at the same time."""
    ledger = await open_ledger(url, catalog=load("quota-manager"), clock=SteerableClock())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    routed = 0
    for account in range(1, ACCOUNTS + 1):
        _, count = await asyncio.gather(
            ledger.quota.consume(AccountRef("user", f"{account}"), 24, key=f"{number}"),
            ledger.messages.alerts.route(),
        )
        routed += count
    routed += await ledger.messages.alerts.route()
    await ledger.close()
    sys.stdout.write(f"{routed}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
