"""The core against a wider plain model: parents, pools, services, levels, carried units, refunds, disputes."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from quota_core.accounts import AccountRef
from quota_core.after_sale import Movement
from quota_core.answers import Spend
from quota_core.errors import NotInPlanError, OutOfQuotaError
from quota_core.gauges import PaidByParentError
from quota_core.pool_caps import Draw
from quota_core.pools import Pool
from quota_core.proof import Proof
from quota_core.store.orders import OrderRow
from tests.core.catalogs import carrying
from tests.core.machine_on_a_ledger import MachineOnALedger, tell_stories
from tests.core.opened_ledger import (
    HOUR_MS,
    NOON_MS,
    OPERATOR,
)
from tests.core.plain_model import RENDERS, REQUESTS, PlainSpend
from tests.core.recounting import assert_sound
from tests.core.reversing import dispute, pay, refund, report
from tests.core.wide_model import COSTS, LEVELS, PlainDraw, PlainOrder, WideLedger
from tests.postgres_server import PostgresServer

START_MS = NOON_MS + 8 * 24 * HOUR_MS + 11 * HOUR_MS
ANA, BEN, GUILD, PROJECT, TEAM = "user:1", "user:2", "guild:3", "project:x", "team:y"
NAMES = (ANA, BEN, GUILD, PROJECT, TEAM)
OWNERS = (ANA, BEN, GUILD, TEAM)
METRICS = st.sampled_from((REQUESTS, REQUESTS, RENDERS))
# What a server's admins set: (its own part of the order, caps by role and window), and the roles of a member.
POOLS = (
    Pool(enabled=True, caps=((0, "day", 3), (7, "day", 9))),
    Pool(enabled=True, pays_first=True, caps=((0, "day", 5), (7, "month", 8), (8, "month", 11))),
    Pool(enabled=True, pays_first=True, caps=((9, "week", 4),)),
)
ROLES = ((), (7,), (7, 8), (9,))


def caps_for(pool: Pool, roles: tuple[int, ...]) -> tuple[tuple[str, int | None], ...]:
    """Return what bounds a member: the largest cap of the own roles, else everyone's, else none that counts."""
    found: list[tuple[str, int | None]] = []
    for window in ("day", "week", "month"):
        own = [units for role, kind, units in pool.caps if kind == window and role in roles]
        everyone = [units for role, kind, units in pool.caps if kind == window and role == 0]
        if own or everyone:
            found.append((window, max(own or everyone)))
        elif any(kind == window for _, kind, _ in pool.caps):
            found.append((window, None))
    return tuple(found)


@dataclass(frozen=True)
class Wish:
    """What somebody wants to spend."""

    names: list[str]
    metric: str
    units: int
    service: str | None = None
    draw: PlainDraw | None = None


@dataclass
class Spent:
    """A wish that came true, when, and from whose pots."""

    wish: Wish
    key: str
    payers: list[str]
    at_ms: int
    spend: Spend
    taken: PlainSpend
    undone: bool = False


