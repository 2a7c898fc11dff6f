"""`GET /metrics`, on an address of its own or, with a token, beside the program's other routes."""

from __future__ import annotations

import hmac
import logging
from http import HTTPStatus

from aiohttp import hdrs, web
from prometheus_client.exposition import choose_encoder

from monitoring.exposition import Metrics
from quota_core.errors import UnavailableError
from quota_core.figures import Figures

log = logging.getLogger(__name__)

PATH = "/metrics"
WAIT_SECONDS = 3.0  # Prometheus gives up after ten
_BEARER = "Bearer "


class MetricsPage:
    """
    Answers with the metrics.

    Args:
        metrics: what is published.
        figures: the ledger's, renewed when somebody asks.
        token: what a request must show, None where whoever reaches the address may look.

    """

    def __init__(self, metrics: Metrics, figures: Figures, *, token: str | None) -> None:
        self._metrics = metrics
        self._figures = figures
        self._token = token

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get(PATH, self.show)]

    def application(self) -> web.Application:
        """Return an application that has this page alone."""
        app = web.Application()
        app.add_routes(self.routes())
        return app

    async def show(self, request: web.Request) -> web.Response:
        """Answer the metrics in the form that the request accepts; those of the ledger may be some seconds old."""
        if not self._may_look(request.headers.get(hdrs.AUTHORIZATION, "")):
            raise web.HTTPUnauthorized(headers={hdrs.WWW_AUTHENTICATE: 'Bearer realm="metrics"'})
        try:
            await self._figures.latest(wait_seconds=WAIT_SECONDS)
        except UnavailableError as error:
            # What this process counted is worth the more when the database is in trouble.
            log.warning("no new figures for /metrics: %s", error)
        encoder, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(
            status=HTTPStatus.OK,
            body=encoder(self._metrics.registry),
            headers={hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "no-store"},
        )

    def _may_look(self, header: str) -> bool:
        if self._token is None:
            return True
        shown = header.removeprefix(_BEARER) if header.startswith(_BEARER) else ""
        return hmac.compare_digest(shown.encode(), self._token.encode())
