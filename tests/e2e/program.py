"""The program and its world as processes of their own, which a test starts, stops, kills and starts again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from sandbox.places import OPERATOR_ID
from tests.noon import catalog_at_noon
from tests.sandbox.people import UNHURRIED_MS

ROOT = Path(__file__).parents[2]
START_SECONDS = 120
STOP_SECONDS = 60
LOOK_SECONDS = 0.05
STRIPE_KEY = "sk_test_end_to_end"
SPENDING_COG = "tests.e2e.spending_cog"
# Below the range from which systems take free ports, so that nobody is given ours while the bot is down.
PORTS = range(20_000, 32_000)
PORT_TRIES = 5
# As in the tests themselves: what Python warns of is an error; discord.py imports a module that 3.13 drops.
WARNINGS = "error,ignore::DeprecationWarning:discord.player"
IN_USE = 75
# Of the machine's own settings none may reach the program; these are what a process needs to run at all.
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


class Program:
    """
    One process, started with the same command line each time.

    Args:
        arguments: for the interpreter.
        folder: where its log goes and, unless `root` says otherwise, where it runs; made when absent.
        ready: matches the line that it prints once it listens.
        in_project: run in the project's own folder instead.

    """

    def __init__(self, *arguments: str, folder: Path, ready: str, in_project: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.settings: dict[str, str] = {}
        self._arguments = list(arguments)
        self._ready = re.compile(ready)
        self._log_path = folder / "stderr.log"
        self._directory = ROOT if in_project else folder / "empty"
        self._directory.mkdir(exist_ok=True)
        self._process: subprocess.Popen[str] | None = None
        self.facts: Mapping[str, str] = {}
        self.exit_status: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """Everything that all its runs have written to standard error."""
        return self._log_path.read_text("utf-8") if self._log_path.exists() else ""

    def start(self) -> None:
        """
        Start it and wait for its line.

        Raises:
            RuntimeError: it ended instead, or said nothing in time.

        """
        assert not self.is_running
        with self._log_path.open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, *self._arguments],
                cwd=self._directory,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._process = process
        assert process.stdout is not None
        watchdog = threading.Timer(START_SECONDS, process.kill)
        watchdog.start()
        try:
            line = process.stdout.readline()
        finally:
            watchdog.cancel()
        match = self._ready.fullmatch(line.rstrip("\n"))
        if match is None:
            self.kill()
            raise RuntimeError(f"not ready but {line!r}, exit status {self.exit_status}:\n{self.log[-4000:]}")
        self.facts = match.groupdict()

    def stop(self) -> int:
        """Ask it to stop, as a service manager does, and return its exit status."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self._ended()

    def end(self, how: str) -> None:
        """Let `SIGTERM` or `SIGKILL` end it; the first must lead to an orderly end."""
        if how == "SIGKILL":
            self.kill()
        else:
            status = self.stop()
            assert status == 0, self.log[-4000:]

    def _ended(self) -> int:
        process = self._process
        if process is None:
            return 0 if self.exit_status is None else self.exit_status
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            assert process.stdout is not None
            process.stdout.close()
            self._process = None
        self.exit_status = status
        return status

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        return kept | {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": WARNINGS} | self.settings


class World(Program):
    """A Discord and a Stripe, which outlive the bot."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            *("-m", "sandbox", "--port", "0", "--answer-within-ms", str(UNHURRIED_MS)),
            folder=folder,
            ready=r"sandbox=(?P<url>\S+) webhook_secret=(?P<secret>\S+)",
            in_project=True,
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.facts["url"]

    @property
    def secret(self) -> str:
        """What signs webhooks."""
        return self.facts["secret"]


class Bot(Program):
    """
    `bot.py run` against a world; it keeps its port, so that Stripe finds it again.

    Attributes:
        awaits_discord: whether it is started only once it is connected.

    """

    def __init__(self, folder: Path, *, world_url: str, secret: str, **settings: str) -> None:
        self.data = folder / "data"
        super().__init__(
            *(str(ROOT / "bot.py"), "run", "--data", str(self.data)),
            folder=folder,
            ready=r"ready http=(?P<http>\S+)",
        )
        self.settings = {
            "DISCORD_TOKEN": "end-to-end-token",
            "DISCORD_API_URL": f"{world_url}/api/v10",
            "DISCORD_GATEWAY_URL": f"{world_url.replace('http', 'ws', 1)}/gateway/",
            "OPERATOR_IDS": str(OPERATOR_ID),
            "STRIPE_API_KEY": STRIPE_KEY,
            "STRIPE_API_URL": world_url,
            "STRIPE_WEBHOOK_SECRETS": secret,
            "CATALOG": str(catalog_at_noon(folder)),
            "EXTRA_COGS": SPENDING_COG,
            "ASK_BEFORE_PAID": "false",  # these tests spend in bulk; the question has tests of its own
            "PYTHONPATH": str(ROOT),
        } | settings
        self.awaits_discord = True
        self._has_port = False

    @property
    def http_url(self) -> str:
        """Where it listens."""
        return self.facts["http"]

    def start(self) -> None:
        """Start it, the first time on a port that is free."""
        for is_last in [False] * (PORT_TRIES - 1) + [True]:
            if not self._has_port:
                self.settings["HTTP_PORT"] = str(random.choice(PORTS))
            try:
                super().start()
            except RuntimeError:
                if self._has_port or is_last or self.exit_status != IN_USE:
                    raise
            else:
                self._has_port = True
                if self.awaits_discord:
                    wait_for_discord(self.http_url)
                return

    async def command(self, *arguments: str, data: Path | None = None) -> tuple[int, str]:
        """Run another command of the program on its data; return the exit status and what it printed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ROOT / "bot.py"), *arguments, "--data", str(data or self.data)),
            cwd=self._directory,
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(START_SECONDS):
            output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode()


class Sandbox(Program):
    """`bot.py sandbox`: all in one process."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data" / "sandbox"
        super().__init__(
            *(str(ROOT / "bot.py"), "sandbox", "--http-port", "0", "--sandbox-port", "0"),
            *("--data", str(self.data.parent)),
            folder=folder,
            ready=r"ready http=(?P<http>\S+) sandbox=(?P<sandbox>\S+) api_key=(?P<key>\S+)",
        )
        self.settings = {
            "CATALOG": str(catalog_at_noon(folder)),
            "EXTRA_COGS": SPENDING_COG,
            "PYTHONPATH": str(ROOT),
        }

    @property
    def http_url(self) -> str:
        """Where the bot listens."""
        return self.facts["http"]

    def start(self) -> None:
        """Start it and wait until people can use it."""
        super().start()
        wait_for_discord(self.http_url)
        wait_for_commands(self.facts["sandbox"])


def wait_for_discord(http_url: str) -> None:
    """Wait until a bot is connected: it serves webhooks without, and says that it is ready after a while."""
    until_seconds = time.monotonic() + START_SECONDS
    while time.monotonic() < until_seconds:
        try:
            with urllib.request.urlopen(f"{http_url}/readyz", timeout=START_SECONDS):
                return
        except urllib.error.HTTPError as error:
            error.close()
            time.sleep(LOOK_SECONDS)  # it tells nobody that it is connected


def wait_for_commands(sandbox_url: str) -> None:
    """Wait until a bot registered its slash commands, which can take longer than being connected."""
    until_seconds = time.monotonic() + START_SECONDS
    while time.monotonic() < until_seconds:
        with urllib.request.urlopen(f"{sandbox_url}/control/commands?viewer={OPERATOR_ID}") as answer:
            if json.load(answer)["commands"]:
                return
        time.sleep(LOOK_SECONDS)  # for the same reason