class WideMachine(MachineOnALedger):
    """What people, teams, servers, the payment provider and operators do; after each, everything is compared."""

    start_ms = START_MS

    def __init__(self) -> None:
        super().__init__()
        self.model = WideLedger(START_MS)
        self.spent: list[Spent] = []
        self.orders: dict[str, tuple[OrderRow, PlainOrder]] = {}

    @initialize(resident_accounts=st.sampled_from((0, 1, 200_000)))
    def start(self, resident_accounts: int) -> None:
        """Open a new ledger, and every account."""
        self.open(carrying(), resident_accounts)
        for name in NAMES:
            self._set_plan(name, "free")

    def teardown(self) -> None:
        """Prove the ledger of the story, and close it."""
        try:
            if hasattr(self, "ledger"):
                self.run(assert_sound(self.ledger))
                assert self.run(Proof(self.ledger.database).verify()).problems == []
        finally:
            super().teardown()

    def _set_plan(self, name: str, plan: str) -> None:
        account = self.model.account(name)
        account.plan, account.since_ms = plan, self.clock()
        self.run(
            self.ledger.grants.set_plan(
                AccountRef.parse(name),
                plan,
                until_ms=None,
                actor=OPERATOR,
                reason="test",
                key=self.fresh_key("plan"),
            )
        )

    @rule(name=st.sampled_from(NAMES), plan=st.sampled_from(("free", "pro")))
    def change_plan(self, name: str, plan: str) -> None:
        """Change a plan at once: nothing is carried over into the window in which it begins."""
        self._set_plan(name, plan)

    @rule(
        names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
        metric=METRICS,
        units=st.integers(1, 12),
    )
    def consume(self, names: list[str], metric: str, units: int) -> None:
        """Spend for oneself, for a project whose team pays, for several payers."""
        self._consume(Wish(names, metric, units))

    @rule(
        name=st.sampled_from((ANA, PROJECT)), service=st.sampled_from(sorted(COSTS)), calls=st.integers(1, 3)
    )
    def call(self, name: str, service: str, calls: int) -> None:
        """Call a service: it has a cost, and one of them is not on every plan."""
        self._consume(Wish([name], REQUESTS, calls * COSTS[service], service=service))

    @rule(
        name=st.sampled_from((ANA, BEN)),
        metric=METRICS,
        units=st.integers(1, 14),
        pool=st.sampled_from(POOLS),
        roles=st.sampled_from(ROLES),
    )
    def draw(self, name: str, metric: str, units: int, pool: Pool, roles: tuple[int, ...]) -> None:
        """Draw from the server within the caps of the own roles, before or after the own quota."""
        caps = caps_for(pool, roles)
        plain = PlainDraw(GUILD, pool.pays_first, caps)
        said = pool.draw(3, roles)

        assert said is not None
        assert (said.first, dict(said.caps)) == (plain.first, dict(caps))
        self._consume(Wish([name, GUILD], metric, units, draw=plain))

    def _consume(self, wish: Wish) -> None:
        key, now_ms = self.fresh_key("spend"), self.clock()
        payers = self.model.payers(wish.names)
        lacks = wish.service == "search" and not any(
            self.model.account(one).plan_at(now_ms) == "pro"
            for one in payers
            if self.model.account(one).parent is None
        )
        taken = None
        if not lacks:
            taken = self.model.spend_from(wish.names, wish.metric, wish.units, now_ms, wish.draw)
        if taken is None:
            with pytest.raises(NotInPlanError if lacks else (OutOfQuotaError, NotInPlanError)):
                self.run(self._spend(wish, key))
            return
        spend = self.run(self._spend(wish, key))

        assert (spend.units, spend.replayed) == (wish.units, False)
        assert (spend.from_allowance, spend.from_purchased) == (taken.from_windows, taken.from_lots)
        assert sorted(crossing.percent for crossing in spend.crossings) == sorted(taken.crossings)
        account = self.model.account(self.model.account(wish.names[0]).parent or wish.names[0])
        assert spend.allowance_left == account.free(wish.metric, now_ms)
        assert spend.purchased_left == account.in_lots(wish.metric, now_ms)
        self.spent.append(Spent(wish, key, payers, now_ms, spend, taken))

    async def _spend(self, wish: Wish, key: str) -> Spend:
        account, *payers = (AccountRef.parse(name) for name in wish.names)
        quota = self.ledger.quota
        if wish.service is not None:
            return await quota.consume(
                account, wish.units // COSTS[wish.service], key=key, service=wish.service
            )
        operation = quota.operation(account, wish.units, key=key, metric=wish.metric, payers=payers)
        if wish.draw is not None:
            drawn = Draw(AccountRef.parse(wish.draw.pool), first=wish.draw.first, caps=wish.draw.caps)
            operation = operation._replace(draw=drawn)
        outcome = (await quota.consume_many([operation]))[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @precondition(lambda self: self.spent)
    @rule(data=st.data())
    def consume_again(self, data: st.DataObject) -> None:
        """Expect the first answer for the same key, whoever pays since."""
        one: Spent = data.draw(st.sampled_from(self.spent))
        if self.model.payers(one.wish.names) != one.payers:
            return  # who pays is part of what was asked
        again = self.run(self._spend(one.wish, one.key))

        assert again == one.spend._replace(replayed=True, crossings=())

    @precondition(lambda self: self.spent)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """Give back once, into what it came from, also what was drawn."""
        one: Spent = data.draw(st.sampled_from(self.spent))
        units = self.run(self.ledger.quota.give_back(AccountRef.parse(one.wish.names[0]), key=one.key))

        assert units == one.wish.units
        if not one.undone:
            one.undone = True
            self.model.undo(one.wish.names, one.taken, one.wish.draw, one.at_ms)

    @rule(name=st.sampled_from(OWNERS), metric=METRICS, units=st.integers(1, 15))
    def grant(self, name: str, metric: str, units: int) -> None:
        """Give units by hand."""
        self.model.give(name, metric, units)
        self.run(
            self.ledger.grants.add(
                AccountRef.parse(name),
                units,
                actor=OPERATOR,
                reason="test",
                key=self.fresh_key("grant"),
                metric=metric,
            )
        )

    @rule(parent=st.sampled_from((TEAM, None)))
    def set_parent(self, parent: str | None) -> None:
        """Let the team pay for its project, or let it pay for itself again."""
        self.model.account(PROJECT).parent = parent
        self.run(
            self.ledger.grants.set_parent(
                AccountRef.parse(PROJECT),
                None if parent is None else AccountRef.parse(parent),
                actor=OPERATOR,
                reason="test",
                key=self.fresh_key("parent"),
            )
        )

    @rule(name=st.sampled_from(NAMES), level=st.integers(0, 25), enforce=st.booleans())
    def measure(self, name: str, level: int, *, enforce: bool) -> None:
        """Record a level, also one beyond its limit, unless it is enforced and rises."""
        account = self.model.account(name)
        limit = LEVELS[account.plan_at(self.clock())]
        work = self.ledger.quota.set_level(
            AccountRef.parse(name), level, metric="space", key=self.fresh_key("level"), enforce=enforce
        )
        if account.parent is not None:
            with pytest.raises(PaidByParentError):
                self.run(work)
            return
        if enforce and level > max(limit, account.level):
            with pytest.raises(OutOfQuotaError):
                self.run(work)
            return
        said = self.run(work)

        assert (said.before, said.after, said.limit) == (account.level, level, limit)
        account.level = level

    @rule(name=st.sampled_from((ANA, GUILD)), pays=st.booleans())
    def order(self, name: str, *, pays: bool) -> None:
        """Order a package, or press again; the server's is bought by a member."""
        opened = self.run(
            self.ledger.purchases.begin(
                AccountRef.parse(name), "five", buyer=AccountRef.parse(ANA), locale="en"
            )
        )
        row: OrderRow = self.run(self.ledger.purchases.order(opened.order_id))
        _, plain = self.orders.setdefault(row.id, (row, PlainOrder(name, row.price_minor, row.units)))

        assert (row.state, plain.lot) == ("open", None)
        if pays:
            self.run(pay(self.ledger, row))
            self.model.buy(plain)

    @precondition(lambda self: self.orders)
    @rule(
        data=st.data(),
        refund_id=st.sampled_from(("re_1", "re_2")),
        amount=st.sampled_from((1, 60, 150, 299)),
        fails=st.booleans(),
    )
    def give_money_back(self, data: st.DataObject, refund_id: str, amount: int, *, fails: bool) -> None:
        """Report a refund, in part or beyond the price, which may fail; also before the payment itself."""
        row, plain = self._drawn_order(data)
        name = f"{refund_id}_{row.id}"
        known, failed = plain.refunds.get(name, (0, False))
        plain.refunds[name] = (max(known, amount), failed or fails)
        self.run(report(self.ledger, refund(row, amount, name, failed=fails)))
        self.model.follow_reports(plain)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), movement=st.sampled_from((None, *Movement)))
    def complain(self, data: st.DataObject, movement: Movement | None) -> None:
        """Report a dispute of all of a payment, opened, lost, won, or what the money does."""
        row, plain = self._drawn_order(data)
        self.operations += 1
        one = dispute(row, movement, at=self.operations, amount_minor=row.price_minor)
        self.run(report(self.ledger, replace(one, reference=f"du_{row.id}")))
        if movement is not None:
            plain.moved, plain.disputed = movement.name, False
        elif plain.moved is None:
            plain.disputed = True
        self.model.follow_reports(plain)

    def _drawn_order(self, data: st.DataObject) -> tuple[OrderRow, PlainOrder]:
        return self.orders[data.draw(st.sampled_from(list(self.orders)))]

    @rule()
    def tell(self) -> None:
        """Route what was crossed into messages: proofs compare them."""
        self.run(self.ledger.messages.alerts.route())

    @rule(hours=st.sampled_from((1, 2, 13, 24, 25)))
    def wait(self, hours: int) -> None:
        """Let time pass."""
        self.clock.move(hours=hours)

    @rule()
    def restart(self) -> None:
        """Restart, which changes nothing."""
        self.ledger = self.run(self.ledger.reopened())

    @invariant()
    def everything_agrees(self) -> None:
        """Compare what every account has with the model's."""
        if hasattr(self, "ledger"):
            for name in NAMES:
                self._compare(name)

    def _compare(self, name: str) -> None:
        account = self.model.account(self.model.account(name).parent or name)
        balance = self.run(self.ledger.balances.of(AccountRef.parse(name)))
        assert balance.plan == account.plan_at(self.clock())
        space = balance.of("space")
        assert space.windows[0].used == account.level
        for metric in (REQUESTS, RENDERS):
            part, windows = balance.of(metric), account.windows(metric, self.clock())
            lots = [lot for lot in account.lots if lot.metric == metric]
            if part is None:
                assert not windows
                assert not any(lot.left for lot in lots)
                continue
            assert [w.used for w in part.windows] == [
                account.used.get((metric, key), 0) for _, key in windows
            ]
            assert [w.limit for w in part.windows] == [limit.units for limit, _ in windows]
            assert part.allowance_left == account.free(metric, self.clock())
            assert part.purchased == sum(lot.units - lot.taken for lot in lots)
            assert part.purchased_left == sum(lot.left for lot in lots)
            assert part.purchased_left - part.frozen == account.in_lots(metric, self.clock())
            assert part.debt == account.debt.get(metric, 0)


@pytest.mark.parametrize(("engine", "examples"), [("sqlite", 40), ("postgres", 10)])
def test_the_ledger_does_what_the_wider_model_does(server: PostgresServer | None, examples: int) -> None:
    """On PostgreSQL the same in fewer stories, each of which takes longer."""
    tell_stories(WideMachine, server, examples)
