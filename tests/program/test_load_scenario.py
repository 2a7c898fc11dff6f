"""The load scenario runs against the program, and nothing in it fails."""

import asyncio
import os
import sys
from pathlib import Path

from tests.program.place import Place

SCENARIO = Path(__file__).parents[2] / "benchmarks/locustfile.py"
PATIENCE_SECONDS = 180


async def run(url: str, **environment: str) -> tuple[int, str]:
    """Run it for three seconds; return exit code and everything it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", str(SCENARIO), "--headless", "--host", url),
        *("--users", "20", "--spawn-rate", "20", "--run-time", "3s", "--only-summary"),
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
