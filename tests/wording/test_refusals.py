"""Every refusal in words."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from quota_core import errors
from quota_core.catalog import Catalog
from quota_core.errors import OutOfQuotaError, QuotaError, Refill
from tests.wording.facts import RESET_MS, drawn
from wording.help_card import usage_text
from wording.refusals import Problem, argument_card, refusal_card
from wording.words import Words

FACTS: dict[str, dict[str, Any]] = {
    "missing_argument": {"argument": "user"},
    "bad_argument": {"given": "x"},
    "bad_user": {"given": "x"},
    "bad_amount": {"minimum": 1, "maximum": 10**9},
    "bad_date": {"given": "x"},
    "bad_when": {"given": "x"},
    "unknown_plan": {"given": "x", "plans": ("free", "pro")},
    "unknown_subcommand": {"choices": ("add", "remove")},
    "cooldown": {"retry_ms": RESET_MS},
    "not_your_button": {"command": "/quota"},
    "expired_button": {"command": "/quota"},
    "direct_closed": {"command": "/quota"},
}


def _out(**more: Any) -> OutOfQuotaError:
    refill = Refill(kind="day", limit=50, used=50, resets_ms=RESET_MS)
    values = {
        "metric": "requests",
        "units_asked": 1,
        "units_left": 0,
        "plan": "free",
        "refills": (refill,),
        "retry_ms": RESET_MS,
    }
    return OutOfQuotaError(**{**values, **more})


def _every_refusal() -> list[QuotaError]:
    return [
        _out(),
        errors.AccountBlockedError("user:1"),
        errors.NotInPlanError("requests", metric="requests", feature=None, plan="free", plans=("pro",)),
        errors.UnknownMetricError("x"),
        errors.MetricKindError("requests", "gauge"),
        errors.UnknownHoldError("x"),
        errors.HoldEndedError("settled", units_used=1),
        errors.UnknownServiceError("x"),
        errors.UnknownPlanError("x", ("free", "pro")),
        errors.UnknownPackageError("x"),
        errors.UnknownOrderError("x"),
        errors.UnknownSpendError(),
        errors.UnknownHoldError(),
        errors.HoldEndedError("settled", units_used=3),
        errors.ErasureRefusedError("debt"),
        errors.UnfitParentError("itself", "team:a"),
        errors.ConflictingReplayError(),
        errors.AmountError(0, minimum=1, maximum=1_000_000_000),
        errors.NotAllowedError(),
        errors.PreferenceError("zone", "Mars/Olympus"),
        errors.CheckoutUnavailableError("x"),
        errors.UnavailableError("x"),
        errors.HaltedError("x"),
    ]


def test_out_of_quota_in_english(catalog: Catalog, english: Words) -> None:
    """What is asked and left, when it refills, and the three ways out."""
    assert (
        drawn(refusal_card(_out(), catalog, english))
        == """\
# ⛔ Not enough quota (bad)
This needs **1 request**, and you have **0 requests** left.
• Daily: 50 / 50 used, resets <t:1800012240:R> (<t:1800012240:t>)

**What you can do:**
1. ⏰ Wait for the reset (<t:1800012240:t>)
2. 💎 Upgrade to **Pro** (1,000 requests a day)
3. 📊 Buy more (never expires): `/buy_quota`"""
    )


def test_out_of_quota_in_french(catalog: Catalog, french: Words) -> None:
    """La même chose en français."""
    assert (
        drawn(refusal_card(_out(), catalog, french))
        == """\
# ⛔ Quota insuffisant (bad)
Il faut **1 requête**, et il vous reste **0 requête**.
• Quotidien : 50 / 50, réinitialisation <t:1800012240:R> (<t:1800012240:t>)

**Ce que vous pouvez faire :**
1. ⏰ Attendre la réinitialisation (<t:1800012240:t>)
2. 💎 Passer à **Pro** (1 000 requêtes par jour)
3. 📊 Acheter du quota (n'expire jamais) : `/buy_quota`"""
    )


def test_waiting_is_not_offered_where_it_never_helps(catalog: Catalog, english: Words) -> None:
    """What costs more than the limit stays out of reach however long one waits."""
    card = refusal_card(_out(units_asked=80, retry_ms=None), catalog, english)

    assert "Wait" not in card.description
    assert "1. 💎 Upgrade" in card.description


def test_what_is_not_in_the_plan_names_the_plans_that_have_it(catalog: Catalog, english: Words) -> None:
    """Units that are bought are a way out where no feature is missing."""
    facts: dict[str, Any] = {"metric": "requests", "plan": "free", "plans": ("pro", "ultra")}
    units = refusal_card(errors.NotInPlanError("requests", feature=None, **facts), catalog, english)
    feature = refusal_card(errors.NotInPlanError("requests", feature="x", **facts), catalog, english)

    assert (
        drawn(feature)
        == """\
# 🔒 Not in your plan (warning)
Your plan **Free** does not include **Requests**.
Plans that do: **Pro**, **Ultra**"""
    )
    assert units.description == feature.description + "\n📊 Buy more (never expires): `/buy_quota`"


def test_a_plan_without_the_metric_says_so(catalog: Catalog, english: Words) -> None:
    """There is no window to show."""
    card = refusal_card(_out(refills=(), retry_ms=None), catalog, english)

    assert "Your plan **Free** includes no requests." in card.description


