"""The load scenario runs against the program, and nothing in it fails."""

import asyncio
import os
import sys
from pathlib import Path

from tests.program.place import Place

SCENARIO = Path(__file__).parents[2] / "benchmarks/locustfile.py"
ENOUGH = Path(__file__).with_name("enough_load.py")
PATIENCE_SECONDS = 180


async def run(url: str, **environment: str) -> tuple[int, str]:
    """Run it until all its kinds of requests were made; return exit code and everything it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", f"{SCENARIO},{ENOUGH}", "--headless", "--host", url),
        *("--users", "5", "--spawn-rate", "5", "--run-time", "120s", "--only-summary"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], **environment},
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_services_spend_ask_and_show_without_a_failure(place: Place) -> None:
    """All three kinds of requests are made, and the ledger is sound afterwards."""
    async with place.bot() as bot:
        key = await bot.key("quota:read", "quota:consume")
        code, said = await run(bot.url, JAUGE_API_KEY=key["Authorization"].removeprefix("Bearer "))

    assert code == 0, said
    for name in ("consume", "check", "summary"):
        assert name in said


async def test_without_a_key_it_says_what_is_missing(place: Place) -> None:
    """Thousands of refused requests would say nothing."""
    code, said = await run(place.sandbox.url)

    assert code != 0
    assert "set JAUGE_API_KEY" in said
