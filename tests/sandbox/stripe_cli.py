"""
The official Stripe CLI, installed once beside the tests' environment.

It is a program for Linux on x86-64 that npm brings; elsewhere the tests that need it are skipped, saying
so, and in continuous integration (`CI=true`) they fail instead.
"""

import asyncio
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.one_at_a_time import one_process

VERSION = "1.52.0"
PACKAGE = "@stripe/cli-linux-x64"
HOME = Path(__file__).parents[2] / ".venv" / "stripe-cli"
PROGRAM = HOME / "node_modules" / PACKAGE / "bin" / "stripe"
MARK = HOME / f"installed-{VERSION}"
INSTALL_TIMEOUT_SECONDS = 600
RUN_TIMEOUT_SECONDS = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a command of the CLI left behind."""

    status: int
    output: str


def program() -> Path:
    """Return the CLI's path, installing it first if need be; skip or fail the test when it cannot be had."""
    if not _is_installed():
        reason = _obstacle() or _install_once()
        if reason and os.environ.get("CI") == "true":
            pytest.fail(f"the Stripe CLI is missing: {reason}")
        if reason:
            pytest.skip(f"the Stripe CLI is missing: {reason}")
    return PROGRAM


def _is_installed() -> bool:
    return MARK.exists() and PROGRAM.exists()


def _obstacle() -> str:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return f"{PACKAGE} runs on Linux x86-64 only; run this test there"
    if shutil.which("npm") is None:
        return "install Node.js with npm (on Debian: apt-get install npm), then run the tests again"
    return ""


def _install_once() -> str:
    """Install unless another test process does or did: a program that is being written cannot be run."""
    with one_process("stripe-cli"):
        return "" if _is_installed() else _install()


def _install() -> str:
    """Install the pinned version and return why that failed, or nothing."""
    HOME.mkdir(parents=True, exist_ok=True)
    command = [
        "npm",
        "install",
        "--prefix",
        str(HOME),
        "--no-audit",
        "--no-fund",
        "--fetch-retries=6",
        f"{PACKAGE}@{VERSION}",
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "npm did not answer; check the network, then run the tests again"
    if done.returncode:
        return f"npm failed; check the network, then run the tests again:\n{done.stderr[-500:]}"
    MARK.touch()
    return ""


async def trigger(event: str, *, api_base: str, home: Path) -> Run:
    """
    Run `stripe trigger` against a server on this machine.

    Args:
        event: the event's type.
        api_base: the server.
        home: an empty folder for the CLI's own settings, so that none of this machine's are read or changed.

    """
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        # The check for a newer version goes through these; a closed port keeps it on this machine.
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    process = await asyncio.create_subprocess_exec(
        program(),
        *("trigger", event, "--api-base", api_base, "--api-key", "sk_test_the_command_line"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=variables,
    )
    try:
        async with asyncio.timeout(RUN_TIMEOUT_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Run(status=process.returncode, output=output.decode(errors="replace"))