@pytest.mark.parametrize(
    ("kind", "window"),
    [("hour", "Hourly"), ("day", "Daily"), ("week", "Weekly"), ("month", "Monthly"), ("year", "Yearly")],
)
def test_windows_are_called_by_their_length(kind: str, window: str, catalog: Catalog, english: Words) -> None:
    """A refusal says which window is used up."""
    refill = Refill(kind=kind, limit=50, used=50, resets_ms=RESET_MS)
    card = refusal_card(_out(refills=(refill,)), catalog, english)

    assert f"• {window}: 50 / 50 used" in card.description


def test_an_unlimited_window_of_a_refusal_is_not_to_blame(catalog: Catalog, english: Words) -> None:
    """It is drawn without a limit."""
    refill = Refill(kind="day", limit=None, used=7, resets_ms=RESET_MS)

    assert (
        "• Daily: 7 used · unlimited" in refusal_card(_out(refills=(refill,)), catalog, english).description
    )


@pytest.mark.parametrize("error", _every_refusal(), ids=lambda error: type(error).__name__)
def test_every_refusal_has_words_in_both_languages(
    error: QuotaError, catalog: Catalog, english: Words, french: Words
) -> None:
    """No two languages say the same, and none shows what the exception says."""
    first, second = (refusal_card(error, catalog, words, error_id="e1") for words in (english, french))

    assert first.title != second.title
    assert first.description
    assert first.description != second.description


def test_no_refusal_is_forgotten() -> None:
    """Every error of the core's tree is in this test."""
    tried = {type(error) for error in _every_refusal()}
    known = [QuotaError]
    for kind in known:
        known += kind.__subclasses__()

    assert {kind for kind in known if kind.__module__ == "quota_core.errors"} - {QuotaError} == tried


def test_a_page_that_did_not_open_charged_nothing(catalog: Catalog, english: Words) -> None:
    """The first thing that a buyer wants to know."""
    card = refusal_card(errors.CheckoutUnavailableError("timeout"), catalog, english, error_id="e1")

    assert "**Nothing was charged.** Please try again" in card.description
    assert card.footer == "Error e1"


def test_only_an_operator_is_told_which_settings_are_missing(catalog: Catalog, english: Words) -> None:
    """Others cannot do anything about them."""
    error = errors.CheckoutUnavailableError("no key", configured=False)
    texts = [
        refusal_card(error, catalog, english, operator=operator).description for operator in (False, True)
    ]

    assert "STRIPE_API_KEY" not in texts[0]
    assert "STRIPE_API_KEY" in texts[1]


def test_anything_else_is_our_fault_and_has_an_id(catalog: Catalog, english: Words, french: Words) -> None:
    """What went wrong inside is not shown."""
    card = refusal_card(ValueError("secret"), catalog, english, error_id="ab_12")

    assert card.footer == "Error ab_12"
    assert "secret" not in drawn(card)
    assert refusal_card(ValueError(), catalog, french, error_id="ab").footer == "Erreur ab"


@pytest.mark.parametrize("problem", get_args(Problem))
def test_every_problem_has_words_in_both_languages(problem: Problem, english: Words, french: Words) -> None:
    """With the facts that its docstring names."""
    cards = [argument_card(problem, words, usage="", **FACTS.get(problem, {})) for words in (english, french)]

    assert cards[0].title != cards[1].title
    assert cards[0].description != cards[1].description
    assert "{" not in cards[0].description


def test_a_missing_argument_shows_how_the_command_is_typed(english: Words, french: Words) -> None:
    """With the argument by the same name as in the usage."""
    texts = [
        drawn(
            argument_card(
                "missing_argument", words, usage=usage_text("admin_quota add", words), argument="amount"
            )
        )
        for words in (english, french)
    ]

    assert "Please also give **amount**." in texts[0]
    assert "`!admin_quota add <@user> <amount> [until …] [reason]`" in texts[0]
    assert "Indiquez aussi **nombre**." in texts[1]
    assert "`!admin_quota add <@utilisateur> <nombre> [jusqu'au …] [raison]`" in texts[1]


def test_bounds_and_choices_are_named(english: Words) -> None:
    """Numbers as the language writes them, plans as they are typed."""
    amount = argument_card("bad_amount", english, usage="", minimum=1, maximum=10**9)
    plan = argument_card("unknown_plan", english, usage="", given="*x*", plans=("free", "pro"))

    assert "from 1 to 1,000,000,000" in amount.description
    assert plan.description == "There is no plan “\\*x\\*”. There are: **free**, **pro**."


def test_a_cooldown_counts_down(english: Words) -> None:
    """As Discord shows it."""
    card = argument_card("cooldown", english, usage="", retry_ms=RESET_MS)

    assert card.description == "You can do this again <t:1800012240:R>."


def test_an_unknown_order_points_operators_to_the_members_history(
    catalog: Catalog, english: Words, french: Words
) -> None:
    """Their own would not help; a member reads of theirs."""
    error = errors.UnknownOrderError("ord_1")
    operators = [drawn(refusal_card(error, catalog, words, operator=True)) for words in (english, french)]

    assert "`/quota_history` with a member" in operators[0]
    assert "`/quota_history` avec un membre" in operators[1]
    assert "shows yours" in drawn(refusal_card(error, catalog, english))
