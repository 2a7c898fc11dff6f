"""
What Discord accepts as an application command.

https://discord.com/developers/docs/interactions/application-commands
"""

import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from sandbox import discord_fields as fields
from sandbox.discord_errors import Path, Problems
from sandbox.places import LOCALES

Json = dict[str, Any]
MAX_COMMANDS = 100
MAX_OPTIONS = 25
MAX_CHARACTERS = 8000
# Discord's pattern also takes letters of Devanagari and Thai with their marks, which \w does not.
NAME = re.compile(r"[-_'\w\u0900-\u097f\u0e00-\u0e7f]{1,32}")


class CommandType(IntEnum):
    """The kinds of command."""

    SLASH = 1
    USER = 2
    MESSAGE = 3


class OptionType(IntEnum):
    """The kinds of option."""

    SUBCOMMAND = 1
    GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


NESTING = {OptionType.SUBCOMMAND, OptionType.GROUP}
WITH_CHOICES = {OptionType.STRING, OptionType.INTEGER, OptionType.NUMBER}


def check(problems: Problems, command: Json, path: Path = ()) -> None:
    """Note what is wrong with one command."""
    kind = fields.choice(problems, command, "type", path, among={1, 2, 3}) or CommandType.SLASH
    slash = kind == CommandType.SLASH
    _check_name(problems, command, path, slash=slash)
    if slash:
        fields.text(problems, command, "description", path, low=1, high=100, required=True)
        _check_localizations(problems, command, "description_localizations", path, slash=False, high=100)
    elif command.get("description"):
        message = "Context menu commands cannot have description"
        problems.add((*path, "description"), "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION", message)
    _check_options(problems, command, path, depth=0)
    _check_permissions(problems, command, path)
    for key, high in (("contexts", 2), ("integration_types", 1)):
        values = fields.array(problems, command, key, path, high=high + 1) or []
        for index, value in enumerate(values):
            fields.whole(problems, value, (*path, key, index), low=0, high=high)
    if _characters(command) > MAX_CHARACTERS:
        message = f"Command exceeds maximum size ({MAX_CHARACTERS})"
        problems.add(path, "APPLICATION_COMMAND_TOO_LARGE", message)


def check_unique(problems: Problems, commands: Sequence[Json]) -> None:
    """Note names, translated ones included, that two commands of one kind share."""
    seen: set[tuple[int, str]] = set()
    for index, command in enumerate(commands):
        for name in {command.get("name"), *(command.get("name_localizations") or {}).values()}:
            key = (command.get("type") or CommandType.SLASH, str(name))
            if key in seen:
                message = "Application command names must be unique"
                problems.add((index,), "APPLICATION_COMMANDS_DUPLICATE_NAME", message)
            seen.add(key)


def _check_name(problems: Problems, holder: Json, path: Path, *, slash: bool) -> None:
    name = fields.text(problems, holder, "name", path, low=1, high=32, required=True)
    _check_pattern(problems, name, (*path, "name"), slash=slash)
    _check_localizations(problems, holder, "name_localizations", path, slash=slash, high=32)


