"""The routes of endpoints, once for accounts and once for operators."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from quota_core.access_keys import Scope
from webhooks import endpoints_api as api
from webhooks.endpoint_facts import (
    AddRequest,
    DeliveriesPage,
    EndpointFacts,
    EndpointList,
    EventsRequest,
    OwnAddRequest,
    OwnEventsRequest,
    OwnPaged,
    OwnQuery,
    QueuedFacts,
    RemovedFacts,
    SecretFacts,
)
from webhooks.query import Paged
from webhooks.route_table import Endpoint, Facts, Route

_ROOT, _ONE = "/webhooks/endpoints", "/webhooks/endpoints/{endpoint}"
_ROWS: tuple[tuple[str, str, str, str, type[Facts], Endpoint], ...] = (
    ("list_endpoints", "GET", _ROOT, "All endpoints", EndpointList, api.list_endpoints),
    (
        "add_endpoint",
        "POST",
        _ROOT,
        "Add an endpoint; answers its secret, once",
        SecretFacts,
        api.add_endpoint,
    ),
    ("choose_events", "PATCH", _ONE, "Choose what it hears of", EndpointFacts, api.choose_events),
    ("remove_endpoint", "DELETE", _ONE, "Remove an endpoint", RemovedFacts, api.remove_endpoint),
    ("rotate_secret", "POST", f"{_ONE}/rotate", "Give it a new secret", SecretFacts, api.rotate_secret),
    ("enable_endpoint", "POST", f"{_ONE}/enable", "Turn it on again", EndpointFacts, api.enable_endpoint),
    ("test_endpoint", "POST", f"{_ONE}/test", "Have a test sent", QueuedFacts, api.try_endpoint),
    (
        *("list_deliveries", "GET", f"{_ONE}/deliveries", "What became of deliveries, newest first"),
        *(DeliveriesPage, api.list_deliveries),
    ),
    (
        *("replay_delivery", "POST", f"{_ONE}/deliveries/{{delivery}}/replay"),
        *("Have a delivery sent once more", QueuedFacts, api.replay_delivery),
    ),
)


def _routes(*, operators: bool) -> Iterator[Route]:
    bodies: dict[str, type[BaseModel]] = {
        "add_endpoint": AddRequest if operators else OwnAddRequest,
        "choose_events": EventsRequest if operators else OwnEventsRequest,
    }
    for name, method, path, summary, answer, endpoint in _ROWS:
        body = bodies.get(name)
        query: type[BaseModel] | None = None if operators or body is not None else OwnQuery
        if name == "list_deliveries":
            query = Paged if operators else OwnPaged
        yield Route(
            name=f"operators_{name}" if operators else name,
            method=method,
            path=f"/api/admin{path}" if operators else f"/api{path}",
            family="Endpoints of operators" if operators else "Endpoints",
            summary=summary,
            scope=_scope(method) if operators else Scope.WEBHOOKS_MANAGE,
            for_operators=operators,
            body=body,
            query=query,
            answer=answer,
            refusals=frozenset({404, 409, 503}),
            endpoint=endpoint,
        )


def _scope(method: str) -> Scope:
    return Scope.ADMIN_READ if method == "GET" else Scope.ADMIN_WRITE


ROUTES = (*_routes(operators=False), *_routes(operators=True))
