"""
Which parameters a method takes, read from the official library's own types.

The library's `…Params` types are generated from Stripe's API description at the version it pins, names, nesting,
required keys and enumerations included. Reading them keeps the sandbox as strict as that version.
"""

import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

import stripe

# Options of the library's call, which its older parameter types list beside what is sent.
CALL_OPTIONS = frozenset(stripe.RequestOptions.__annotations__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """
    What one parameter may hold; a value fits when any of the forms named here fits.

    Attributes:
        required: whether its object is refused without it.
        emptyable: whether an empty string, which unsets a value, is accepted.
        text: any string.
        choices: the only strings accepted, unless `text`.
        integer: a whole number.
        number: a decimal number.
        boolean: `true` or `false`.
        members: the parameters of an object, by name.
        values: a map of the caller's own names to strings (`metadata`).
        item: what each item of an array holds.

    """

    required: bool = False
    emptyable: bool = False
    text: bool = False
    choices: tuple[str, ...] = ()
    integer: bool = False
    number: bool = False
    boolean: bool = False
    members: Mapping[str, "Field"] | None = None
    values: bool = False
    item: "Field | None" = None


@dataclass(slots=True)
class _Forms:
    """The forms met so far while a type is read."""

    forms: dict[str, Any] = field(default_factory=dict)

    def read(self, hint: Any) -> None:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            for one in arguments:
                self.read(one)
        elif origin is typing.Literal:
            words = tuple(word for word in arguments if word)
            self.forms["emptyable"] = self.forms.get("emptyable", False) or "" in arguments
            self.forms["choices"] = self.forms.get("choices", ()) + words
        elif origin is list:
            self.forms["item"] = _field(arguments[0])
        elif origin is dict or origin is Mapping:
            self.forms["values"] = True
        elif hasattr(hint, "__required_keys__"):
            # `typing.is_typeddict` does not know the class that older Pythons take from typing_extensions.
            self.forms["members"] = members_of(hint)
        elif name := {str: "text", int: "integer", bool: "boolean", Decimal: "number", float: "number"}.get(
            hint
        ):
            self.forms[name] = True

    def field(self, *, required: bool) -> Field:
        forms = dict(self.forms)
        if forms.get("choices"):
            # Every enumeration of the library also admits `str`, for values newer than the library.
            forms.pop("text", None)
        if forms.get("values"):
            forms.pop("text", None)
        return Field(required=required, **forms)


def _field(hint: Any, *, required: bool = False) -> Field:
    while typing.get_origin(hint) in (typing.NotRequired, typing.Required):
        hint = typing.get_args(hint)[0]
    forms = _Forms()
    forms.read(hint)
    return forms.field(required=required)


@cache
def members_of(params: Any) -> Mapping[str, Field]:
    """Return the parameters that `params`, one of the library's `…Params` types, describes."""
    # The library imports these names for type checkers only; they occur in the call options alone.
    hints = typing.get_type_hints(
        params,
        vars(sys.modules[params.__module__]),
        {"StripeContext": object, "Mapping": Mapping},
        include_extras=True,
    )
    required: frozenset[str] = params.__required_keys__
    return {
        name: _field(hint, required=name in required)
        for name, hint in hints.items()
        if name not in CALL_OPTIONS
    }
