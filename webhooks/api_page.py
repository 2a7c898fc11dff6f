"""The description of the API as one self-contained page: no script, nothing from elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --ground: #f2f3f5; --card: #fff; --text: #1e1f22; --quiet: #5c5f66;
  --mark: #4752c4; --line: #dcdee3; --code: #eceef2 }
@media (prefers-color-scheme: dark) {
  :root { --ground: #1e1f22; --card: #2b2d31; --text: #f2f3f5; --quiet: #b5bac1; --mark: #949cf7;
    --line: #44474f; --code: #1e1f22 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.55 system-ui, sans-serif }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 4rem }
h1 { margin: 0 0 .5rem } h2 { margin: 2.5rem 0 .75rem } h3 { margin: 0; font-size: 1rem; font-weight: 500 }
nav ul { columns: 16rem; column-gap: 2.5rem; padding-left: 1.2rem; margin: .25rem 0 }
a { color: var(--mark) }
code { padding: .1em .35em; border-radius: .3em; background: var(--code); overflow-wrap: anywhere;
  font: .9em ui-monospace, monospace }
details { margin: .5rem 0; border: 1px solid var(--line); border-radius: .6rem; background: var(--card) }
summary { padding: .7rem 1rem; cursor: pointer }
summary b { display: inline-block; min-width: 3.6rem; color: var(--mark); font-family: ui-monospace, monospace }
summary span { color: var(--quiet) }
details > div { padding: 0 1rem 1rem; overflow-x: auto }
table { width: 100%; border-collapse: collapse; margin: .4rem 0 1rem }
th, td { padding: .35rem .6rem .35rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top }
th { color: var(--quiet); font-weight: 500 }
td:first-child code { white-space: nowrap }
p.quiet, td.quiet { color: var(--quiet) }
"""
_FORMATS = ("maxLength", "minLength", "minimum", "maximum", "pattern", "maxItems")


def page_of(document: Mapping[str, Any]) -> tuple[str, str]:
    """Return the page that shows an OpenAPI document, and its style, which the policy must allow."""
    info = document["info"]
    families = [tag["name"] for tag in document["tags"]]
    rows = list(_operations(document))
    others = _other_names(rows)
    sections = "".join(
        f'<h2 id="{escape(family)}">{escape(family)}</h2>'
        + "".join(
            _operation(document, *row, others=others[row[2]["operationId"]])
            for row in rows
            if row[2]["tags"] == [family] and _is_first(row[2])
        )
        for family in families
    )
    links = "".join(
        f'<li><a href="#{escape(row[2]["operationId"])}">{escape(row[2]["summary"])}</a></li>'
        for row in rows
        if _is_first(row[2])
    )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(info['title'])} API</h1>{_prose(info['description'])}"
        f'<p>For machines: <a href="/api/openapi.json"><code>/api/openapi.json</code></a> '
        f"(OpenAPI {escape(document['openapi'])}).</p><nav><ul>{links}</ul></nav>{sections}</main></body></html>"
    )
    return text, _STYLE


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _is_first(operation: Mapping[str, Any]) -> bool:
    """Tell whether an operation stands under its first name; the others end in `__1`, `__2`, …."""
    return "__" not in operation["operationId"]


def _other_names(rows: Iterable[tuple[str, str, Mapping[str, Any]]]) -> Mapping[str, list[str]]:
    """Return the other paths of each operation, by its id."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for _, path, operation in rows:
        if not _is_first(operation):
            found[operation["operationId"].partition("__")[0]].append(path)
    return found


def _operation(
    document: Mapping[str, Any],
    method: str,
    path: str,
    operation: Mapping[str, Any],
    *,
    others: Sequence[str],
) -> str:
    parts = [_prose(operation["description"])] if "description" in operation else []
    if others:
        names = ", ".join(f"<code>{escape(other)}</code>" for other in others)
        parts.append(f'<p class="quiet">Also at {names}.</p>')
    if operation["parameters"]:
        parts.append("<h3>Parameters</h3>" + _parameters(document, operation["parameters"]))
    if "requestBody" in operation:
        parts.append("<h3>Body</h3>" + _model(document, operation["requestBody"], required="required"))
    # An answer has all its members always.
    parts.append("<h3>Answer (200)</h3>" + _model(document, operation["responses"]["200"], required=""))
    named = ", ".join(
        f"{status} {escape(answer['description'])}"
        for status, answer in operation["responses"].items()
        if status != "200"
    )
    parts.append(f'<p class="quiet">Else: {named}.</p>')
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><b>{method}</b> '
        f"<code>{escape(path)}</code> <span>{escape(operation['summary'])}</span></summary>"
        f"<div>{''.join(parts)}</div></details>"
    )


def _parameters(document: Mapping[str, Any], parameters: list[Mapping[str, Any]]) -> str:
    return _table(
        (
            f"<code>{escape(one['name'])}</code>",
            escape(f"{one['in']}, required" if one["required"] else one["in"]),
            _kind(document, one["schema"]),
        )
        for one in parameters
    )


def _model(document: Mapping[str, Any], holder: Mapping[str, Any], *, required: str) -> str:
    schema = _resolved(document, holder["content"]["application/json"]["schema"])
    always = schema.get("required", ())
    note = _prose(schema["description"], kind="quiet") if "description" in schema else ""
    return note + _table(
        (
            f"<code>{escape(name)}</code>",
            required if name in always else "",
            _kind(document, facts),
        )
        for name, facts in schema.get("properties", {}).items()
    )


def _kind(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return the type of a member in a few words."""
    if "anyOf" in schema:
        return " or ".join(_kind(document, one) for one in schema["anyOf"])
    if "$ref" in schema:
        found = _resolved(document, schema)
        inner = ", ".join(f"<code>{escape(name)}</code>" for name in found.get("properties", {}))
        return f"object: {inner}" if inner else escape(_bounded(found))
    if schema.get("type") == "array":
        return f"list of {_kind(document, schema.get('items', {}))}"
    if "additionalProperties" in schema and schema["additionalProperties"] is not True:
        return f"object of {_kind(document, schema['additionalProperties'])}"
    return escape(_bounded(schema))


def _bounded(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    bounds = [f"{name} {schema[name]}" for name in _FORMATS if name in schema]
    return ", ".join([str(schema.get("type", "anything")), *bounds])


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _prose(text: str, *, kind: str = "") -> str:
    """Return text as a paragraph, in which `marks` are code."""
    pieces = escape(" ".join(text.split())).split("`")
    return (
        (f'<p class="{kind}">' if kind else "<p>")
        + "".join(f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))
        + "</p>"
    )


def _table(rows: Iterator[tuple[str, str, str]]) -> str:
    cells = "".join(
        f'<tr><td>{name}</td><td class="quiet">{note}</td><td>{kind}</td></tr>' for name, note, kind in rows
    )
    return f"<table>{cells}</table>"
