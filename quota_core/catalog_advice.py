"""What is wrong with a key of a catalog file, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from quota_core.catalog import Catalog
from quota_core.catalog_tables import (
    Allowance,
    Estimate,
    Feature,
    Metric,
    Package,
    Plan,
    Service,
    Text,
    Threshold,
)

_TABLES: Mapping[str, type[BaseModel]] = {
    "metrics": Metric,
    "features": Feature,
    "services": Service,
    "plans": Plan,
    "packages": Package,
}
_PARTS: Mapping[str, type[BaseModel]] = {
    "allowances": Allowance,
    "thresholds": Threshold,
    "estimate": Estimate,
    "label": Text,
    "singular": Text,
    "description": Text,
}
_ADVICE: Mapping[str, str] = {
    "missing": "is missing: write it",
    "int_type": "write a whole number without quotes",
    "bool_type": "write true or false, without quotes",
    "string_type": 'write a text in quotes: "…"',
    "decimal_type": "write a number without quotes",
    "model_type": 'write a table: { en = "…", fr = "…" }',
    "tuple_type": "write a list: [ … ]",
    "dict_type": "write a table of tables: one [name.id] for each",
    "too_short": "at least one is needed",
}


def explained(fact: Mapping[str, Any]) -> str:
    """Return a finding of the models as `key: reason; what to write instead`."""
    loc: Sequence[int | str] = fact["loc"]
    key = ".".join(str(part) for part in loc)
    if fact["type"] == "extra_forbidden":
        return f"{key}: there is no such key{_instead(loc)}"
    if fact["type"] == "string_pattern_mismatch" and loc[-1] == "[key]":
        return f"{key}: an id is lower-case letters, digits and _, at most 40, and begins with a letter"
    if fact["type"] in ("literal_error", "enum"):
        return f"{key}: {fact['input']!r} is none of {fact['ctx']['expected']}"
    advice = _ADVICE.get(fact["type"])
    if fact["type"] == "int_type" and isinstance(fact["input"], Decimal):
        advice = "write a whole number, money in its smallest unit: 1499 for 14.99"
    return f"{key}: {fact['msg']}" if advice is None else f"{key}: {advice} ({fact['msg']})"


def _instead(loc: Sequence[int | str]) -> str:
    names = tuple(_table_at(loc[:-1]).model_fields)
    close = difflib.get_close_matches(str(loc[-1]), names, n=1)
    return f": write {close[0]!r}" if close else f" (there are: {', '.join(names)})"


def _table_at(loc: Sequence[int | str]) -> type[BaseModel]:
    """Return the table that a key belongs to."""
    table: type[BaseModel] = Catalog
    for place, part in enumerate(loc):
        if place == 0:
            table = _TABLES.get(str(part), Catalog)
        elif place > 1:
            table = _PARTS.get(str(part), table)
    return table
