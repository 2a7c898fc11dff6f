"""Work whose cost is known afterwards, and advice before it, through the client and the example."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from jauge_client import Client, OutOfQuotaError, RefusedError
from tests.client.lossy import LossyWay
from tests.webhooks.running import ANA, Running

ACCOUNT = str(ANA)
EXAMPLE = Path(__file__).parents[2] / "examples" / "background_job.py"


async def used(bot: Running) -> int:
    """Return what the account has used today."""
    part = (await bot.balances.of(ANA)).of("requests")
    return 0 if part is None else part.windows[0].used


async def test_what_was_really_used_is_settled(bot: Running, way: LossyWay, client: Client) -> None:
    """Although the answers to hold and settle got lost."""
    way.lost = 1
    async with client.spend(ACCOUNT, 10) as hold:
        held = await used(bot)
        hold.actual = 4
        way.lost = 1

    assert (held, await used(bot)) == (10, 4)


async def test_without_another_word_all_of_it_is_settled(bot: Running, client: Client) -> None:
    """A cost that was known after all."""
    async with client.spend(ACCOUNT, 3):
        pass

    assert await used(bot) == 3


async def test_work_that_fails_costs_nothing(bot: Running, client: Client) -> None:
    """And neither does work that is cancelled."""

    async def work() -> None:
        async with client.spend(ACCOUNT, 10):
            started.set()
            await asyncio.Event().wait()

    with pytest.raises(RuntimeError):
        async with client.spend(ACCOUNT, 10):
            raise RuntimeError
    started = asyncio.Event()
    task = asyncio.create_task(work())
    await started.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert await used(bot) == 0


async def test_more_than_was_held_is_not_settled(bot: Running, client: Client) -> None:
    """The hold stays as it is, and ends by its time."""
    with pytest.raises(RefusedError) as refused:
        async with client.spend(ACCOUNT, 3) as hold:
            hold.actual = 4

    assert refused.value.kind == "amount-out-of-bounds"
    assert await used(bot) == 3


async def test_nothing_is_held_of_too_little(bot: Running, client: Client) -> None:
    """The work does not begin."""
    with pytest.raises(OutOfQuotaError):
        async with client.spend(ACCOUNT, 51):
            raise AssertionError

    assert await used(bot) == 0


async def test_advice_says_whether_and_why_not(bot: Running, client: Client) -> None:
    """And takes nothing."""
    good, bad = await client.check(ACCOUNT, 50), await client.check(ACCOUNT, 51)

    assert (good.can_proceed, good.reason) == (True, "")
    assert (bad.can_proceed, bad.reason) == (False, "out_of_quota")
    assert await used(bot) == 0


async def test_the_example_of_a_job_runs(bot: Running, key: str) -> None:
    """As a person would run it."""
    environment = {**os.environ, "JAUGE_URL": bot.url, "JAUGE_KEY": key}
    job = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), ACCOUNT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await job.communicate()

    assert (job.returncode, said.decode()) == (0, "done for 4 units\n")
    assert await used(bot) == 4
