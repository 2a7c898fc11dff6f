"""
A service on FastAPI that meters its own users with Jauge.

export JAUGE_URL=http://127.0.0.1:8080 JAUGE_KEY=jauge_…
uvicorn --app-dir examples --factory fastapi_service:from_environment
curl -X POST -H "X-Account: user:1" --json '{"quantity": 2}' http://127.0.0.1:8000/render

The account comes from a header here, to keep the example short: take it from your own session or token.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1] / "client")
)  # where you installed or copied the client

from jauge_client import Client
from jauge_fastapi import QuotaMiddleware, install, require_quota
from jauge_guard import From, Routes, Rule, Verdict


def account_of(request: Request) -> str | None:
    """Return whose quota a request uses."""
    return request.headers.get("X-Account")


def build(url: str, key: str) -> FastAPI:
    """Return the application."""
    client = Client(url, key)
    table = Routes(
        prefix="/api/v1",
        default=Rule(),
        exceptions=[("POST", "/api/v1/designs", Rule(amount=5)), ("GET", "/api/v1/status", None)],
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(QuotaMiddleware, client=client, account_of=account_of, tables=[table])
    install(app, client, account_of)
    charge = require_quota(amount=From("body", "quantity", default=1))

    @app.post("/render")
    async def render(verdict: Annotated[Verdict, Depends(charge)]) -> dict[str, Any]:
        return {"rendered": verdict.units}

    @app.api_route("/api/v1/{rest:path}", methods=["GET", "POST"])
    async def public(request: Request) -> dict[str, Any]:
        body = await request.body()
        return {"path": request.url.path, "bytes": len(body)}

    return app


def from_environment() -> FastAPI:
    """Return the application with the settings of the environment."""
    return build(os.environ["JAUGE_URL"], os.environ["JAUGE_KEY"])
