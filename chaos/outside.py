"""
What the world outside one ledger knows, whatever becomes of the process: asked, answered, sold, shown.

A folder of files of JSON lines, each written by one system call, so that the last line before a SIGKILL stands.
Each life of a process has a file of its own; what Stripe and Discord know lasts over all lives.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from quota_core.purchases import Page
from quota_core.store.orders import OrderRow

Json = dict[str, Any]


class Lines:
    """A file of JSON lines that is written through."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def add(self, **facts: Any) -> None:
        """Append a line."""
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(self._descriptor, json.dumps(facts).encode() + b"\n")

    def read(self) -> Iterator[Json]:
        """Return the lines so far."""
        if self.path.exists():
            for line in self.path.read_text("utf-8").splitlines():
                yield json.loads(line)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@dataclass(frozen=True, slots=True)
class Asked:
    """
    One request of the outside: `what` is spend, hold, add, remove, plan or share.

    `units` is a plan's name for a plan; for a share, which is of a server, the units and who gets them: 10:42.
    """

    what: str
    account: str
    units: int | str
    key: str


@dataclass(slots=True)
class Known:
    """What was asked and what was answered, over some lives."""

    asked: dict[str, Asked] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    def learn(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take what a life wrote."""
        for line in lines:
            if line["t"] == "ask":
                self.asked |= {one[3]: Asked(*one) for one in line["all"]}
            elif line["t"] == "answer":
                self.answered |= set(line["done"])
                self.refused |= set(line["refused"])

    @property
    def open(self) -> list[Asked]:
        """Requests that nobody knows the fate of: their callers will ask again."""
        return [one for key, one in self.asked.items() if key not in self.answered | self.refused]


class Outside:
    """The world outside one ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stripe = Lines(folder / "stripe.jsonl")
        self.discord = Lines(folder / "discord.jsonl")

    def life(self, number: int) -> Lines:
        """Return the file of one life."""
        return Lines(self.folder / f"life-{number:06}.jsonl")

    def ends(self) -> Iterator[Json]:
        """Return the ends of holds that were answered."""
        for file in sorted(self.folder.glob("life-*.jsonl")):
            yield from (line for line in Lines(file).read() if line["t"] == "settled")

    def known(self, *numbers: int) -> Known:
        """Return what these lives left, all lives when none is named."""
        known = Known()
        files = [self.life(n).path for n in numbers] or sorted(self.folder.glob("life-*.jsonl"))
        for file in files:
            known.learn(Lines(file).read())
        return known


@dataclass(slots=True)
class Till:
    """Stripe, as far as a ledger sees it: pages by idempotency key, payments, and events until they are taken."""

    lines: Lines
    pages: dict[str, Page] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    paid: dict[str, int] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    refunds: dict[str, tuple[str, int]] = field(default_factory=dict)
    refunded: set[str] = field(default_factory=set)

    livemode = False

    def __post_init__(self) -> None:
        for line in self.lines.read():
            self._learn(line)

    def _learn(self, line: Json) -> None:
        match line["t"]:
            case "page":
                self.pages[line["key"]] = Page(
                    reference=line["session"], url=f"https://pay.example/{line['session']}"
                )
                self.orders[line["session"]] = line["order"]
            case "paid":
                self.paid[line["session"]] = line["amount"]
                self.orders[line["session"]] = line["order"]
            case "taken":
                self.taken.add(line["session"])
            case "refund":
                self.refunds[line["refund"]] = (line["session"], line["amount"])
            case "refunded":
                self.refunded.add(line["refund"])

    def tell(self, **facts: Any) -> None:
        """Let something happen at Stripe, for good."""
        self.lines.add(**facts)
        self._learn(facts)

    def parameters(self, order: OrderRow, *, account_label: str) -> Json:
        """Return what a page of this order is opened with."""
        return {"order": order.id, "amount": order.price_minor, "label": account_label}

    async def open(self, parameters: Mapping[str, Any], *, idempotency_key: str) -> Page:
        """Open a page, or return the one of this key."""
        if idempotency_key not in self.pages:
            # From the key alone: two lives may ask at once, and Stripe opens one page for one key.
            session = f"cs_test_{sha256(idempotency_key.encode()).hexdigest()[:16]}"
            self.tell(t="page", key=idempotency_key, session=session, order=parameters["order"])
        return self.pages[idempotency_key]

    async def has_ended(self, reference: str) -> bool:
        """Tell whether a page was used."""
        return reference in self.paid

    async def receipt_url(self, payment: str) -> str | None:
        """Give no receipt."""
        del payment
        return None

    async def close(self) -> None:
        """Let go of the file."""
        self.lines.close()

    @property
    def owed(self) -> list[str]:
        """The paid sessions whose event nobody took yet."""
        return [session for session in self.paid if session not in self.taken]

    @property
    def reports(self) -> list[str]:
        """The refunds whose event nobody took yet."""
        return [refund for refund in self.refunds if refund not in self.refunded]
