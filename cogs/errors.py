"""
What users read when something is refused or fails: the same for messages, slash commands and buttons.

Wrong arguments are explained with the command's usage; refusals of the core get their words and their ways
out; anything else is our fault, and carries an id that stands in the log too.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any

from discord import app_commands
from discord.ext import commands

from cogs import custom_ids
from cogs.actors import actor_of
from cogs.arguments import (
    MAX_UNITS,
    MIN_UNITS,
    BadAmountError,
    BadUntilError,
    BadUserError,
    BadWhenError,
    UnknownSubcommandError,
)
from cogs.replies import Button, Who, in_direct_messages, interaction_of, press, source_id, tell, user_of
from cogs.speech import Speech
from cogs.ways_out import ways_out
from quota_core.catalog import Catalog
from quota_core.errors import (
    AccountBlockedError,
    AmountError,
    CheckoutUnavailableError,
    MetricKindError,
    NotAllowedError,
    NotInPlanError,
    OutOfQuotaError,
    PreferenceError,
    UnavailableError,
    UnknownMetricError,
    UnknownOrderError,
    UnknownPackageError,
    UnknownPlanError,
)
from quota_core.moving import TransferRefusedError
from quota_core.operators import Operators
from quota_core.refunding import RefundRefusedError
from wording.card import Card
from wording.help_card import ARGUMENTS, GROUP, help_card, usage_text
from wording.refusals import Problem, argument_card, refusal_card
from wording.words import Words

log = logging.getLogger(__name__)

# Refusals that a user can meet while nothing is broken; the others are our fault.
_EXPECTED = (
    OutOfQuotaError,
    NotInPlanError,
    AccountBlockedError,
    AmountError,
    NotAllowedError,
    PreferenceError,
    CheckoutUnavailableError,
    RefundRefusedError,
    TransferRefusedError,
    MetricKindError,
    UnknownMetricError,
    UnknownOrderError,
    UnknownPackageError,
    UnknownPlanError,
    UnavailableError,
)

# The first that fits counts, so a class stands before those it derives from.
_PROBLEMS: tuple[tuple[type[Exception], Problem], ...] = (
    (BadUserError, "bad_user"),
    (BadUntilError, "bad_date"),
    (BadWhenError, "bad_when"),
    (commands.TooManyArguments, "too_many_arguments"),
    (commands.ArgumentParsingError, "bad_quotes"),
    (commands.UserInputError, "bad_argument"),
    (app_commands.TransformerError, "bad_argument"),
    (commands.NoPrivateMessage, "server_only"),
    (app_commands.NoPrivateMessage, "server_only"),
    (commands.CheckFailure, "not_allowed"),
    (app_commands.CheckFailure, "not_allowed"),
)


class Mishaps:
    """Tell users what went wrong."""

    def __init__(
        self,
        speech: Speech,
        catalog: Catalog,
        operators: Operators,
        *,
        can_sell: bool,
        prefix: str,
        clock: Callable[[], int],
    ) -> None:
        self._speech = speech
        self._catalog = catalog
        self._operators = operators
        self._can_sell = can_sell
        self._prefix = prefix
        self._clock = clock

    async def report(self, who: Who, error: Exception) -> None:
        """
        Answer with what went wrong; never raises.

        A command that does not exist stays without an answer in servers, where another bot may own it.
        """
        cause = cause_of(error)
        if isinstance(cause, commands.CommandNotFound) and not in_direct_messages(who):
            return
        try:
            words = await self._speech.words(who)
            card, buttons = self._card(who, cause, words)
            await tell(who, card, buttons)
        except Exception:
            log.exception("could not tell user %d what went wrong", user_of(who).id)

    def _card(self, who: Who, error: Exception, words: Words) -> tuple[Card, list[Button]]:
        user_id = user_of(who).id
        if isinstance(error, commands.CommandNotFound):
            return help_card(None, words, prefix=self._prefix, operator=False), []
        if isinstance(error, (commands.CommandError, app_commands.AppCommandError)):
            problem = _problem(error, self._clock())
            if problem is not None:
                name, facts = problem
                usage = "" if name == "not_allowed" else self.usage(who, words)
                return argument_card(name, words, usage=usage, **facts), []
        if isinstance(error, _EXPECTED):
            log.info("refused %d: %s", source_id(who), error)
            buttons: list[Button] = []
            if isinstance(error, OutOfQuotaError):
                buttons = ways_out(
                    self._catalog,
                    error.plan,
                    error.metric,
                    words,
                    owner_id=user_id,
                    can_sell=self._can_sell,
                )
            elif isinstance(error, NotInPlanError):
                buttons = ways_out(
                    self._catalog,
                    error.plan,
                    error.metric,
                    words,
                    owner_id=user_id,
                    can_sell=self._can_sell and error.feature is None,
                    larger=next(iter(error.plans), None),
                )
            elif isinstance(error, UnknownPackageError):
                buttons = [press(words("button.options"), custom_ids.shop(user_id))]
            card = refusal_card(
                error,
                self._catalog,
                words,
                can_sell=self._can_sell,
                operator=self._operators.allow(actor_of(who)),
            )
            return card, buttons
        error_id = secrets.token_hex(4)
        log.error("error %s in %s of user %d", error_id, _place(who), user_id, exc_info=error)
        return refusal_card(error, self._catalog, words, error_id=error_id), []

    def usage(self, who: Who, words: Words) -> str:
        """Return how the command of `who` is typed; another cog's as discord.py derives it."""
        interaction = interaction_of(who)
        command = who.command
        if command is None:
            return ""
        name = command.qualified_name
        prefix = self._prefix if interaction is None else "/"
        if name in ARGUMENTS or name == GROUP:
            return usage_text(name, words, prefix=prefix)
        signature = command.signature if isinstance(command, commands.Command) else ""
        return f"{prefix}{name} {signature}".strip()


def cause_of(error: Exception) -> Exception:
    """Return what was raised, without what discord.py wrapped around it."""
    while True:
        inner: Any = getattr(error, "original", None)
        if inner is None and isinstance(error, app_commands.TransformerError):
            inner = error.__cause__
        if not isinstance(inner, Exception):
            return error
        error = inner


def _problem(error: Exception, now_ms: int) -> tuple[Problem, dict[str, Any]] | None:
    """Return the name and facts of what a user did wrong; None when it was not the user."""
    if isinstance(error, (commands.CommandOnCooldown, app_commands.CommandOnCooldown)):
        return "cooldown", {"retry_ms": now_ms + int(error.retry_after * 1000)}
    if isinstance(error, UnknownSubcommandError):
        return "unknown_subcommand", {"choices": error.choices}
    if isinstance(error, commands.MissingRequiredArgument):
        return "missing_argument", {"argument": error.param.displayed_name or error.param.name}
    if isinstance(error, BadAmountError):
        return "bad_amount", {"given": error.text, "minimum": MIN_UNITS, "maximum": MAX_UNITS}
    for kind, problem in _PROBLEMS:
        if isinstance(error, kind):
            return problem, {"given": _given(error)} if problem.startswith("bad_") else {}
    return None


def _given(error: Exception) -> str:
    """Return what was typed, as far as the error tells."""
    for name in ("text", "argument", "value"):
        given = getattr(error, name, None)
        if isinstance(given, str) and given:
            return given
    return "…"


def _place(who: Who) -> str:
    command = who.command
    if command is not None:
        return command.qualified_name
    data: Any = None if isinstance(who, commands.Context) else who.data
    return str((data or {}).get("custom_id", "a message"))
