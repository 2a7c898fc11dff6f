"""
Single fields of a form, checked as Discord checks them.

Each function looks at `form[key]`, notes what is wrong in `problems` under the path of that key, and
returns the value when it may be used, or None when it is absent or wrong.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.discord_errors import Path, Problems

Form = Mapping[str, Any]
MAX_SNOWFLAKE = (1 << 63) - 1


def _missing(problems: Problems, form: Form, key: str, path: Path, *, required: bool) -> bool:
    if form.get(key) is not None:
        return False
    if required:
        problems.add((*path, key), "BASE_TYPE_REQUIRED", "This field is required")
    return True


def text(
    problems: Problems,
    form: Form,
    key: str,
    path: Path = (),
    *,
    low: int = 0,
    high: int,
    required: bool = False,
) -> str | None:
    """Return the string of `low` to `high` characters."""
    if _missing(problems, form, key, path, required=required):
        return None
    value = form[key]
    if not isinstance(value, str):
        problems.add((*path, key), "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
        return None
    if low and not low <= len(value) <= high:
        problems.add((*path, key), "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        return None
    if len(value) > high:
        problems.add((*path, key), "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
        return None
    return value


def integer(
    problems: Problems,
    form: Form,
    key: str,
    path: Path = (),
    *,
    low: int,
    high: int,
    required: bool = False,
) -> int | None:
    """Return the whole number from `low` to `high`."""
    if _missing(problems, form, key, path, required=required):
        return None
    return whole(problems, form[key], (*path, key), low=low, high=high)


def whole(problems: Problems, value: Any, path: Path, *, low: int, high: int) -> int | None:
    """Return `value`, which is at `path`, when it is a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int):
        problems.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        return None
    if value < low:
        problems.add(path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {low}.")
        return None
    if value > high:
        problems.add(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {high}.")
        return None
    return value


def choice(
    problems: Problems,
    form: Form,
    key: str,
    path: Path = (),
    *,
    among: Collection[int],
    required: bool = False,
) -> int | None:
    """Return the whole number, one of `among`."""
    if _missing(problems, form, key, path, required=required):
        return None
    value = form[key]
    if isinstance(value, bool) or not isinstance(value, int) or value not in among:
        listed = ", ".join(str(one) for one in sorted(among))
        problems.add((*path, key), "BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")
        return None
    return value


def boolean(problems: Problems, form: Form, key: str, path: Path = ()) -> bool:
    """Return the boolean; absent counts as false."""
    value = form.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        problems.add((*path, key), "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return False
    return value


def array(
    problems: Problems,
    form: Form,
    key: str,
    path: Path = (),
    *,
    high: int,
    low: int = 0,
    required: bool = False,
) -> list[Any] | None:
    """Return the list of `low` to `high` items."""
    if _missing(problems, form, key, path, required=required):
        return None
    value = form[key]
    if not isinstance(value, list):
        problems.add((*path, key), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return None
    if low and not low <= len(value) <= high:
        problems.add((*path, key), "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        return None
    if len(value) > high:
        problems.add((*path, key), "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
        return None
    return value


def mapping(problems: Problems, value: Any, path: Path) -> dict[str, Any] | None:
    """Return `value` when it is an object."""
    if isinstance(value, dict):
        return value
    problems.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
    return None


def url(
    problems: Problems,
    form: Form,
    key: str,
    path: Path = (),
    *,
    high: int = 2048,
    schemes: tuple[str, ...] = ("http", "https"),
    required: bool = False,
) -> str | None:
    """Return the address, of one of `schemes`."""
    value = text(problems, form, key, path, low=1, high=high, required=required)
    if value is None:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme and parts.scheme not in schemes:
        message = f'Scheme "{parts.scheme}" must be one of {schemes}.'
        problems.add((*path, key), "URL_TYPE_INVALID_SCHEME", message)
        return None
    if not parts.scheme or not (parts.netloc or parts.path):
        problems.add((*path, key), "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        return None
    return value


def snowflake(
    problems: Problems, form: Form, key: str, path: Path = (), *, required: bool = False
) -> int | None:
    """Return the id, given as a string of digits or a whole number."""
    if _missing(problems, form, key, path, required=required):
        return None
    found = as_id(form[key])
    if found is None:
        problems.add((*path, key), "NUMBER_TYPE_COERCE", f'Value "{form[key]}" is not snowflake.')
    return found


def as_id(value: Any) -> int | None:
    """Return `value` as an id, or None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,19}", value):
        return None
    return int(value) if 0 <= int(value) <= MAX_SNOWFLAKE else None
