"""
One life of a small process that owns a ledger: the product's own parts, driven as the bot drives them.

It begins with what its predecessor left: the recovery of the database, a check of every answer that was given,
the requests that got none, the events that Stripe delivers again. Then it works until it is killed or is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from random import Random
from typing import Any

import settings as configuration
from chaos import scripts
from chaos.birth import Birth, turn_clock
from chaos.disk import Disk
from chaos.outside import Asked, Outside, Till
from core_parts import CoreParts
from ledger_file import Ledger, opened_ledger
from quota_core import catalog_file, crash_points, notices
from quota_core.accounts import AccountRef
from quota_core.after_sale import REFUND_STANDS, Reversal
from quota_core.answers import Spend
from quota_core.errors import QuotaError, UnavailableError
from quota_core.grants import Grants
from quota_core.keys import key_bytes
from quota_core.operators import Actor
from quota_core.recent_check import check_recent
from quota_core.settlement import Payment
from quota_core.statements import Row, Work, fetch
from quota_core.store import entries as entry_rows
from quota_core.transfers import Transfers

log = logging.getLogger(__name__)

OPERATOR = Actor(user_id=900)
PEOPLE = 24
EXIT_TRY_AGAIN = 75
HOLD_SECONDS = 600  # shorter than the way from one life's clock to the next one's
EARLY = ("ops.80",)
"""Points that are passed before the ledger is open."""


class Life:
    """One process at work on a ledger."""

    def __init__(self, birth: Birth) -> None:
        self.birth = birth
        self.random = Random(birth.seed)
        self.outside = Outside(Path(birth.folder))
        self.lines = self.outside.life(birth.number)
        self.till = Till(self.outside.stripe)
        self.settings = configuration.load(
            {
                "database_url": birth.database,
                "operator_ids": str(OPERATOR.user_id),
                "catalog": "quota-manager",
                "max_grant": 1_000_000,
            },
            need_discord=False,
        )
        self.disk = Disk.of_this_process()
        self._count = self._failures = 0
        self.ledger: Ledger
        self.core: CoreParts
        self.grants: Grants
        self.transfers: Transfers

    async def live(self) -> None:
        """Live to the end, if nothing comes between."""
        log_file = str(self.outside.folder / "points.log")
        log.warning("%s", self.birth)
        if self.birth.plan.startswith(EARLY):
            crash_points.arm(self.birth.plan, log_file)
        if self.disk is not None and self.birth.power:
            self.disk.record()
        if self.disk is not None and self.birth.early:
            self.disk.fail(**self.birth.disk)
        began_seconds = time.perf_counter()
        async with self._opened():
            await self._check_the_past()
            self.lines.add(t="ready", seconds=round(time.perf_counter() - began_seconds, 4))
            crash_points.arm(self.birth.plan, log_file)
            await self.go_on(self.birth.before)
            if self.disk is not None and self.birth.disk:
                self.disk.fail(**self.birth.disk)
            for script in self.birth.scripts:
                await self.attempt(scripts.SCRIPTS[script](self))
            if self.disk is not None and self.birth.disk.get("call", "truncate") != "truncate":
                await self._heal(self.disk)  # what is cut off at the end fails at the end
        if "restore" in self.birth.scripts:
            await self.attempt(scripts.restore(self))
        self.lines.add(t="end")

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        catalog = catalog_file.load(self.settings.catalog)
        async with opened_ledger(self.settings, catalog, self.outside.folder / "data") as self.ledger:
            checkout: Any = self.till  # a port: Stripe is one, this is another
            self.core = CoreParts(self.settings, self.ledger, checkout)
            parts = self.core.parts(self.settings, self.outside.folder, "http://localhost", with_ask=False)
            self.grants, self.transfers = parts.grants, parts.transfers
            await self.core.notices.take_over()
            try:
                yield
            finally:
                await self.core.quota.drain()

    async def attempt(self, work: Awaitable[object]) -> None:
        """Do something that may fail on purpose; whoever asked will ask again."""
        try:
            await work
        except Exception as error:
            log.exception("failed")
            self._failures += 1
            self.lines.add(t="failed", error=type(error).__name__)

    # What the past left

    async def _check_the_past(self) -> None:
        verdict = await check_recent(self.ledger.database)
        known = self.outside.known(*self.birth.before) if self.birth.before else None
        lost = [] if known is None else await self._missing([known.asked[key] for key in known.answered])
        if verdict.problems or lost:
            self.lines.add(t="wrong", problems=verdict.problems, lost=lost)

    async def _missing(self, answered: list[Asked]) -> list[str]:
        ids: dict[str, int] = dict(
            await self.rows("SELECT external_id, id FROM accounts WHERE kind IN ('user', 'guild')")
        )
        keys = [(key_bytes(one.key), ids.get(one.account, 0)) for one in answered]
        there = {entry.key for entry in await self.ledger.database.read(lambda: entry_rows.by_keys(keys))}
        return [one.key for one in answered if key_bytes(one.key) not in there]

    async def _heal(self, disk: Disk) -> None:
        """Let the disk work again: so must this process, without a restart."""
        self.lines.add(t="disk", struck=disk.heal())
        self._failures = 0
        await self.go_on([self.birth.number])
        if self._failures:
            self.lines.add(t="wrong", problems=["it does not recover by itself from a failing disk"], lost=[])

    async def go_on(self, lives: list[int]) -> None:
        """Ask again what was never answered in these lives, and deliver what was never taken."""
        if lives:
            await self.attempt(self._end_holds())
            # Others come first: who asks again then meets a process that has the account in memory, not the key.
            everybody = [Asked("spend", str(person + 1), 1, self.key()) for person in range(PEOPLE)]
            await self.attempt(self.ask(everybody))
            left = self.outside.known(*lives).open
            spends = [one for one in left if one.what == "spend"]
            for place in range(0, len(spends), self.birth.batch):
                await self.attempt(self.ask(spends[place : place + self.birth.batch]))
            for one in left:
                if one.what != "spend":
                    await self.attempt(self.ask([one]))
        for session in self.till.owed:
            await self.attempt(self.deliver(session))
        for refund in self.till.reports:
            await self.attempt(self.deliver_refund(refund))

    async def _end_holds(self) -> None:
        """End what is over, as the bot's task does when it starts."""
        await self.core.quota.holds.end_due()

    # What the outside does

    def key(self) -> str:
        """Return a key that nobody used."""
        self._count += 1
        return f"{self.birth.number}:{self._count}"

    def person(self) -> str:
        """Return somebody."""
        return str(1 + self.random.randrange(PEOPLE))

    async def ask(self, asked: list[Asked]) -> None:
        """Ask for several things of one kind, and note what is answered at the moment it is."""
        self.lines.add(t="ask", all=[dataclasses.astuple(one) for one in asked])
        if asked[0].what == "spend":
            operations = [
                self.core.quota.operation(AccountRef("user", one.account), int(one.units), key=one.key)
                for one in asked
            ]
            outcomes = await self.core.quota.consume_many(operations)
            done = [one.key for one, out in zip(asked, outcomes, strict=True) if isinstance(out, Spend)]
            refused = [
                one.key for one, out in zip(asked, outcomes, strict=True) if not isinstance(out, Spend)
            ]
            self.lines.add(t="answer", done=done, refused=refused)
            return
        for one in asked:
            try:
                await self._by_hand(one)
            except QuotaError as error:
                if "Unavailable" in type(error).__name__:
                    raise
                self.lines.add(t="answer", done=[], refused=[one.key])
            else:
                self.lines.add(t="answer", done=[one.key], refused=[])

    async def _by_hand(self, one: Asked) -> None:
        account = AccountRef("user", one.account)
        if one.what == "hold":
            await self.core.quota.hold(account, int(one.units), key=one.key, ttl_seconds=HOLD_SECONDS)
        elif one.what == "share":
            units, _, member = str(one.units).partition(":")
            manager = Actor(user_id=OPERATOR.user_id, guild_id=int(one.account), manages_guild=True)
            await self.transfers.move(
                int(one.account), AccountRef("user", member), int(units), actor=manager, key=one.key
            )
        elif one.what == "plan":
            plan = str(one.units)
            await self.grants.set_plan(account, plan, until_ms=None, actor=OPERATOR, reason="", key=one.key)
        else:
            change = self.grants.add if one.what == "add" else self.grants.remove
            await change(account, int(one.units), actor=OPERATOR, reason="chaos", key=one.key)

    async def deliver(self, session: str) -> None:
        """Deliver the event of a payment, as the webhook does, and note that it was taken."""
        order, event = self.till.orders[session], f"evt_{session}"
        await self.core.settlements.record(event, "checkout.session.completed", session, "{}")
        await self.core.settlements.settle(
            Payment(
                event_id=event,
                status="paid",
                order_id=order,
                reference=session,
                amount_subtotal_minor=self.till.paid[session],
                discount_minor=0,
                tax_minor=0,
                currency="eur",
                mode="payment",
                livemode=False,
                payment=f"pi_{session}",
                ours=True,
            )
        )
        self.till.tell(t="taken", session=session)

    async def deliver_refund(self, refund: str) -> None:
        """Deliver the event of a refund, and note that it was taken."""
        session, amount_minor = self.till.refunds[refund]
        await self.core.settlements.record(f"evt_{refund}", "refund.created", refund, "{}")
        await self.core.settlements.reversals.report(
            Reversal(
                event_id=f"evt_{refund}",
                kind="refund",
                reference=refund,
                payment=f"pi_{session}",
                amount_minor=amount_minor,
                currency="eur",
                standing=REFUND_STANDS,
                livemode=False,
            )
        )
        self.till.tell(t="refunded", refund=refund)

    async def rows(self, sql: str, *arguments: object) -> list[Row]:
        """Read rows, past every object of the core."""

        def work() -> Work[list[Row]]:
            return (yield fetch(sql, *arguments))

        return await self.ledger.database.read(work)

    @property
    def backup(self) -> Path:
        """Where this life puts its back-up."""
        return self.outside.folder / f"backup-{self.birth.number}.db"


def run(birth: Birth) -> None:
    """Live, in this process; SystemExit 75 when the database cannot be opened now, as the bot ends then."""
    if birth.shift_ms:
        turn_clock(birth.shift_ms)
    if birth.lease_ms:
        notices.LEASE_MS = birth.lease_ms
    try:
        asyncio.run(Life(birth).live())
    except UnavailableError:
        log.exception("it cannot be opened now")
        raise SystemExit(EXIT_TRY_AGAIN) from None
