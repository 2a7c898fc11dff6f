"""`/api/openapi.json` and `/api/docs`: the description of the API for machines, and the same for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from aiohttp import web

from webhooks import openapi
from webhooks.api_page import page_of
from webhooks.budgets import Budget, Callers
from webhooks.page_html import policy_for
from webhooks.route_table import Route, tagged

OPENAPI_PATH = "/api/openapi.json"
DOCS_PATH = "/api/docs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDocs:
    """Both forms of the description, made once, and who may ask how often."""

    document: bytes
    page: str
    style: str
    budget: Budget
    callers: Callers


API_DOCS = web.AppKey("API_DOCS", ApiDocs)


def described(table: Sequence[Route], *, budget: Budget, callers: Callers) -> ApiDocs:
    """Return the description of these routes."""
    document: Mapping[str, object] = openapi.document(table)
    page, style = page_of(document)
    return ApiDocs(document=orjson.dumps(document), page=page, style=style, budget=budget, callers=callers)


def routes() -> list[web.RouteDef]:
    """Return both routes."""
    return [web.get(OPENAPI_PATH, show_document), web.get(DOCS_PATH, show_page)]


async def show_document(request: web.Request) -> web.Response:
    """Answer the OpenAPI document."""
    return tagged(request, _admitted(request).document, polled=True)


async def show_page(request: web.Request) -> web.Response:
    """Answer the page."""
    docs = _admitted(request)
    return web.Response(text=docs.page, content_type="text/html", headers=policy_for(docs.style))


def _admitted(request: web.Request) -> ApiDocs:
    docs = request.app[API_DOCS]
    docs.budget.spend(docs.callers.of(request))
    return docs
