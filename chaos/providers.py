"""Stripe and Discord in trouble, one after the other, while people buy and services spend."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from chaos.bots import BotStorm
from chaos.tally import Tally
from chaos.world_facts import roomy_catalog
from sandbox.faults import Fault
from tests.program.place import Place, opened_place

SESSIONS, MESSAGES = "/v1/checkout/sessions", "/users/@me/channels|/channels/[0-9]+/messages"
PATIENCE_SECONDS = 12.0
TROUBLES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "Stripe answers 500": ("stripe", "status", {"status": 500, "path": SESSIONS}),
    "Stripe answers 409": ("stripe", "status", {"status": 409, "path": SESSIONS}),
    "Stripe answers 429": ("stripe", "status", {"status": 429, "path": SESSIONS}),
    "Stripe answers 401": ("stripe", "status", {"status": 401, "path": SESSIONS}),
    "Stripe answers HTML": ("stripe", "status", {"status": 503, "html": True, "path": SESSIONS}),
    "Stripe hangs up": ("stripe", "cut", {"path": SESSIONS}),
    "Stripe's answer is lost": ("stripe", "lost", {"path": SESSIONS, "method": "POST"}),
    "Stripe is slow": ("stripe", "delay", {"seconds": 1, "path": SESSIONS}),
    "a webhook comes twenty times": ("webhooks", "duplicate", {"copies": 20}),
    "a webhook comes late": ("webhooks", "delay", {"seconds": 1}),
    "a webhook does not come": ("webhooks", "drop", {}),
    "webhooks come in another order": ("webhooks", "shuffle", {"hold": 2}),
    "Discord answers 500": ("discord", "status", {"status": 500, "path": MESSAGES}),
    "Discord answers 503 in HTML": ("discord", "status", {"status": 503, "html": True, "path": MESSAGES}),
    "Discord answers 429": ("discord", "status", {"status": 429, "retry_after": 1, "path": MESSAGES}),
    "Discord hangs up": ("discord", "cut", {"path": MESSAGES}),
    "Discord's answer is lost": ("discord", "lost", {"path": MESSAGES, "method": "POST"}),
    "Discord is slow": ("discord", "delay", {"seconds": 1, "path": MESSAGES}),
    "the gateway closes with 1001": ("gateway", "close", {"code": 1001}),
    "the gateway closes with 4009": ("gateway", "close", {"code": 4009}),
    "the gateway says: reconnect": ("gateway", "reconnect", {}),
    "the session is invalid": ("gateway", "invalid_session", {"resumable": False}),
    "the session may be resumed": ("gateway", "invalid_session", {"resumable": True}),
    "the gateway hangs up": ("gateway", "cut", {}),
}


async def providers(folder: Path, seed: int, rounds: int) -> Tally:
    """Let each trouble meet a bot under load; afterwards every payment is credited and confirmed, once."""
    async with opened_place(folder, CATALOG=str(roomy_catalog(folder))) as place:
        storm = BotStorm(place, seed)
        await storm.prepare()
        async with storm.under_load() as program:
            for name, (where, fault, options) in list(TROUBLES.items()) * rounds:
                await _met(place, place.sandbox.faults.add(where, fault, **options), name, storm.tally)
            place.sandbox.faults.clear()
            await program.stop()
        await storm.settle()
        return await storm.check()


async def _met(place: Place, fault: Fault, name: str, tally: Tally) -> None:
    """Wait until somebody met the fault."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while fault.times:  # noqa: ASYNC110 - the sandbox's gateway tells nobody that it used one
                await asyncio.sleep(0.02)
    tally.faults[name] += not fault.times
    if fault.times:
        place.sandbox.faults.clear()
