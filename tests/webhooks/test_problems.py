"""Every refusal of the core has its status and its own type."""

import inspect
import json
import logging

import pytest
from aiohttp import web

from quota_core import errors
from quota_core.gauges import PaidByParentError
from webhooks.problems import problem_of, refused

NOW_MS = 1_800_000_000_000


def out_of_quota(retry_ms: int | None) -> errors.OutOfQuotaError:
    return errors.OutOfQuotaError(
        metric="requests", units_asked=3, units_left=1, plan="free", refills=(), retry_ms=retry_ms
    )


REFUSALS = {
    "out-of-quota": (out_of_quota(NOW_MS + 90_001), 429, "91"),
    "account-blocked": (errors.AccountBlockedError("user:1"), 403, None),
    "unknown-metric": (errors.UnknownMetricError("m"), 404, None),
    "not-in-plan": (
        errors.NotInPlanError("rag", metric="credits", feature="rag", plan="free", plans=("pro",)),
        403,
        None,
    ),
    "wrong-metric-kind": (errors.MetricKindError("m", "gauge"), 422, None),
    "unknown-service": (errors.UnknownServiceError("s"), 404, None),
    "unknown-plan": (errors.UnknownPlanError("p", ("free",)), 404, None),
    "unknown-package": (errors.UnknownPackageError("p"), 404, None),
    "unknown-order": (errors.UnknownOrderError("o"), 404, None),
    "unknown-spend": (errors.UnknownSpendError(), 404, None),
    "unknown-hold": (errors.UnknownHoldError(), 404, None),
    "unfit-parent": (errors.UnfitParentError("itself", "team:a"), 409, None),
    "hold-ended": (errors.HoldEndedError("expired", units_used=0), 409, None),
    "conflicting-replay": (errors.ConflictingReplayError(), 409, None),
    "amount-out-of-bounds": (errors.AmountError(0, minimum=1, maximum=9), 422, None),
    "unknown-preference": (errors.PreferenceError("zone", "canary"), 422, None),
    "not-allowed": (errors.NotAllowedError(), 403, None),
    "erasure-refused": (errors.ErasureRefusedError("debt"), 409, None),
    "checkout-unavailable": (errors.CheckoutUnavailableError("canary"), 503, "10"),
    "checkout-not-configured": (errors.CheckoutUnavailableError("canary", configured=False), 503, "3600"),
    "unavailable": (errors.UnavailableError("canary", retry_seconds=7), 503, "7"),
    "halted": (errors.HaltedError("canary"), 503, "60"),
}


@pytest.mark.parametrize("slug", REFUSALS)
def test_each_refusal_has_its_status_and_type(slug: str) -> None:
    """And says when to come again where that helps."""
    error, status, retry = REFUSALS[slug]
    problem = problem_of(error, now_ms=NOW_MS)
    response = problem.response()
    body = json.loads(bytes(response.body))  # type: ignore[arg-type] # a body of our own is bytes

    assert (problem.status, problem.slug, problem.headers.get("Retry-After")) == (status, slug, retry)
    assert (response.content_type, body["type"]) == ("application/problem+json", f"urn:jauge:problem:{slug}")
    assert body["status"] == response.status == status
    assert "canary" not in json.dumps(body)


def test_no_error_of_the_core_is_forgotten() -> None:
    """A new one must choose its status here."""
    tree = {
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.QuotaError)
    }

    assert tree - {errors.QuotaError} == {type(error) for error, _, _ in REFUSALS.values()}


def test_a_level_that_is_the_parents_names_it() -> None:
    """So that a program can set it there."""
    problem = problem_of(PaidByParentError("team:a"), now_ms=NOW_MS)

    assert (problem.status, problem.slug, problem.facts) == (409, "paid-by-parent", {"parent": "team:a"})


def test_what_is_not_in_the_plan_names_the_plans_that_have_it() -> None:
    """For a program that offers an upgrade."""
    error = errors.NotInPlanError(
        "rag", metric="credits", feature="rag", plan="free", plans=("pro", "business")
    )

    assert problem_of(error, now_ms=NOW_MS).facts == {
        "code": "not_in_plan",
        "name": "rag",
        "metric": "credits",
        "plan": "free",
        "plans": ["pro", "business"],
    }


def test_a_quota_that_never_refills_names_no_time() -> None:
    """Waiting would not help."""
    problem = problem_of(out_of_quota(None), now_ms=NOW_MS)

    assert problem.status == 429
    assert "Retry-After" not in problem.headers
    assert problem.facts["resets_at"] is None


def test_facts_of_a_refusal_are_members_of_the_document() -> None:
    """For programs; the words are for people."""
    problem = problem_of(out_of_quota(NOW_MS), now_ms=NOW_MS + 5000)

    assert problem.headers["Retry-After"] == "1"
    assert problem.facts == {
        "metric": "requests",
        "units_asked": 3,
        "units_left": 1,
        "plan": "free",
        "resets_at": "2027-01-15T08:00:00Z",
    }


def test_http_errors_keep_what_they_say_in_headers() -> None:
    """But not their own text."""
    problem = problem_of(web.HTTPMethodNotAllowed("PUT", ["GET"]), now_ms=NOW_MS)
    wanted = refused(415, "x", "y", Accept_Encoding="identity").problem

    assert (problem.status, problem.slug, problem.headers["Allow"]) == (405, "method-not-allowed", "GET")
    assert "Content-Type" not in problem.headers
    assert wanted.headers == {"Accept-Encoding": "identity"}


def test_a_plain_error_of_the_core_is_a_500_too(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of it goes out, everything into the log."""
    problem = problem_of(errors.QuotaError("canary"), now_ms=NOW_MS)

    assert (problem.status, problem.slug) == (500, "internal-error")
    assert caplog.records[0].levelno == logging.ERROR
    assert str(problem.facts["error_id"]) in caplog.text
