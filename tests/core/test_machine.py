"""Every object of the core against a plain model, on both engines, whatever is done in whatever order."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.errors import (
    AmountError,
    ConflictingReplayError,
    HoldEndedError,
    NotAllowedError,
    NotInPlanError,
    OutOfQuotaError,
    UnknownSpendError,
)
from quota_core.holds import Held
from quota_core.moving import TransferRefusedError
from quota_core.operators import Actor
from quota_core.settlement import Settlement
from tests.core.catalogs import everything
from tests.core.machine_on_a_ledger import MachineOnALedger, tell_stories
from tests.core.opened_ledger import (
    DAY_MS,
    HOUR_MS,
    NOON_MS,
    OPERATOR,
    owe_units,
    payment_of,
)
from tests.core.plain_model import PLANS, RENDERS, REQUESTS, PlainLedger, PlainSpend, window_of
from tests.core.recounting import assert_sound
from tests.postgres_server import PostgresServer

# Two days before a month ends, near midnight: small steps cross days, weeks and months in both directions.
START_MS = NOON_MS + 8 * DAY_MS + 11 * HOUR_MS
NAMES = ("user:1", "user:2", "guild:3", "project:x")
METRICS = st.sampled_from((REQUESTS, REQUESTS, REQUESTS, RENDERS))
TABLES = (
    "accounts",
    "allowances",
    "lots",
    "debts",
    "entries",
    "crossings",
    "audit",
    "orders",
    "notices",
    "holds",
)


@dataclass
class PlainHold:
    """What was held, and how it has ended."""

    key: str
    names: list[str]
    held: Held
    taken: PlainSpend
    how: str | None = None
    used: int = 0


class LedgerMachine(MachineOnALedger):
    """Operations of people, operators and payments, restarts and clocks; after each, everything is compared."""

    start_ms = START_MS

    def __init__(self) -> None:
        super().__init__()
        self.model = PlainLedger()
        self.spends: list[tuple[str, list[str], Spend, PlainSpend]] = []
        self.given_back: set[str] = set()
        self.holds: list[PlainHold] = []
        self.resident_accounts = 0

    @initialize(resident_accounts=st.sampled_from((0, 1, 200_000)))
    def start(self, resident_accounts: int) -> None:
        """Open a new ledger."""
        self.resident_accounts = resident_accounts
        self.open(everything(), resident_accounts)

    @rule(
        names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
        metric=METRICS,
        units=st.integers(1, 14),
    )
    def consume(self, names: list[str], metric: str, units: int) -> None:
        """Spend whole or not at all, from the same pots as one unit after the other."""
        key = self.fresh_key("spend")
        for name in names:
            self._end_due(name)
        left = self.model.left(names, metric, units, self.clock())
        expected = self.model.spend(names, metric, units, self.clock())
        if expected is None and not any(self._has(name, metric) for name in names):
            with pytest.raises(NotInPlanError) as refused:
                self.run(self._consume(names, metric, units, key))
            assert refused.value.plans == ("pro", "charged")
            return
        if expected is None:
            with pytest.raises(OutOfQuotaError) as refusal:
                self.run(self._consume(names, metric, units, key))
            assert (refusal.value.units_asked, refusal.value.units_left) == (units, left)
            assert refusal.value.plan == self.model.account(names[0]).plan_at(self.clock())
            return
        spend: Spend = self.run(self._consume(names, metric, units, key))

        parts = (spend.from_allowance, spend.from_purchased, spend.from_overage)
        assert parts == (expected.from_windows, expected.from_lots, expected.from_beyond)
        assert sorted(crossing.percent for crossing in spend.crossings) == sorted(expected.crossings)
        assert not spend.replayed
        account = self.model.account(names[0])
        assert spend.allowance_left == account.free(metric, self.clock())
        assert spend.purchased_left == account.in_lots(metric, self.clock())
        self.spends.append((key, names, spend, expected))

    def _has(self, name: str, metric: str) -> bool:
        """Tell whether the account's plan has the metric, or anything of it was brought and is left."""
        account = self.model.account(name)
        return bool(account.windows(metric, self.clock())) or any(
            lot.left for lot in account.lots if lot.metric == metric
        )

    async def _consume(self, names: list[str], metric: str, units: int, key: str) -> Spend:
        account, *payers = (AccountRef.parse(name) for name in names)
        return await self.ledger.quota.consume(account, units, key=key, metric=metric, payers=payers)

    @precondition(lambda self: self.spends)
    @rule(data=st.data())
    def consume_again(self, data: st.DataObject) -> None:
        """Expect the first answer for the same key with the same content, however long ago that was."""
        key, names, first, _ = data.draw(st.sampled_from(self.spends))
        for name in names:
            self._end_due(name)

        again = self.run(self._consume(names, first.metric, first.units, key))

        assert again == first._replace(replayed=True, crossings=())

    @precondition(lambda self: self.spends)
    @rule(data=st.data(), more=st.integers(1, 3), other_metric=st.booleans())
    def consume_otherwise(self, data: st.DataObject, more: int, *, other_metric: bool) -> None:
        """Expect an error, and no change, for the same key with other content."""
        key, names, first, _ = data.draw(st.sampled_from(self.spends))
        for name in names:
            self._end_due(name)
        metric = {REQUESTS: RENDERS, RENDERS: REQUESTS}[first.metric] if other_metric else first.metric
        units = first.units + (0 if other_metric else more)
        with pytest.raises(ConflictingReplayError):
            self.run(self._consume(names, metric, units, key))

    @precondition(lambda self: self.spends)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """Give back a spend of the first payer, once, to all who paid, into the windows and lots it came from."""
        key, names, spend, taken = data.draw(st.sampled_from(self.spends))
        name = data.draw(st.sampled_from(names))
        work = self.ledger.quota.give_back(AccountRef.parse(name), key=key)
        if name != names[0]:
            with pytest.raises(UnknownSpendError):
                self.run(work)
            return
        if key not in self.given_back:
            self.given_back.add(key)
            for payer in taken.by_account:
                self.model.give_back(payer, taken)

        assert self.run(work) == spend.units

    @rule(
        names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
        metric=METRICS,
        units=st.integers(1, 14),
        hours=st.sampled_from((1, 2, 24)),
    )
    def hold(self, names: list[str], metric: str, units: int, hours: int) -> None:
        """Hold as a spend takes, or refuse."""
        key = self.fresh_key("hold")
        for name in names:
            self._end_due(name)
        expected = self.model.spend(names, metric, units, self.clock())
        if expected is None:
            with pytest.raises((OutOfQuotaError, NotInPlanError)):
                self.run(self._hold(names, metric, units, key, hours))
            return
        held: Held = self.run(self._hold(names, metric, units, key, hours))

        parts = (held.spend.from_allowance, held.spend.from_purchased, held.spend.from_overage)
        assert parts == (expected.from_windows, expected.from_lots, expected.from_beyond)
        assert held.expires_ms == self.clock() + hours * HOUR_MS
        self.holds.append(PlainHold(key, names, held, expected))

    async def _hold(self, names: list[str], metric: str, units: int, key: str, hours: int) -> Held:
        account, *payers = (AccountRef.parse(name) for name in names)
        return await self.ledger.quota.hold(
            account, units, key=key, metric=metric, payers=payers, ttl_seconds=hours * 3600
        )

    def _end_due(self, name: str) -> None:
        """End the holds of an account that are over: whoever touches it does."""
        for hold in self.holds:
            if hold.names[0] == name and hold.how is None and hold.held.expires_ms <= self.clock():
                hold.how = "expired"
                self.model.settle(hold.taken, 0)

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), units=st.integers(0, 15), settles=st.booleans())
    def end_hold(self, data: st.DataObject, units: int, *, settles: bool) -> None:
        """Settle with what was used, or release; once, and in one way."""
        hold: PlainHold = data.draw(st.sampled_from(self.holds))
        account = AccountRef.parse(hold.names[0])
        work = (
            self.ledger.quota.settle(account, key=hold.key, units=units)
            if settles
            else self.ledger.quota.release(account, key=hold.key)
        )
        if settles and units > hold.taken.units:
            with pytest.raises(AmountError):
                self.run(work)
            return
        self._end_due(hold.names[0])
        how, used = ("settled", units) if settles else ("released", 0)
        if hold.how not in (None, how):
            with pytest.raises(HoldEndedError):
                self.run(work)
            return
        if hold.how == how and hold.used != used:
            with pytest.raises(ConflictingReplayError):
                self.run(work)
            return
        end = self.run(work)

        assert (end.how, end.units_used, end.replayed) == (how, used, hold.how is not None)
        if hold.how is None:
            hold.how, hold.used = how, used
            self.model.settle(hold.taken, used)

    @rule()
    def look_for_due_holds(self) -> None:
        """End all that are over, as the task does."""
        for name in NAMES:
            self._end_due(name)
        self.run(self.ledger.quota.holds.end_due())

    @rule(name=st.sampled_from(NAMES), metric=METRICS, units=st.integers(1, 25), twice=st.booleans())
    def grant(self, name: str, metric: str, units: int, *, twice: bool) -> None:
        """Give units by hand; a repeat of the command gives none."""
        key, before = self.fresh_key("grant"), self._in_lots(name, metric)
        self.model.bring(name, metric, units)
        for _ in range(2 if twice else 1):
            change = self.run(
                self.ledger.grants.add(
                    AccountRef.parse(name), units, actor=OPERATOR, reason="test", key=key, metric=metric
                )
            )

            assert (change.units, change.before, change.after) == (units, before, self._in_lots(name, metric))

    @rule(name=st.sampled_from(NAMES), metric=METRICS, units=st.integers(1, 25), twice=st.booleans())
    def remove(self, name: str, metric: str, units: int, *, twice: bool) -> None:
        """Take units by hand, no more than there are."""
        key, before = self.fresh_key("remove"), self._in_lots(name, metric)
        removed = self.model.remove(name, metric, units, self.clock())
        endless = self._all_endless(name)
        for _ in range(2 if twice else 1):
            change = self.run(
                self.ledger.grants.remove(
                    AccountRef.parse(name), units, actor=OPERATOR, reason="test", key=key, metric=metric
                )
            )

            assert (change.units, change.after) == (removed, self._in_lots(name, metric))
            assert change.before == before or not endless

    @rule(name=st.sampled_from(NAMES[:2]), metric=METRICS, units=st.integers(1, 25), twice=st.booleans())
    def share(self, name: str, metric: str, units: int, *, twice: bool) -> None:
        """Give a member units of the server; a repeat of the command gives none."""
        key, manager = self.fresh_key("share"), Actor(user_id=5, guild_id=3, manages_guild=True)
        moves = self.model.move("guild:3", name, metric, units, self.clock())
        for _ in range(2 if twice else 1):
            work = self.ledger.transfers.move(
                3, AccountRef.parse(name), units, actor=manager, key=key, metric=metric
            )
            if not moves:
                with pytest.raises(TransferRefusedError):
                    self.run(work)
                continue
            moved = self.run(work)

            assert moved.server_left == self._in_lots("guild:3", metric)
            assert moved.member_left == self._in_lots(name, metric)

    def _in_lots(self, name: str, metric: str) -> int:
        return self.model.account(name).in_lots(metric, self.clock())

    def _all_endless(self, name: str) -> bool:
        """Tell whether no lot of the account has an end: see test_removing_leaves_expired_units_alone."""
        return all(lot.ends_ms > self.clock() for lot in self.model.account(name).lots)

    @rule(name=st.sampled_from(NAMES), plan=st.sampled_from(sorted(PLANS)), days=st.sampled_from((0, 1, 5)))
    def change_plan(self, name: str, plan: str, days: int) -> None:
        """Change a plan at once, until a moment or for good; what was used stays used."""
        until_ms = self.clock() + days * DAY_MS if days else None
        account = self.model.account(name)
        before, account.plan, account.until_ms = account.plan_at(self.clock()), plan, until_ms
        account.next_plan = None
        change = self.run(
            self.ledger.grants.set_plan(
                AccountRef.parse(name),
                plan,
                until_ms=until_ms,
                actor=OPERATOR,
                reason="test",
                key=self.fresh_key("plan"),
            )
        )

        assert (change.before, change.after) == (before, plan)

    @rule(name=st.sampled_from(NAMES), plan=st.sampled_from(sorted(PLANS)))
    def change_plan_when_its_period_ends(self, name: str, plan: str) -> None:
        """Change a plan when its longest window turns, or when it ends; until then nothing changes."""
        account, now_ms = self.model.account(name), self.clock()
        before = account.plan_at(now_ms)
        ends = [
            window_of(limit.kind, now_ms)[1]
            for metric in (REQUESTS, RENDERS)
            for limit, _ in account.windows(metric, now_ms)
        ]
        from_ms = max(ends)
        if account.until_ms is not None and now_ms < account.until_ms:
            from_ms = min(from_ms, account.until_ms)
        if plan == before:
            account.plan, account.until_ms, account.next_plan = plan, None, None
        else:
            account.plan, account.until_ms, account.next_plan = before, from_ms, plan
        change = self.run(
            self.ledger.grants.set_plan(
                AccountRef.parse(name),
                plan,
                until_ms=None,
                at="period_end",
                actor=OPERATOR,
                reason="test",
                key=self.fresh_key("plan"),
            )
        )

        assert (change.before, change.after) == (before, plan)
        assert change.from_ms == (None if plan == before else from_ms)

    @rule(name=st.sampled_from(NAMES), units=st.integers(1, 5))
    def stranger(self, name: str, units: int) -> None:
        """Refuse an Administrator of a server that is not listed."""
        stranger = Actor(user_id=5, guild_id=78, administrator=True)
        with pytest.raises(NotAllowedError):
            self.run(
                self.ledger.grants.add(
                    AccountRef.parse(name), units, actor=stranger, reason="", key=self.fresh_key("no")
                )
            )

    @rule(
        name=st.sampled_from(NAMES[:2]),
        package=st.sampled_from(("five", "eight")),
        reports=st.lists(st.sampled_from(("pending", "paid", "failed", "expired")), max_size=4),
    )
    def purchase(self, name: str, package: str, reports: list[str]) -> None:
        """Credit a payment once, whatever is reported of it before and afterwards."""
        account = AccountRef.parse(name)
        opened = self.run(self.ledger.purchases.begin(account, package, buyer=account, locale="en"))
        order = self.run(self.ledger.purchases.order(opened.order_id))
        settled = [
            self.run(self.ledger.settlements.settle(payment_of(order, order.reference, status)))
            for status in reports
        ]
        if "paid" in reports:
            ends = [window_of(w.kind, self.clock())[1] for w, _ in self._windows(name)]
            ends_ms = {"ends_ms": max(ends)} if package == "eight" else {}
            self.model.bring(name, REQUESTS, order.units, source="purchase", **ends_ms)
        state = self.run(self.ledger.purchases.order(opened.order_id)).state

        assert settled.count(Settlement.CREDITED) == ("paid" in reports)
        assert (state == "paid") == ("paid" in reports)

    def _windows(self, name: str) -> list[Any]:
        return self.model.account(name).windows(REQUESTS, self.clock())

    @rule(name=st.sampled_from(NAMES), metric=METRICS, units=st.integers(1, 9))
    def fall_into_debt(self, name: str, metric: str, units: int) -> None:
        """Owe units: a number of its own, beside which the free allowance stays usable."""
        debt = self.model.account(name).debt
        debt[metric] = debt.get(metric, 0) + units
        self.run(owe_units(self.ledger, AccountRef.parse(name), metric, units))

    @rule(hours=st.sampled_from((-49, -25, -2, -1, 1, 2, 13, 25, 49)))
    def turn_the_clock(self, hours: int) -> None:
        """Jump in time, in either direction."""
        self.clock.move(hours=hours)

    @rule()
    def restart(self) -> None:
        """Restart, which changes no row (L17) and no answer."""
        before = self.run(self._every_row())
        self.ledger = self.run(self.ledger.reopened(resident_accounts=self.resident_accounts))

        assert self.run(self._every_row()) == before

    async def _every_row(self) -> list[Any]:
        return [await self.ledger.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in TABLES]

    @rule()
    def lose_the_cache(self) -> None:
        """Drop what is resident, which is allowed at any moment."""
        self.ledger.book.forget()

    @invariant()
    def everything_agrees(self) -> None:
        """Compare balances with the model's, and rows, entries and chains with each other."""
        if hasattr(self, "ledger"):
            self.run(self._compare())

    async def _compare(self) -> None:
        for name in NAMES:
            balance = await self.ledger.balances.of(AccountRef.parse(name))
            account = self.model.account(name)
            assert balance.plan == account.plan_at(self.clock())
            for metric in (REQUESTS, RENDERS):
                self._compare_metric(balance.of(metric), name, metric)
        await assert_sound(self.ledger)

    def _compare_metric(self, part: Any, name: str, metric: str) -> None:
        account, now_ms = self.model.account(name), self.clock()
        windows = account.windows(metric, now_ms)
        lots = [lot for lot in account.lots if lot.metric == metric]
        endless = [lot for lot in lots if lot.ends_ms > now_ms + 1000 * DAY_MS]
        if part is None:
            assert not windows
            assert not account.in_lots(metric, now_ms)
            return
        assert [w.used for w in part.windows] == [account.used.get((metric, key), 0) for _, key in windows]
        assert [w.overage for w in part.windows] == [
            account.beyond.get((metric, key), 0) for _, key in windows
        ]
        assert [w.resets_ms for w in part.windows] == [window_of(w.kind, now_ms)[1] for w, _ in windows]
        assert part.allowance_left == account.free(metric, now_ms)
        assert part.purchased == sum(lot.units - lot.taken for lot in endless)
        assert part.purchased_left == sum(lot.left for lot in endless)
        assert part.purchased_left + part.expiring_left == account.in_lots(metric, now_ms)
        assert part.debt == account.debt.get(metric, 0)
        held = [hold for hold in self.holds if hold.names[0] == name and hold.how is None]
        assert part.held == sum(hold.taken.units for hold in held if hold.taken.metric == metric)


@pytest.mark.parametrize(("engine", "examples"), [("sqlite", 45), ("postgres", 20)])
def test_the_ledger_does_what_the_plain_model_does(server: PostgresServer | None, examples: int) -> None:
    """On PostgreSQL the same in fewer stories, each of which takes longer."""
    tell_stories(LedgerMachine, server, examples)
