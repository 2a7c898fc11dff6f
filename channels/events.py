"""What a signed webhook carries: a notice as an event. `docs/webhooks.md` shows one of each type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from quota_core.events import ALERT, EVENTS, TEST, TEST_TYPE
from quota_core.notices import Notice

# The words of facts that were stored, and those of events, where they differ.
_NAMES = {"price_minor": "amount_minor", "before": "balance_before", "after": "balance_after"}
_OURS = ("entry", "total")  # of no use outside


def event_body(notice: Notice) -> bytes:
    """Return the body of a delivery: the same bytes for each try."""
    event = {
        "type": TEST_TYPE if notice.kind == TEST else EVENTS[notice.kind].type,
        "timestamp": _moment(notice.created_ms),
        "data": _data(notice),
    }
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def _data(notice: Notice) -> Mapping[str, Any]:
    if notice.kind == TEST:
        return {"endpoint": notice.facts["recipient"]}
    return _alert(notice) if notice.kind == ALERT else _about_money(notice)


def _alert(notice: Notice) -> dict[str, Any]:
    facts = notice.facts
    used, limit = facts["used"], facts["limit"]
    resets_ms = facts["resets_ms"]
    percent = used * 100 // limit
    return {
        "account": str(notice.account),
        "metric": facts["metric"],
        "severity": facts["severity"],
        "threshold": facts["threshold"],
        "percent": percent,
        "used": used,
        "limit": limit,
        "remaining": max(0, limit - used),
        "purchased_left": facts["purchased_left"],
        "window": facts["window"],
        "period": facts["period"],
        "resets_at": None if resets_ms is None else _moment(resets_ms),
        "plan": facts["plan"],
        "overage_policy": facts["overage_policy"],
        "message": f"{percent} % of {limit} {facts['metric']} used",
    }


def _about_money(notice: Notice) -> Mapping[str, Any]:
    facts = {_NAMES.get(name, name): fact for name, fact in notice.facts.items() if name not in _OURS}
    # What operators alone are told of stands on one of their accounts, which is of no use outside.
    return facts if EVENTS[notice.kind].operators_only else {"account": str(notice.account), **facts}


def _moment(at_ms: int) -> str:
    text = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
