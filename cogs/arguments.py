"""
What people type as arguments, checked strictly.

discord.py's own converters take more than is safe where units are made: names that two people share, Arabic
digits, underscores, negative and endless numbers.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import discord
from discord import app_commands
from discord.ext import commands

MIN_UNITS = 1
MAX_UNITS = 1_000_000_000
MAX_DAYS = 3650
_DAY_MS = 86_400_000
_AT_PERIOD_END = re.compile(
    r"\b(at (the )?period[ _]end|period_end|at the end of the period|[àa] la fin de la p[ée]riode)\b",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"(until\b|jusqu['\u2019](au|[àa])(?!\w))\s*", re.IGNORECASE)
_MENTION = re.compile(r"<@!?([1-9][0-9]{14,19})>|([1-9][0-9]{14,19})")


class BadUserError(commands.BadArgument):
    """What stands where a user should be; `text` is what was typed."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} is no mention and no id of a user")


class BadAmountError(commands.BadArgument):
    """What stands where an amount should be; `text` is what was typed."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} is no amount from {MIN_UNITS} to {MAX_UNITS}")


class BadUntilError(commands.BadArgument):
    """What stands where a date should be; `text` is what was typed."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} is no day to come, and no number of days such as 30d")


class BadWhenError(commands.BadArgument):
    """What stands where the time of a plan should be; `text` is what was typed."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} says neither until when nor from when")


class UnknownSubcommandError(commands.BadArgument):
    """A group was asked for something it does not have; `choices` are what it has."""

    def __init__(self, text: str, choices: tuple[str, ...]) -> None:
        self.text = text
        self.choices = choices
        super().__init__(f"no sub-command {text!r}; there are {', '.join(choices)}")


class OperatorsOnlyError(commands.CheckFailure):
    """Somebody who is no operator asked for what only operators may do."""


class Person(commands.Converter[discord.abc.User], app_commands.Transformer):
    """A user by mention or id, never by a name; in slash form Discord's own choice of users."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """What Discord's client offers for it."""
        return discord.AppCommandOptionType.user

    async def transform(self, _interaction: discord.Interaction[Any], value: Any, /) -> Any:
        """Return the user that Discord resolved."""
        return value

    async def convert(self, context: commands.Context[Any], argument: str) -> discord.abc.User:
        """
        Return the user that `argument` names.

        Raises:
            BadUserError: it is no mention or id, or nobody has this id.

        """
        found = _MENTION.fullmatch(argument)
        if found is None:
            raise BadUserError(argument)
        user_id = int(found[1] or found[2])
        mentioned = discord.utils.get(context.message.mentions, id=user_id)
        known: discord.abc.User | None = mentioned or context.bot.get_user(user_id)
        if known is not None:
            return known
        try:
            fetched: discord.User = await context.bot.fetch_user(user_id)
        except discord.NotFound as error:
            raise BadUserError(argument) from error
        return fetched


class RoleOrPerson(commands.Converter[Any], app_commands.Transformer):
    """A role, or in prefix form a person by mention or id; in slash form Discord's own choice of roles."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """What Discord's client offers for it."""
        return discord.AppCommandOptionType.role

    async def transform(self, _interaction: discord.Interaction[Any], value: Any, /) -> Any:
        """Return the role that Discord resolved."""
        return value

    async def convert(self, context: commands.Context[Any], argument: str) -> discord.Role | discord.abc.User:
        """Return who is meant; RoleNotFound or BadUserError when nobody is."""
        try:
            return await commands.RoleConverter().convert(context, argument)
        except commands.RoleNotFound:
            if _MENTION.fullmatch(argument) is None:
                raise
        return await Person().convert(context, argument)


class Amount(commands.Converter[int], app_commands.Transformer):
    """Units from 1 to 1 000 000 000, written with the digits 0 to 9 alone."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """What Discord's client offers for it."""
        return discord.AppCommandOptionType.integer

    @property
    def min_value(self) -> int:
        """The smallest that Discord's client lets through."""
        return MIN_UNITS

    @property
    def max_value(self) -> int:
        """The largest that Discord's client lets through."""
        return MAX_UNITS

    async def transform(self, _interaction: discord.Interaction[Any], value: Any, /) -> int:
        """Return the number, checked again: a client may be modified."""
        return amount_in(str(value))

    async def convert(self, _context: commands.Context[Any], argument: str) -> int:
        """Return the number; BadAmountError when it is none."""
        return amount_in(argument)


def amount_in(text: str) -> int:
    """Return the amount that `text` spells; BadAmountError unless it is 1 to 1 000 000 000 in plain digits."""
    if re.fullmatch(r"[0-9]{1,10}", text) is None or not MIN_UNITS <= int(text) <= MAX_UNITS:
        raise BadAmountError(text)
    return int(text)


def until_in(text: str, *, now_ms: int, zone: ZoneInfo) -> int:
    """
    Return the moment until which something holds (UTC milliseconds).

    `30d` is thirty times 24 hours from now, 1 to 3650; `2026-12-31` is the end of that day in the catalog's zone.

    Raises:
        BadUntilError: neither, or a day that is over, or more than 3650 days away.

    """
    days = re.fullmatch(r"([0-9]{1,4})d", text)
    if days is not None:
        end_ms = now_ms + int(days[1]) * _DAY_MS
    elif re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is not None:
        try:
            after = date.fromisoformat(text) + timedelta(days=1)
        except (ValueError, OverflowError) as error:
            raise BadUntilError(text) from error
        end_ms = int(datetime(after.year, after.month, after.day, tzinfo=zone).timestamp()) * 1000
    else:
        raise BadUntilError(text)
    if not now_ms < end_ms <= now_ms + (MAX_DAYS + 1) * _DAY_MS:
        raise BadUntilError(text)
    return end_ms


def plan_time_in(text: str, *, now_ms: int, zone: ZoneInfo) -> tuple[bool, int | None]:
    """
    Return whether a plan waits for the end of the period, and until when it holds (UTC milliseconds).

    `at period end`, `30d`, `until 2026-12-31` and both together, in English and French; empty is at once, and
    None for good.

    Raises:
        BadUntilError: what stands for the day is none.
        BadWhenError: there is more than that.

    """
    rest = " ".join(text.split())
    waits = _AT_PERIOD_END.search(rest)
    if waits is not None:
        rest = (rest[: waits.start()] + rest[waits.end() :]).strip()
    until = _UNTIL.match(rest)
    rest = rest if until is None else rest[until.end() :]
    if " " in rest or (until is None and rest and re.match(r"[0-9]", rest) is None):
        raise BadWhenError(text)
    if not rest:
        if until is not None:
            raise BadUntilError(text)
        return waits is not None, None
    return waits is not None, until_in(rest, now_ms=now_ms, zone=zone)


def split_until(reason: str, until: str | None) -> tuple[str | None, str]:
    """Return the end of a gift and its reason, where both are typed: `until 2026-12-31 sorry for the outage`."""
    found = None if until else _UNTIL.match(reason)
    if found is None:
        return until or None, reason
    end, _, rest = reason[found.end() :].strip().partition(" ")
    return end, rest.strip()
