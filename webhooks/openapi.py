"""
The OpenAPI 3.1 document, made from the route table and from the models that validate.

https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from webhooks.access import ADMIN_HEADER, USER_HEADER
from webhooks.route_table import Route

VERSION = "1"
_REFERENCE = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_DESCRIPTION = f"""
Every call needs a key: `Authorization: Bearer jauge_…`, or the same key in `{ADMIN_HEADER}`. A key that is bound
to an account may ask for that one only; a service's key may ask for any, and name it in `{USER_HEADER}` too.
Errors are problem documents (RFC 9457) whose `type` never changes. Members may be added to answers: ignore those
that you do not know.
""".strip()
_WITH_KEY = frozenset({401, 403, 429})
_WITH_BODY = frozenset({400, 408, 413, 415, 422})
_WITH_PATH = frozenset({400, 404})


class ProblemDocument(BaseModel):
    """A refusal (RFC 9457); further members are facts."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str = ""


def document(table: Sequence[Route], *, url: str = "/") -> dict[str, Any]:
    """Return the document that describes these routes."""
    schemas = _Schemas(table)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        for path in route.paths:
            paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Jauge", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": url}],
        "tags": [{"name": family} for family in dict.fromkeys(route.family for route in table)],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "jauge_…"},
                "admin_key": {"type": "apiKey", "in": "header", "name": ADMIN_HEADER},
            },
        },
    }


def statuses(route: Route) -> list[int]:
    """Return every status that the route may answer beside 200, in order."""
    found = set(route.refusals) | {500}
    if route.scope is not None:
        found |= _WITH_KEY
    if route.body is not None:
        found |= _WITH_BODY
    if route.query is not None:
        found |= {422}
    if route.takes_user_header:
        found |= _WITH_PATH | {422}
    if route.polled:
        found |= {304}
    return sorted(found)


class _Schemas:
    """The JSON schemas of all models, by model and by what it is for."""

    def __init__(self, table: Iterable[Route]) -> None:
        wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {
            (ProblemDocument, "serialization"): None
        }
        for route in table:
            wanted[route.answer, "serialization"] = None
            for model in (route.body, route.query):
                if model is not None:
                    wanted[model, "validation"] = None
        self._found, extra = models_json_schema(list(wanted), ref_template=_REFERENCE)
        self.definitions: Mapping[str, Any] = extra.get("$defs", {})

    def reference(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        return self._found[model, mode]

    def properties(self, model: type[BaseModel]) -> list[tuple[str, Any, bool]]:
        """Return name, schema and whether it is required, of each member of a model."""
        name = self.reference(model, "validation")["$ref"].rpartition("/")[2]
        schema = self.definitions[name]
        return [
            (member, facts, member in schema.get("required", ()))
            for member, facts in schema.get("properties", {}).items()
        ]


def _operation(route: Route, path: str, schemas: _Schemas) -> dict[str, Any]:
    alias = "" if path == route.path else f"__{route.aliases.index(path) + 1}"
    found: dict[str, Any] = {
        "operationId": route.name + alias,
        "tags": [route.family],
        "summary": route.summary if not alias else f"{route.summary} (another name of {route.path})",
        "parameters": _parameters(route, path, schemas),
        "responses": _responses(route, schemas),
        "security": [],
    }
    if route.scope is not None:
        found["security"] = [{"bearer": []}, {"admin_key": []}]
        found["description"] = f"Needs the scope `{route.scope}`."
    if route.body is not None:
        schema = schemas.reference(route.body, "validation")
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return found


def _parameters(route: Route, path: str, schemas: _Schemas) -> list[dict[str, Any]]:
    text = {"type": "string", "minLength": 1, "maxLength": 200}
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": text} for name in _PARAMETER.findall(path)
    ]
    if route.query is not None:
        found += [
            {"name": name, "in": "query", "required": required, "schema": schema}
            for name, schema, required in schemas.properties(route.query)
        ]
    if route.takes_user_header:
        found.append(
            {
                "name": USER_HEADER,
                "in": "header",
                "required": False,
                "description": "The account, beside a service's key",
                "schema": text,
            }
        )
    return found


def _responses(route: Route, schemas: _Schemas) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": schemas.reference(ProblemDocument, "serialization")}}
    answer = {"application/json": {"schema": schemas.reference(route.answer, "serialization")}}
    found: dict[str, Any] = {"200": {"description": route.summary, "content": answer}}
    for status in statuses(route):
        found[str(status)] = {"description": HTTPStatus(status).phrase}
        if status != HTTPStatus.NOT_MODIFIED:
            found[str(status)]["content"] = problem
    return found
