"""Who may reach the sandbox: this machine alone, under its own name, and no other site's page."""

from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler

OWN_NAMES = {"127.0.0.1", "localhost"}


@web.middleware
async def local_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """
    Refuse peers elsewhere, other host names, and requests that another origin's page makes.

    A page anywhere on the web may have its visitor's browser call loopback; the host name stops one that points its
    own name here (DNS rebinding), the origin stops the rest.
    """
    if not _is_loopback(request.remote):
        return _refusal("only this machine may call the sandbox")
    if request.host.rpartition(":")[0] not in OWN_NAMES and request.host not in OWN_NAMES:
        return _refusal("call the sandbox as 127.0.0.1 or localhost")
    if not _is_own_origin(request):
        return _refusal("another site's page may not call the sandbox")
    return await handler(request)


def _is_loopback(peer: str | None) -> bool:
    try:
        return ip_address(peer or "").is_loopback
    except ValueError:
        return False


def _is_own_origin(request: web.Request) -> bool:
    origin = request.headers.get("Origin")
    if origin is None or origin == f"http://{request.host}":
        return True
    # A page that sends no referrer sends no origin either; the browser then says itself where the form was.
    return origin == "null" and request.headers.get("Sec-Fetch-Site") == "same-origin"


def _refusal(reason: str) -> web.Response:
    return web.json_response({"error": reason}, status=403)
