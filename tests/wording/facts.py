"""Facts to turn into words, and cards drawn as plain text."""

from __future__ import annotations

from typing import Any

from quota_core.accounts import AccountRef
from quota_core.answers import Crossing, Spend
from quota_core.balances import Balance, MetricBalance, WindowBalance
from quota_core.history import HistoryLine
from quota_core.notices import Notice
from quota_core.purchases import Opened
from wording.card import Card

NOW_MS = 1_800_000_000_000
RESET_MS = NOW_MS + 12_240_000  # in 3 h 24 min
ADA = AccountRef("user", "1")


def drawn(card: Card) -> str:
    """Return a card as text; every blank is drawn as a plain one, `test_words` looks at which it is."""
    parts = [f"# {card.title} ({card.tone.name.lower()})", card.description]
    parts += [f"{'|' if field.inline else '-'} {field.name}\n{field.value}" for field in card.fields]
    parts.append(f"~ {card.footer}" if card.footer else "")
    return "\n".join(part for part in parts if part).replace("\u202f", " ").replace("\u00a0", " ")


def lines(text: str) -> str:
    """Return an expected drawing without the indentation of the test that holds it."""
    return "\n".join(line.strip() for line in text.strip().splitlines() if line.strip())


def window(limit: int | None = 1000, used: int = 800, **more: Any) -> WindowBalance:
    """Return a daily window."""
    return WindowBalance(
        **{"kind": "day", "limit": limit, "used": used, "overage": 0, "resets_ms": RESET_MS, **more}
    )


def metric(*windows: WindowBalance, **more: Any) -> MetricBalance:
    """Return a part of a balance, without anything bought; what the windows leave is computed."""
    lefts = [one.left for one in windows if one.left is not None]
    left = min(lefts) if lefts else (None if windows else 0)
    values = {
        "metric": "requests",
        "windows": windows,
        "allowance_left": left,
        "purchased": 0,
        "purchased_left": 0,
        "frozen": 0,
        "expiring_left": 0,
        "debt": 0,
    }
    return MetricBalance(**{**values, **more})


def balance(*metrics: MetricBalance, **more: Any) -> Balance:
    """Return what Ada has."""
    values = {
        "account": ADA,
        "exists": True,
        "plan": "pro",
        "plan_until_ms": None,
        "blocked": False,
        "locale": None,
        "metrics": metrics,
    }
    return Balance(**{**values, **more})


def crossing(used: int = 950, limit: int = 1000) -> Crossing:
    """Return a threshold that was crossed."""
    return Crossing(kind="day", percent=95, used=used, limit=limit, resets_ms=RESET_MS)


def spend(**more: Any) -> Spend:
    """Return a spend of one request."""
    values = {
        "metric": "requests",
        "units": 1,
        "from_allowance": 1,
        "from_purchased": 0,
        "from_overage": 0,
        "allowance_left": 50,
        "purchased_left": 0,
        "entry_ids": (1,),
        "replayed": False,
    }
    return Spend(**{**values, **more})


def opened(**more: Any) -> Opened:
    """Return an open payment page for 1,000 requests."""
    values = {
        "order_id": "ord_1",
        "reference": "cs_test_1",
        "url": "https://checkout.example/1",
        "token": "t",
        "account": ADA,
        "package": "quota_1000",
        "units": 1000,
        "price_minor": 1499,
        "currency": "EUR",
        "expires_ms": RESET_MS,
        "reused": False,
    }
    return Opened(**{**values, **more})


def history_line(**more: Any) -> HistoryLine:
    """Return a line about a paid package."""
    values = {
        "kind": "purchase",
        "status": "paid",
        "metric": "requests",
        "units": 1000,
        "price_minor": 1499,
        "currency": "EUR",
        "package": "quota_1000",
        "plan": None,
        "after": 6000,
        "at_ms": NOW_MS,
    }
    return HistoryLine(**{**values, **more})


def notice(kind: str = "purchase", facts: dict[str, Any] | None = None) -> Notice:
    """Return a notice owed to Ada; `facts` change those of a purchase of 1,000 requests, or replace them."""
    about: dict[str, Any] = {
        "order": "ord_1",
        "package": "quota_1000",
        "metric": "requests",
        "units": 1000,
        "price_minor": 1499,
        "currency": "EUR",
        "account": "user:1",
        "before": 5000,
        "after": 6000,
        "total": 6380,
        "entry": 4,
    }
    return Notice(
        id=1,
        account=ADA,
        account_id=1,
        kind=kind,
        facts=(facts or {}) if kind == "payment_held" else {**about, **(facts or {})},
        locale="en",
        nonce="n",
        attempts=0,
        fence=0,
        created_ms=NOW_MS,
        dm_channel_id=None,
    )
