"""Whatever is reported of a payment, in whatever order and how often: the same end, on both engines."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quota_core.accounts import AccountRef
from quota_core.after_sale import Movement, Reported, Reversal, standing_of, units_of
from quota_core.catalog_file import load
from quota_core.store.orders import OrderRow
from tests.core.opened_ledger import OpenLedger, SteerableClock, open_ledger
from tests.core.recounting import assert_sound
from tests.core.reversing import PRICE_MINOR, dispute, holds, ordered, pay, refund, refunded, report
from tests.postgres_server import PostgresServer

ALLOWANCE = 50
PAID = "paid"

# What happened, as (event, amount or movement, number or second): each is one report, or the payment itself.
events = st.one_of(
    st.tuples(st.just("refund"), st.integers(1, 1600), st.integers(1, 3)),
    st.tuples(st.just("failed"), st.integers(1, 1600), st.integers(1, 3)),
    st.tuples(st.just("sum"), st.integers(1, 1600), st.just(0)),
    st.tuples(st.just("dispute"), st.sampled_from([None, *Movement]), st.integers(1, 3)),
)


def _report(order: OrderRow, event: tuple[str, int | Movement | None, int]) -> Reversal:
    kind, value, number = event
    if kind == "dispute":
        assert value is None or isinstance(value, Movement)
        return dispute(order, value, at=number)
    assert value is not None
    # A refund's amount does not change while it lives: it follows from its number here.
    if kind == "sum":
        return refunded(order, value)
    return refund(order, 400 * number, f"re_{order.id}_{number}", failed=kind == "failed")


async def _lived(ledger: OpenLedger, account: AccountRef, happened: list[object], spent: int) -> object:
    """Let the events happen to a new purchase of this account, and return where it ends."""
    order = await ordered(ledger, account=account)
    if PAID not in happened:
        await pay(ledger, order)
        if spent:
            await ledger.quota.consume(account, ALLOWANCE + spent, key="spent")
    for event in happened:
        if event == PAID:
            await pay(ledger, order)
        else:
            await report(ledger, _own(order, _report(order, event)))  # type: ignore[arg-type]  # PAID is the only text
    lots = await ledger.rows(
        "SELECT units, left_units, taken_units, reversed_units, reversed_lot_units, frozen FROM lots "
        "WHERE order_id = $1",
        order.id,
    )
    return await holds(ledger, account), lots


def _own(order: OrderRow, reversal: Reversal) -> Reversal:
    """Give a dispute an id of its own for each order."""
    return replace(reversal, reference=f"du_{order.id}") if reversal.kind == "dispute" else reversal


class _Trial:
    """One ledger for all examples of a test; each permutation happens to an account of its own."""

    def __init__(self, server: PostgresServer | None, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self._numbers = itertools.count(1)
        place = folder / "quota.db" if server is None else self._runner.run(server.new_database())
        self._ledger = self._runner.run(
            open_ledger(place, catalog=load("quota-manager"), clock=SteerableClock())
        )

    def ends(self, happened: list[object], spent: int) -> set[str]:
        """Return where the permutations end; in each the first report comes once more."""
        return self._runner.run(self._ends(happened, spent))

    async def _ends(self, happened: list[object], spent: int) -> set[str]:
        found = set()
        for order in itertools.permutations(happened):
            account = AccountRef("user", str(next(self._numbers)))
            found.add(str(await _lived(self._ledger, account, [*order, order[0]], spent)))
        return found

    def end(self) -> None:
        """Prove the ledger and close it."""
        try:
            self._runner.run(assert_sound(self._ledger))
        finally:
            self._runner.run(self._ledger.close())
            self._runner.close()


@pytest.fixture
def trial(server: PostgresServer | None, tmp_path: Path) -> Iterator[_Trial]:
    """Return a ledger that is proved in the end."""
    running = _Trial(server, tmp_path)
    yield running
    running.end()


def test_any_order_of_reports_after_a_payment_ends_the_same(trial: _Trial) -> None:
    """Every permutation, for accounts that spent nothing, some or all."""

    @settings(max_examples=20, deadline=None)
    @given(st.lists(events, min_size=1, max_size=4, unique=True), st.sampled_from([0, 300, 1000]))
    def ends_the_same(happened: list[object], spent: int) -> None:
        assert len(trial.ends(happened, spent)) == 1

    ends_the_same()


def test_the_payment_itself_may_come_at_any_place(trial: _Trial) -> None:
    """A refund before its payment, a dispute before either."""

    @settings(max_examples=20, deadline=None)
    @given(st.lists(events, min_size=1, max_size=3, unique=True))
    def ends_the_same(happened: list[object]) -> None:
        assert len(trial.ends([*happened, PAID], 0)) == 1

    ends_the_same()


reports = st.lists(
    st.builds(
        Reported,
        st.sampled_from(["refund", "dispute"]),
        st.integers(0, 5000),
        st.sampled_from(["eur", "EUR"]),
        st.integers(0, 40),
    ),
    max_size=6,
)


@given(reports, st.integers(1, 5000), st.integers(1, 10_000))
def test_never_more_than_all_goes_back(reported: list[Reported], paid_minor: int, units: int) -> None:
    """Units in proportion, between none and all, and exactly all once everything was returned."""
    standing = standing_of(reported, currency="EUR", paid_minor=paid_minor)
    back = units_of(units, returned_minor=standing.returned_minor, paid_minor=paid_minor)

    assert 0 <= back <= units
    assert (back == units) >= (standing.returned_minor == paid_minor)
    assert back * paid_minor <= units * standing.returned_minor


def test_a_full_price_is_what_the_tests_refund() -> None:
    """The reports above go beyond it, up to it and below it."""
    assert 400 * 3 < PRICE_MINOR < 400 * 4 - 1
