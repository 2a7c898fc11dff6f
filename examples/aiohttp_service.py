"""
A service on aiohttp that meters its own users with Jauge.

JAUGE_URL=http://127.0.0.1:8080 JAUGE_KEY=jauge_… python examples/aiohttp_service.py
curl -X POST -H "X-Account: user:1" -d '{"quantity": 2}' http://127.0.0.1:9000/render

The account comes from a header here, to keep the example short: take it from your own session or token.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from aiohttp import web

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1] / "client")
)  # where you installed or copied the client

from jauge_aiohttp import guarded, install, require_quota, verdict_of
from jauge_client import Client
from jauge_guard import From, Routes, Rule


def account_of(request: web.Request) -> str | None:
    """Return whose quota a request uses."""
    return request.headers.get("X-Account")


@require_quota(amount=From("body", "quantity", default=1))
async def render(request: web.Request) -> web.Response:
    """Cost as many units as the body says."""
    verdict = verdict_of(request)
    assert verdict is not None
    return web.json_response({"rendered": verdict.units})


async def public(request: web.Request) -> web.Response:
    """Cost what the route table says."""
    return web.json_response({"path": request.path})


def build(url: str, key: str) -> web.Application:
    """Return the application."""
    client = Client(url, key)
    table = Routes(
        prefix="/api/v1",
        default=Rule(),
        exceptions=[("POST", "/api/v1/designs", Rule(amount=5)), ("GET", "/api/v1/status", None)],
    )
    app = web.Application(middlewares=[guarded(client, account_of, table)])
    install(app, client, account_of)
    app.router.add_post("/render", render)
    app.router.add_route("*", "/api/v1/{rest:.*}", public)
    return app


if __name__ == "__main__":
    web.run_app(build(os.environ["JAUGE_URL"], os.environ["JAUGE_KEY"]), host="127.0.0.1", port=9000)