def _check_pattern(problems: Problems, name: str | None, path: Path, *, slash: bool) -> None:
    if name is None or not slash:
        return
    if not NAME.fullmatch(name):
        message = "String value did not match validation regex."
        problems.add(path, "STRING_TYPE_REGEX", message)
    elif name != name.lower():
        problems.add(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _check_localizations(
    problems: Problems, holder: Json, key: str, path: Path, *, slash: bool, high: int
) -> None:
    if holder.get(key) is None:
        return
    texts = fields.mapping(problems, holder[key], (*path, key)) or {}
    for locale in texts:
        if locale not in LOCALES:
            message = f"Value must be one of {tuple(sorted(LOCALES))}."
            problems.add((*path, key, locale), "BASE_TYPE_CHOICES", message)
            continue
        text = fields.text(problems, texts, locale, (*path, key), low=1, high=high)
        _check_pattern(problems, text, (*path, key, locale), slash=slash)


def _check_permissions(problems: Problems, command: Json, path: Path) -> None:
    held = command.get("default_member_permissions")
    if held is not None and fields.as_id(held) is None:
        message = f'Value "{held}" is not int.'
        problems.add((*path, "default_member_permissions"), "NUMBER_TYPE_COERCE", message)


def _check_options(problems: Problems, holder: Json, path: Path, *, depth: int) -> None:
    """Check the options of a command (depth 0), a group (1) or a sub-command (2)."""
    options = fields.array(problems, holder, "options", path, high=MAX_OPTIONS) or []
    names: set[str] = set()
    optional_seen = False
    for index, value in enumerate(options):
        option_path = (*path, "options", index)
        option = fields.mapping(problems, value, option_path)
        if option is None:
            continue
        _check_option(problems, option, option_path, depth=depth)
        if option.get("required") and optional_seen:
            message = "Required options must be placed before non-required options"
            problems.add(option_path, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional_seen = optional_seen or not option.get("required")
        if str(option.get("name")) in names:
            message = "Option name already used"
            problems.add((*option_path, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", message)
        names.add(str(option.get("name")))
    kinds = {isinstance(one, dict) and one.get("type") in (1, 2) for one in options}
    if len(kinds) > 1:
        message = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        problems.add((*path, "options"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)


def _check_option(problems: Problems, option: Json, path: Path, *, depth: int) -> None:
    kind = fields.choice(problems, option, "type", path, among=set(range(1, 12)), required=True)
    _check_name(problems, option, path, slash=True)
    fields.text(problems, option, "description", path, low=1, high=100, required=True)
    _check_localizations(problems, option, "description_localizations", path, slash=False, high=100)
    fields.boolean(problems, option, "required", path)
    too_deep = 1 if kind == OptionType.GROUP else 2
    if kind in NESTING and depth >= too_deep:
        message = "Sub-commands cannot be nested this deep"
        problems.add((*path, "type"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    elif kind in NESTING:
        _check_options(problems, option, path, depth=1 if kind == OptionType.GROUP else 2)
    elif kind is not None:
        _check_value_rules(problems, option, path, kind)


def _check_value_rules(problems: Problems, option: Json, path: Path, kind: int) -> None:
    """Check the bounds and choices of an option that takes a value."""
    fields.integer(problems, option, "min_length", path, low=0, high=6000)
    fields.integer(problems, option, "max_length", path, low=1, high=6000)
    for key in ("min_value", "max_value"):
        value = option.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            problems.add((*path, key), "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
    choices = fields.array(problems, option, "choices", path, high=25) or []
    if choices and kind not in WITH_CHOICES:
        message = "Choices are only for strings and numbers"
        problems.add((*path, "choices"), "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", message)
    if choices and option.get("autocomplete"):
        message = "Choices and autocomplete exclude each other"
        problems.add((*path, "choices"), "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES_EXCLUSIVE", message)
    for index, value in enumerate(choices):
        choice_path = (*path, "choices", index)
        choice = fields.mapping(problems, value, choice_path)
        if choice is None:
            continue
        fields.text(problems, choice, "name", choice_path, low=1, high=100, required=True)
        if choice.get("value") is None:
            problems.add((*choice_path, "value"), "BASE_TYPE_REQUIRED", "This field is required")


def _characters(holder: Json) -> int:
    """Return what counts towards a command's size, of each text its longest translation."""
    total = 0
    for key in ("name", "description"):
        translations = holder.get(f"{key}_localizations")
        texts = [holder.get(key), *(translations.values() if isinstance(translations, dict) else ())]
        total += max((len(text) for text in texts if isinstance(text, str)), default=0)
    total += len(str(holder.get("value", "")))
    for key in ("options", "choices"):
        children = holder.get(key)
        nested = children if isinstance(children, list) else []
        total += sum(_characters(child) for child in nested if isinstance(child, dict))
    return total
