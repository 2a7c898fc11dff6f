"""
Form bodies as Stripe reads them: nested keys to a tree, and the tree checked against what a method takes.

`line_items[0][price_data][currency]=eur` is an object in an array in an object. Everything arrives as text; what
comes out has numbers, booleans and arrays where the method says so.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.stripe_errors import StripeRefusal, missing
from sandbox.stripe_params import Field

NAME = re.compile(r"[^\[\]]+")
MAX_DEPTH = 8
MAX_INTEGER = 2**63 - 1
METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500
URL = re.compile(r"https?://[^\s/?#]+\S*")
MAX_TEXT_LENGTH = 5000


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """
    Return the tree that form `pairs` spell.

    Arrays (`a[]=…`, `a[0]=…`) come out as objects with the indexes as keys; `checked` turns them into lists,
    because only the method knows that an array is meant.

    Raises:
        StripeRefusal: a key that is not well-formed, nested too deep, or both a value and an object.

    """
    tree: dict[str, Any] = {}
    for key, value in pairs:
        names = _names(key)
        node = tree
        for name in names[:-1]:
            node = node.setdefault(_position(name, node), {})
            if not isinstance(node, dict):
                raise StripeRefusal(f"Invalid object: {key}", param=key)
        last = _position(names[-1], node)
        if isinstance(node.get(last), dict):
            raise StripeRefusal(f"Invalid string: {key}", param=key)
        node[last] = value
    return tree


def _names(key: str) -> list[str]:
    head, bracket, rest = key.partition("[")
    if not head or (bracket and not rest.endswith("]")):
        raise StripeRefusal(f"Invalid parameter name: {key}", param=key)
    names = [head, *(rest[:-1].split("][") if bracket else [])]
    if len(names) > MAX_DEPTH or any(name and not NAME.fullmatch(name) for name in names):
        raise StripeRefusal(f"Invalid parameter name: {key}", param=key)
    return names


def _position(name: str, node: Mapping[str, Any]) -> str:
    """Return the key to use: `[]` means the next free place."""
    return name or str(len(node))


def checked(tree: Mapping[str, Any], members: Mapping[str, Field], *, path: str = "") -> dict[str, Any]:
    """
    Return `tree` with every value in its own type.

    Raises:
        StripeRefusal: an unknown or missing parameter, or a value of the wrong kind; `param` names it.

    """
    unknown = [_spelled(path, name) for name in tree if name not in members]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        raise StripeRefusal(
            f"Received unknown parameter{plural}: {', '.join(unknown)}",
            code="parameter_unknown",
            param=unknown[0],
        )
    for name, field in members.items():
        if field.required and name not in tree:
            raise missing(_spelled(path, name))
    return {name: _value(value, members[name], _spelled(path, name)) for name, value in tree.items()}


def _spelled(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _value(value: Any, field: Field, path: str) -> Any:
    if isinstance(value, dict):
        return _branch(value, field, path)
    text = str(value)
    if text == "" and field.emptyable:
        return ""
    if field.boolean and text in ("true", "false"):
        return text == "true"
    if field.integer and re.fullmatch(r"-?[0-9]{1,19}", text) and abs(int(text)) <= MAX_INTEGER:
        return int(text)
    if text in field.choices or (field.number and _is_decimal(text)):
        return text
    if field.text:
        return _text(text, path)
    raise _mistyped(text, field, path)


def _branch(value: dict[str, Any], field: Field, path: str) -> Any:
    if field.item is not None and all(name.isdigit() for name in value):
        ordered = sorted(value, key=int)
        return [_value(value[name], field.item, f"{path}[{name}]") for name in ordered]
    if field.members is not None:
        return checked(value, field.members, path=path)
    if field.values:
        return _metadata(value, path)
    expected = "array" if field.item is not None else "string"
    raise StripeRefusal(f"Invalid {expected}", param=path)


def _is_decimal(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _text(text: str, path: str) -> str:
    if len(text) > MAX_TEXT_LENGTH:
        raise too_long(path, text, MAX_TEXT_LENGTH)
    if text == "":
        raise StripeRefusal(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty "
            "value.",
            code="parameter_invalid_empty",
            param=path,
        )
    return text


def _mistyped(text: str, field: Field, path: str) -> StripeRefusal:
    if field.integer:
        return StripeRefusal(f"Invalid integer: {text}", code="parameter_invalid_integer", param=path)
    if field.number:
        return StripeRefusal(f"Invalid decimal: {text}", param=path)
    if field.boolean:
        return StripeRefusal(f"Invalid boolean: {text}", param=path)
    if field.choices:
        return StripeRefusal(f"Invalid {path}: must be one of {_alternatives(field.choices)}", param=path)
    return StripeRefusal("Invalid array" if field.item is not None else "Invalid object", param=path)


def _alternatives(words: tuple[str, ...]) -> str:
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])}, or {words[-1]}"


def _metadata(value: Mapping[str, Any], path: str) -> dict[str, str]:
    """Return a metadata map within its limits. https://docs.stripe.com/metadata#data."""
    if len(value) > METADATA_KEYS:
        raise StripeRefusal(
            f"You can have up to {METADATA_KEYS} metadata keys, you sent {len(value)}", param=path
        )
    for key, text in value.items():
        where = f"{path}[{key}]"
        if not isinstance(text, str):
            raise StripeRefusal("Metadata values must be strings, but you passed in a hash", param=where)
        if len(key) > METADATA_KEY_LENGTH:
            raise StripeRefusal(
                f"Metadata keys can have up to {METADATA_KEY_LENGTH} characters, yours has {len(key)}: {key}",
                param=path,
            )
        if len(text) > METADATA_VALUE_LENGTH:
            raise StripeRefusal(
                f"Metadata values can have up to {METADATA_VALUE_LENGTH} characters, but you passed in a value "
                f"that is {len(text)} characters. Invalid value: {text[:100]}",
                param=where,
            )
    return dict(value)


def too_long(param: str, text: str, most: int) -> StripeRefusal:
    """Return the refusal of a text over its limit, in characters."""
    return StripeRefusal(
        f"Invalid string: {text[:20]}...; must be at most {most} characters",
        param=param,
    )


def check_url(params: Mapping[str, Any], name: str) -> None:
    """Refuse a value that is not an http or https address."""
    if name in params and not URL.fullmatch(params[name]):
        raise StripeRefusal("Not a valid URL", code="url_invalid", param=name)


def merged_metadata(old: Mapping[str, str], change: Any) -> dict[str, str]:
    """Return `old` with `change` applied: an empty value unsets a key, an empty map all of them."""
    if change == "":
        return {}
    merged = {**old, **(change or {})}
    return {key: value for key, value in merged.items() if value != ""}
