"""The chat page's files, as they are on disk."""

import asyncio
import re
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "chat"
FILE_NAME = re.compile(r"[a-z0-9_-]+\.(js|css|svg|png|html)")
CONTENT_TYPES = {
    "js": "text/javascript",
    "css": "text/css",
    "svg": "image/svg+xml",
    "png": "image/png",
    "html": "text/html",
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def routes() -> list[web.RouteDef]:
    """Return the routes of the page: `/`, and its files under `/chat/`."""
    return [web.get("/", _index), web.get("/chat/{name}", _file)]


async def _index(_request: web.Request) -> web.Response:
    return await _serve("index.html")


async def _file(request: web.Request) -> web.Response:
    return await _serve(request.match_info["name"])


async def _serve(name: str) -> web.Response:
    """Return a file of the folder; the pattern keeps names from leaving it."""
    if not FILE_NAME.fullmatch(name):
        raise web.HTTPNotFound
    try:
        content = await asyncio.to_thread((FOLDER / name).read_bytes)
    except FileNotFoundError as error:
        raise web.HTTPNotFound from error
    content_type = CONTENT_TYPES[name.rpartition(".")[2]]
    charset = "utf-8" if content_type.startswith("text/") else None
    return web.Response(body=content, content_type=content_type, charset=charset, headers=HEADERS)
