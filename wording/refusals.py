"""Every refusal in words: what happened, that nothing was lost, and what to do now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from quota_core import errors
from quota_core.answers import CapReachedError
from quota_core.catalog import Catalog
from quota_core.errors import NotInPlanError, OutOfQuotaError, Refill
from quota_core.moving import TransferRefusedError
from quota_core.pools import NotManagerError
from quota_core.refunding import RefundRefusedError
from wording.card import Card, Field, Tone, clipped
from wording.names import plan_name, service_name
from wording.safe import Safe, safe_name
from wording.ways_out import WITHIN_A_DAY, lasts, ways_out
from wording.words import Words

Problem = Literal[
    "missing_argument",
    "bad_argument",
    "bad_user",
    "bad_amount",
    "bad_date",
    "bad_when",
    "unknown_plan",
    "unknown_subcommand",
    "too_many_arguments",
    "bad_quotes",
    "server_only",
    "cooldown",
    "not_allowed",
    "not_your_button",
    "expired_button",
    "direct_closed",
]
MAX_LIST = 600


def refusal_card(
    error: Exception,
    catalog: Catalog,
    words: Words,
    *,
    error_id: str | None = None,
    can_sell: bool = True,
    operator: bool = False,
) -> Card:
    """
    Return the words for a refusal of the core; anything that is none is our fault, with the error id.

    Args:
        error: what was raised.
        catalog: in force.
        words: the reader's.
        error_id: what the log calls this error, shown only where it helps to find it.
        can_sell: False leaves buying out of the ways out.
        operator: then an unconfigured checkout says what to set.

    """
    if isinstance(error, OutOfQuotaError | NotInPlanError | TransferRefusedError):
        return _short(error, catalog, words, can_sell=can_sell)
    if isinstance(error, errors.CheckoutUnavailableError):
        return _checkout(error, words, error_id, operator=operator)
    if isinstance(error, errors.UnavailableError):
        return _unavailable(error, words, error_id)
    if isinstance(error, errors.AmountError):
        return argument_card(
            "bad_amount",
            words,
            usage="",
            minimum=error.minimum,
            maximum=error.maximum,
            given=str(error.amount),
        )
    if isinstance(error, errors.UnknownPlanError):
        return argument_card("unknown_plan", words, usage="", given=error.plan, plans=error.plans)
    return _other(error, words, error_id, operator=operator)


def argument_card(problem: Problem, words: Words, *, usage: str, **facts: str | int | Sequence[str]) -> Card:
    """
    Return what is wrong with what was typed or pressed, and how it is right.

    Args:
        problem: which.
        words: the reader's.
        usage: `usage_text` of the command, empty for none.
        facts: `argument` (an option's name: `user`, `amount`, …) for missing_argument; `given`, as typed, for bad_*
            and unknown_plan; `minimum` and `maximum` for bad_amount; `plans` (ids) for unknown_plan; `choices` for
            unknown_subcommand; `retry_ms` (UTC milliseconds) for cooldown; `command` (`/quota`) for the buttons
            and direct_closed. Foreign text is made harmless here.

    """
    told = {name: _fact(name, fact, words) for name, fact in facts.items()}
    if "retry_ms" in told:
        told["retry"] = told.pop("retry_ms")
    fields = (Field(words("problem.usage"), f"`{usage}`"),) if usage else ()
    tone = Tone.BAD if problem == "not_allowed" else Tone.WARNING
    return Card(words(f"problem.{problem}"), words(f"problem.{problem}_line", **told), fields, tone=tone)


def _fact(name: str, fact: str | int | Sequence[str], words: Words) -> str | int:
    if name == "retry_ms" and isinstance(fact, int):
        return words.relative(fact)
    if name == "argument" and words.has(f"argument.{fact}"):
        return words(f"argument.{fact}")
    if name == "command" and isinstance(fact, str):
        return Safe(fact.replace("`", ""))  # ours, and shown between backticks
    if isinstance(fact, str | int):
        return fact
    return Safe(clipped(", ".join(f"**{safe_name(part)}**" for part in fact), MAX_LIST))


def _short(
    error: OutOfQuotaError | NotInPlanError | TransferRefusedError,
    catalog: Catalog,
    words: Words,
    *,
    can_sell: bool,
) -> Card:
    if isinstance(error, TransferRefusedError):
        left = words.units(error.units_left, catalog, error.metric) if error.metric else ""
        line = words(f"refusal.share_{error.reason}_line", left=left)
        return Card(words("refusal.share"), line, tone=Tone.WARNING)
    if isinstance(error, NotInPlanError):
        return _not_in_plan(error, catalog, words, can_sell=can_sell)
    lines: list[str] = [
        words(
            "refusal.out_line",
            asked=words.units(error.units_asked, catalog, error.metric),
            left=words.units(error.units_left, catalog, error.metric),
        )
    ]
    if error.refills:
        lines += [_refill(refill, words) for refill in error.refills]
    else:
        plan = plan_name(error.plan, catalog, words)
        lines.append(words("refusal.out_none", plan=plan, metric=words.unit_name(2, catalog, error.metric)))
    if isinstance(error, CapReachedError):
        lines.append(words("refusal.out_cap"))
    ways = ways_out(error.metric, error.plan, catalog, words, reset_ms=error.retry_ms, can_sell=can_sell)
    return Card(words("refusal.out"), "\n".join(lines) + "\n\n" + ways, tone=Tone.BAD)


def _not_in_plan(error: NotInPlanError, catalog: Catalog, words: Words, *, can_sell: bool) -> Card:
    lines = [
        words(
            "refusal.not_in_plan_line",
            plan=plan_name(error.plan, catalog, words),
            what=service_name(error.name, catalog, words),
        )
    ]
    if error.plans:
        having = Safe(", ".join(f"**{plan_name(plan, catalog, words)}**" for plan in error.plans))
        lines.append(words("refusal.not_in_plan_plans", plans=having))
    if can_sell and error.feature is None and catalog.sells(error.metric):
        lines.append(words("way.buy" if lasts(error.metric, catalog) else "way.buy_period"))
    return Card(words("refusal.not_in_plan"), "\n".join(lines), tone=Tone.WARNING)


def _refill(refill: Refill, words: Words) -> str:
    window = words(f"window.{refill.kind}")
    if refill.limit is None:
        return f"• {window}: {words('quota.unlimited', used=refill.used)}"
    if refill.resets_ms is None:
        return words("refusal.out_level", window=window, used=refill.used, limit=refill.limit)
    return words(
        "refusal.out_resets",
        window=window,
        used=refill.used,
        limit=refill.limit,
        when=words.relative(refill.resets_ms),
        clock=(words.clock if refill.kind in WITHIN_A_DAY else words.moment)(refill.resets_ms),
    )


def _checkout(
    error: errors.CheckoutUnavailableError, words: Words, error_id: str | None, *, operator: bool
) -> Card:
    if error.configured:
        return _card("checkout", words, error_id, Tone.WARNING)
    lines = [words("refusal.unconfigured_line")]
    if operator:
        lines.append(words("shop.off_operator"))
    return Card(words("refusal.unconfigured"), "\n".join(lines), tone=Tone.WARNING)


def _unavailable(error: errors.UnavailableError, words: Words, error_id: str | None) -> Card:
    if isinstance(error, errors.HaltedError):
        return _card("halted", words, error_id, Tone.WARNING)
    line = words("refusal.unavailable_line", n=error.retry_seconds)
    return Card(words("refusal.unavailable"), line, tone=Tone.WARNING)


def _other(error: Exception, words: Words, error_id: str | None, *, operator: bool) -> Card:
    if isinstance(error, NotManagerError):
        return Card(words("problem.not_allowed"), words("problem.not_manager_line"), tone=Tone.BAD)
    if isinstance(error, errors.NotAllowedError):
        return argument_card("not_allowed", words, usage="")
    if isinstance(error, errors.AccountBlockedError):
        return _card("blocked", words, None, Tone.BAD)
    told = _told(error, words)
    if told is not None:
        return told
    what = _nowhere(error)
    if what is None:
        return _card("fault", words, error_id, Tone.BAD)
    kind, name = what
    # An operator looks for somebody else's order.
    line = f"refusal.{kind}{'_operator' if operator and kind == 'unknown_order' else ''}_line"
    return Card(words(f"refusal.{kind}"), words(line, what=name), tone=Tone.WARNING)


def _nowhere(error: Exception) -> tuple[str, str] | None:
    """Return what was asked for and does not exist: the refusal's name, and its own."""
    match error:
        case errors.UnknownPackageError():
            return "not_sold", error.package
        case errors.UnknownMetricError():
            return "unknown_metric", error.metric
        case errors.MetricKindError():
            return f"no_{error.kind}", error.metric
        case errors.UnknownServiceError():
            return "unknown_service", error.service
        case errors.UnknownOrderError():
            return "unknown_order", error.order
    return None


def _told(error: Exception, words: Words) -> Card | None:
    """Return the words for a refusal that has a sentence for each of its reasons."""
    if isinstance(error, errors.PreferenceError):
        line = words(f"refusal.preference_{error.what}_line", given=error.given)
        return Card(words("refusal.preference"), line, tone=Tone.WARNING)
    if isinstance(error, errors.ErasureRefusedError):
        line = words(f"refusal.erasure_{error.reason}")
        return Card(words("refusal.erasure"), line, tone=Tone.WARNING)
    if isinstance(error, RefundRefusedError):
        line = words(f"refusal.refund_{error.reason}_line")
        return Card(words("refusal.refund"), line, tone=Tone.WARNING)
    return None


def _card(kind: str, words: Words, error_id: str | None, tone: Tone) -> Card:
    footer = "" if error_id is None else words("refusal.error_id", error_id=Safe(error_id))
    return Card(words(f"refusal.{kind}"), words(f"refusal.{kind}_line"), footer=footer, tone=tone)
