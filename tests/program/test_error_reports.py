"""Errors to Sentry, over a real socket: what is sent, and what never is."""

import asyncio
import gzip
import json
import logging
import tomllib
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from aiohttp import web

import error_reports
import journal
from quota_core.request_ids import REQUEST_ID
from quota_core.version import VERSION
from settings import SettingsError
from tests.program.place import SECRETS, Place

PATIENCE_SECONDS = 120


class Sentry:
    """A project that keeps the events it is sent."""

    def __init__(self) -> None:
        self.dsn = ""
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def receive(self, request: web.Request) -> web.Response:
        """Take an envelope. https://develop.sentry.dev/sdk/data-model/envelopes/."""
        raw = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        lines = raw.split(b"\n")
        for header, body in pairwise(lines):
            if b'"type":"event"' in header.replace(b" ", b""):
                self.events.put_nowait(json.loads(body))
        return web.json_response({})

    async def next(self) -> dict[str, Any]:
        """Wait for the next event."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.events.get()


@pytest.fixture
async def sentry() -> AsyncIterator[Sentry]:
    """Return a project on this machine."""
    project, app = Sentry(), web.Application()
    app.router.add_post("/api/1/envelope/", project.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    project.dsn = f"http://abc@127.0.0.1:{runner.addresses[0][1]}/1"
    yield project
    await asyncio.to_thread(sentry_sdk.flush, 2)
    sentry_sdk.init()
    await runner.cleanup()


async def test_an_error_arrives_without_secrets_variables_or_names(sentry: Sentry) -> None:
    """The cause and the request's id, and no more than the log would show."""
    secret = "canary-secret-4711"
    error_reports.start(sentry.dsn, clean=journal.Clean([secret]).clean, release=VERSION)
    REQUEST_ID.set("req-1")
    try:
        raise RuntimeError(f"no way with {secret} and sk_live_abcdefgh")
    except RuntimeError:
        logging.getLogger("quota_core.somewhere").exception("it failed for %s", secret)

    event = await sentry.next()
    text = json.dumps(event)

    assert event["exception"]["values"][0]["type"] == "RuntimeError"
    assert event["tags"]["request_id"] == "req-1"
    assert event["release"] == VERSION
    assert "[secret]" in text
    assert secret not in text
    assert "sk_live_abcdefgh" not in text
    assert '"vars"' not in text
    assert not event.get("server_name")
    assert not event.get("user")
    assert not event.get("breadcrumbs", {}).get("values")


async def test_what_is_no_error_is_not_sent(sentry: Sentry) -> None:
    """Warnings are the log's; the error behind them comes alone."""
    error_reports.start(sentry.dsn, clean=str, release=VERSION)
    logging.getLogger("quota_core.somewhere").warning("only a warning")
    logging.getLogger("quota_core.somewhere").error("an error")

    assert (await sentry.next())["logentry"]["message"] == "an error"
    assert sentry.events.empty()


async def test_the_program_sends_what_it_logs_as_an_error(place: Place, sentry: Sentry) -> None:
    """By the setting alone, before it ends too."""
    async with place.bot(SENTRY_DSN=sentry.dsn) as bot:
        await place.people.post("world", token_revoked=True)
        await bot.program.log.first("refuses the token")
        event = await sentry.next()
        await bot.program.stop()

    assert "Discord refuses the token" in event["logentry"]["message"]
    assert not any(secret in json.dumps(event) for secret in SECRETS)


def test_a_bad_address_is_a_setting_to_look_at() -> None:
    """Told at the start, and not by silence later."""
    with pytest.raises(SettingsError, match="SENTRY_DSN"):
        error_reports.start("nonsense", clean=str, release=VERSION)


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra, so it may not be there."""
    monkeypatch.setitem(__import__("sys").modules, "sentry_sdk", None)

    with pytest.raises(SettingsError, match="pip install sentry-sdk"):
        error_reports.start("http://a@127.0.0.1/1", clean=str, release=VERSION)


def test_the_version_is_the_one_of_the_project() -> None:
    """So that a report names what really runs."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))

    assert project["project"]["version"] == VERSION
