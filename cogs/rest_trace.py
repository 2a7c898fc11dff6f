"""What Discord's REST API answers, for whoever watches: classes of status, and rate limits met."""

from __future__ import annotations

from types import SimpleNamespace

import aiohttp

from quota_core.meter import Meter


def trace_of(meter: Meter) -> aiohttp.TraceConfig:
    """Return what discord.py's client calls after each answer."""

    async def note(
        session: aiohttp.ClientSession, context: SimpleNamespace, answer: aiohttp.TraceRequestEndParams
    ) -> None:
        del session, context
        # https://docs.discord.com/developers/topics/rate-limits#header-format
        scope = answer.response.headers.get("X-RateLimit-Scope", "")
        meter.asked_discord(answer.response.status, scope)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(note)
    return trace
