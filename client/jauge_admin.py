"""
What the owner of a service asks of Jauge beside metering: copy it next to `jauge_client.py`.

    async with AdminClient("http://127.0.0.1:8080", "jauge_…") as admin:
        await admin.grant("user:1", 500, reason="sorry for the outage")

Its key needs `admin:write` for changes by hand, `quota:consume` for levels and `quota:read` for the rest. Every
change carries a key that is made once, so a lost answer is asked for again and nothing is done twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal
from urllib.parse import quote

from jauge_client import Client, new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What was given, and what had been given or bought before and after; `replayed`: it was done before."""

    units: int
    before: int
    after: int
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSet:
    """Plan ids before and after; `effective` None is at once, `until` None for good."""

    before: str
    after: str
    effective: datetime | None
    until: datetime | None
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSet:
    """A gauge before and after; `limit` None is unlimited, `beyond` is how far it exceeds the limit."""

    before: int
    after: int
    limit: int | None
    beyond: int
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedDay:
    """What was used of a metric by a service ("" for none) on a day; `paid` by the account's own pots."""

    day: date
    metric: str
    service: str
    units: int
    paid: int
    overage: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricUse:
    """A metric in its longest window; None is unlimited, or a window that never turns."""

    type: str
    current: int
    limit: int | None
    percentage: int | None
    overage: int
    period: str
    resets_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """The highest threshold that a window has reached, with a message for people."""

    severity: str
    message: str
    metric: str
    threshold: int
    percentage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A plan and what is used of it; the cost so far in minor units of `currency`; `facts` is the whole answer."""

    plan: str
    metrics: Mapping[str, MetricUse]
    alerts: tuple[Alert, ...]
    total_minor: int
    currency: str
    facts: Mapping[str, Any] = field(repr=False)


class AdminClient(Client):
    """A client that also gives, blocks, sets and reads."""

    async def grant(
        self,
        account: str,
        units: int,
        *,
        metric: str = "",
        expires: datetime | None = None,
        reason: str = "",
        request_id: str = "",
    ) -> Granted:
        """
        Give units of the primary metric or another one, for ever or until `expires` (with its offset).

        Raises:
            RefusedError: nothing was given.
            UnreachableError: no answer; repeat it with the same `request_id`.

        """
        facts = await self._by_hand(
            "grant", account, reason, request_id, units=units, metric=metric, expires=_spelled(expires)
        )
        return Granted(**_picked(facts, "units", "before", "after", "replayed"))

    async def set_plan(
        self,
        account: str,
        plan: str,
        *,
        at: Literal["now", "period_end", "rule"] = "now",
        until: datetime | None = None,
        reason: str = "",
        request_id: str = "",
    ) -> PlanSet:
        """Put an account on a plan: `at` once, when its period ends or by the catalog's rule; raises as `grant`."""
        facts = await self._by_hand(
            "plan", account, reason, request_id, plan=plan, at=at, until=_spelled(until)
        )
        return PlanSet(
            effective=_moment(facts["effective"]),
            until=_moment(facts["until"]),
            **_picked(facts, "before", "after", "replayed"),
        )

    async def block(self, account: str, *, reason: str = "", request_id: str = "") -> bool:
        """Let an account spend nothing until `unblock`; return whether it was blocked before. Raises as `grant`."""
        return bool((await self._by_hand("block", account, reason, request_id))["was_blocked"])

    async def unblock(self, account: str, *, reason: str = "", request_id: str = "") -> bool:
        """Lift a block; return whether there was one. Raises as `grant`."""
        return bool((await self._by_hand("unblock", account, reason, request_id))["was_blocked"])

    async def set_level(
        self, account: str, metric: str, level: int, *, enforce: bool = False, request_id: str = ""
    ) -> LevelSet:
        """Record what a gauge measures; with `enforce` a level beyond the limit is refused. Raises as `grant`."""
        asked = {"user_id": account, "metric": metric, "level": level, "enforce": enforce}
        facts = await self.call("POST", "/api/credits/level", asked | {"request_id": request_id or new_id()})
        return LevelSet(**_picked(facts, "before", "after", "limit", "beyond", "replayed"))

    async def summary(self, account: str) -> Summary:
        """Return what of its plan an account uses now, what is close to its end, and what it costs so far."""
        facts = await self.call("GET", f"/api/billing/summary/{quote(account, safe='')}")
        found = facts["summary"]
        return Summary(
            plan=facts["plan"]["id"],
            metrics={one["type"]: _use(one) for one in found["metrics"]},
            alerts=tuple(
                Alert(**_picked(one, "severity", "message", "metric", "threshold", "percentage"))
                for one in found["alerts"]
            ),
            total_minor=found["estimated_cost"]["total"],
            currency=found["estimated_cost"]["currency"],
            facts=facts,
        )

    async def usage(
        self,
        account: str,
        *,
        metric: str = "",
        service: str = "",
        since: date | None = None,
        until: date | None = None,
    ) -> AsyncIterator[UsedDay]:
        """Yield what was used by day and service, last day first, from `since` to `until` (both included)."""
        asked = {"user_id": account, "metric": metric, "service": service, "limit": "100"}
        asked |= {
            name: day.isoformat() for name, day in (("since", since), ("until", until)) if day is not None
        }
        while True:
            facts = await self.call("GET", "/api/billing/usage", query=asked)
            for one in facts["days"]:
                yield UsedDay(
                    day=date.fromisoformat(one["day"]),
                    **_picked(one, "metric", "service", "units", "paid", "overage", "calls"),
                )
            if facts["next_cursor"] is None:
                return
            asked["cursor"] = facts["next_cursor"]

    async def _by_hand(
        self, what: str, account: str, reason: str, request_id: str, **more: Any
    ) -> dict[str, Any]:
        asked = {"user_id": account, "reason": reason, "request_id": request_id or new_id()}
        return await self.call("POST", f"/api/admin/{what}", asked | more)


def _picked(facts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: facts[name] for name in names}


def _use(facts: Mapping[str, Any]) -> MetricUse:
    names = ("type", "current", "limit", "percentage", "overage", "period")
    return MetricUse(resets_at=_moment(facts["resets_at"]), **_picked(facts, *names))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _spelled(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
