"""Whether the process answers, and whether what it needs is well."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web

log = logging.getLogger(__name__)

CHECK_TIMEOUT_SECONDS = 2.0


class Remark(str):
    """What a check says although all is well."""

    __slots__ = ()


# Answers None or a remark when all is well, else the reason in a few words that may be shown to anybody.
Check = Callable[[], Awaitable[str | None]]

CHECKS: web.AppKey[Mapping[str, Check]] = web.AppKey("CHECKS", Mapping)


def routes() -> list[web.RouteDef]:
    """Return `/healthz` and `/readyz`."""
    return [web.get("/healthz", health), web.get("/readyz", readiness)]


async def health(request: web.Request) -> web.Response:
    """Answer that the process runs and its loop turns."""
    del request
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readiness(request: web.Request) -> web.Response:
    """Answer 200 when every check is well, else 503, with each by name."""
    checks = request.app[CHECKS]
    reasons = await asyncio.gather(*(_reason(name, check) for name, check in checks.items()))
    well = all(reason is None or isinstance(reason, Remark) for reason in reasons)
    rows = [_row(name, reason) for name, reason in zip(checks, reasons, strict=True)]
    return web.json_response(
        {"status": "ok" if well else "unavailable", "checks": rows},
        status=HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Cache-Control": "no-store"} | ({} if well else {"Retry-After": "5"}),
    )


def _row(name: str, reason: str | None) -> dict[str, str]:
    if reason is None:
        return {"name": name, "status": "ok"}
    if isinstance(reason, Remark):
        return {"name": name, "status": "ok", "remark": reason}
    return {"name": name, "status": "failed", "reason": reason}


async def _reason(name: str, check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            return await check()
    except TimeoutError:
        return "no answer in time"
    except Exception:
        log.exception("the check %s failed", name)
        return "the check failed"
