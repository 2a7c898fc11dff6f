"""
What a guarded request costs, and whether it may run: the part that all web frameworks share.

A rule names a metric (or a service) and where the amount comes from; a route table gives a prefix a default rule
and exceptions. `jauge_aiohttp` and `jauge_fastapi` read requests and answer in the words of their framework.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from jauge_client import Client, OutOfQuotaError, RefusedError, Spend, UnreachableError

log = logging.getLogger("jauge.guard")

MAX_AMOUNT = 1_000_000_000
Source = Literal["path", "query", "header", "body"]


class AmountError(ValueError):
    """The request does not say a whole number of units from 1 on where its rule looks for it."""


@dataclass(frozen=True, slots=True)
class From:
    """An amount that the request itself says: `From("body", "quantity")`; `default` stands when it says none."""

    source: Source
    name: str
    default: int | None = None

    def amount_in(self, value: object) -> int:
        """
        Return the units in what the request says there, None for nothing.

        Raises:
            AmountError: it is no whole number from 1 to 1 000 000 000.

        """
        if value is None and self.default is not None:
            return self.default
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value[:20])
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_AMOUNT:
            raise AmountError(f"{self.source} {self.name}: a whole number from 1 to {MAX_AMOUNT} is needed")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a request costs: units of `metric` or of the service `module`; neither: of the primary metric."""

    metric: str | None = None
    module: str | None = None
    amount: int | From = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided of one request; it stays on the request as `quota_check`, and in the log."""

    account: str
    metric: str
    units: int
    allowed: bool
    reason: str = ""
    status: int = int(HTTPStatus.OK)
    spend: Spend | None = None
    problem: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """
    A route table: requests under `prefix` cost `default` (None: nothing), but for `exceptions`.

    An exception is (method, path, rule), and its path may hold `*` for one segment: ("POST", "/api/v1/*/retry", …).
    The first that fits counts; a rule of None makes a route free.
    """

    prefix: str
    default: Rule | None
    exceptions: Sequence[tuple[str, str, Rule | None]] = ()

    def rule_for(self, method: str, path: str) -> Rule | None:
        """Return the rule of a request, None when it costs nothing."""
        root = self.prefix.rstrip("/")
        if path != root and not path.startswith(f"{root}/"):
            return None
        for wanted_method, pattern, rule in self.exceptions:
            if wanted_method == method and _fits(pattern, path):
                return rule
        return self.default


def _fits(pattern: str, path: str) -> bool:
    wanted, found = pattern.strip("/").split("/"), path.strip("/").split("/")
    return len(wanted) == len(found) and all(
        one in ("*", other) for one, other in zip(wanted, found, strict=True)
    )


async def decide(
    client: Client, rule: Rule, *, account: str, units: int, action: str, request_id: str | None = None
) -> Verdict:
    """
    Take what a request costs, and say whether it may run. Never raises for a refusal.

    Without `request_id` each request is charged anew. Pass one only if callers cannot choose it: the same id again
    is a replay, and a replay is free.
    """
    metric = rule.metric or rule.module or ""
    try:
        spend = await client.consume(
            account, units, metric=rule.metric, module=rule.module, action=action[:200], request_id=request_id
        )
    except RefusedError as error:
        verdict = _refused(error, account=account, metric=metric, units=units)
    except UnreachableError as error:
        verdict = Verdict(
            account=account,
            metric=metric,
            units=units,
            allowed=False,
            reason="unavailable",
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            problem={
                "type": "urn:jauge:problem:unavailable",
                "title": "The quota cannot be asked for just now",
                "status": 503,
            },
            headers={"Retry-After": "5"},
        )
        log.warning("quota of %s for %s: %s", account, action, error)
    else:
        verdict = Verdict(account=account, metric=metric, units=units, allowed=True, spend=spend)
    log.info(
        "quota_check account=%s metric=%s units=%d allowed=%s reason=%s action=%s",
        account,
        metric or "primary",
        units,
        verdict.allowed,
        verdict.reason or "-",
        action,
    )
    return verdict


def _refused(error: RefusedError, *, account: str, metric: str, units: int) -> Verdict:
    # What is wrong with the service's own key or call is no business of its users.
    ours = error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT)
    status = (
        int(HTTPStatus.INTERNAL_SERVER_ERROR) if ours or error.kind == "insufficient-scope" else error.status
    )
    headers = {}
    if isinstance(error, OutOfQuotaError) and error.retry_after_seconds is not None:
        headers["Retry-After"] = str(int(error.retry_after_seconds))
    shown = (
        error.problem if status == error.status else {"title": "Something failed on our side", "status": 500}
    )
    if status != error.status:
        log.warning("the quota service refuses our own call: %s", error)
    return Verdict(
        account=account,
        metric=metric,
        units=units,
        allowed=False,
        reason=error.kind.replace("-", "_"),
        status=status,
        problem=shown,
        headers=headers,
    )
