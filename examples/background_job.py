"""
A job whose cost is known only afterwards: units are held before it, and what it really used is settled.

JAUGE_URL=http://127.0.0.1:8080 JAUGE_KEY=jauge_… python examples/background_job.py user:1
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1] / "client")
)  # where you installed or copied the client

from jauge_client import Client, OutOfQuotaError

MOST_UNITS = 10


async def work() -> int:
    """Do the job, and return how many units it took."""
    await asyncio.sleep(0)
    return 4


async def main(account: str) -> int:
    """Run the job once for an account; return the exit code."""
    async with Client(os.environ["JAUGE_URL"], os.environ["JAUGE_KEY"]) as client:
        try:
            async with client.spend(account, MOST_UNITS) as hold:
                hold.actual = await work()
        except OutOfQuotaError as error:
            print(f"not enough: {error.units_left} units are left")
            return 1
    print(f"done for {hold.actual} units")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
