"""The pure rule against one unit after the other, for any pots."""

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from quota_core import ledger, taking_back
from quota_core.accounts import AccountRef
from quota_core.applying import apply
from quota_core.ledger import NEVER_MS, AccountState, Draft, EntryKind, Lot, Payer, Shortage, Window
from quota_core.parts import parts_of, parts_text
from quota_core.periods import Period
from quota_core.returns import given_back
from tests.core.plain_model import Limit, PlainAccount, PlainLedger, PlainLot

METRIC = "requests"
NOW_MS = 1_000_000


@dataclass
class DrawnAccount(PlainAccount):
    """A plain account whose windows are drawn instead of planned."""

    drawn: list[tuple[Limit, str]] = field(default_factory=list)

    def windows(self, metric: str, now_ms: int) -> list[tuple[Limit, str]]:
        """Return what was drawn."""
        del metric, now_ms
        return self.drawn


@st.composite
def accounts(draw: st.DrawFn, number: int) -> tuple[DrawnAccount, Payer]:
    """Draw the same account twice: for the model, and for the rule."""
    plain = DrawnAccount()
    windows, used = [], {}
    for place in range(draw(st.sampled_from((0, 0, 1, 1, 2, 3)))):
        units = draw(st.sampled_from((None, *range(13))))
        beyond = draw(st.sampled_from((0, 0, 3, None)))
        spent = draw(st.integers(0, 14))
        over = draw(st.integers(0, spent)) if beyond != 0 and units is not None else 0
        key = f"window{place}"
        plain.drawn.append((Limit("day", units, beyond), key))
        plain.used[METRIC, key], plain.beyond[METRIC, key] = spent, over
        window = Window(
            place=f"{METRIC}/{key}",
            pot=key,
            kind="day",
            period=Period(key, 0, 2 * NOW_MS),
            limit=units,
            cap=beyond,
            percents=(),
            first_mark=NEVER_MS,
        )
        windows.append(window)
        used[window.place] = (spent, over)
    lots = []
    for place in range(draw(st.integers(0, 4))):
        left = draw(st.sampled_from(range(5, -1, -1)))
        ends_ms = draw(st.sampled_from((NEVER_MS, NOW_MS + 2, NOW_MS + 1, NOW_MS, NOW_MS - 1)))
        source = draw(st.sampled_from(("grant", "purchase")))
        lot_number = 10 * number + place
        plain.lots.append(PlainLot(lot_number, METRIC, source, left, left, ends_ms))
        lots.append(Lot(id=lot_number, source=source, left=left, expires_ms=ends_ms))
    state = AccountState(
        id=number,
        ref=AccountRef("user", str(number)),
        plan=None,
        plan_until_ms=None,
        blocked=False,
        locale=None,
        created_ms=0,
        version=0,
        head=0,
        digest=b"",
        used=used,
        lots={METRIC: lots},
        debt={METRIC: draw(st.integers(0, 4))},
    )
    plain.debt[METRIC] = state.debt[METRIC]
    return plain, Payer(state, tuple(windows))


@st.composite
def several(draw: st.DrawFn) -> tuple[PlainLedger, list[Payer]]:
    """Draw one to three accounts that pay in order."""
    model, payers = PlainLedger(), []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        plain, payer = draw(accounts(number))
        model.accounts[f"{number}"] = plain
        payers.append(payer)
    return model, payers


def assert_same(model: PlainLedger, payers: list[Payer]) -> None:
    """Compare every pot of every account."""
    for payer in payers:
        plain = model.accounts[str(payer.state.id)]
        for place, (used, over) in payer.state.used.items():
            key = place.removeprefix(f"{METRIC}/")
            assert (used, over) == (plain.used[METRIC, key], plain.beyond[METRIC, key])
        assert {lot.id: lot.left for lot in payer.state.lots[METRIC]} == {
            lot.number: lot.left for lot in plain.lots
        }
        assert payer.state.debt[METRIC] == plain.debt[METRIC]


@settings(max_examples=500)
@given(several(), st.integers(1, 25))
def test_a_spend_takes_what_one_unit_after_the_other_would(
    drawn: tuple[PlainLedger, list[Payer]], units: int
) -> None:
    """Whatever the pots: whole or refused, the same pots, the parts add up, and giving back undoes it."""
    model, payers = drawn
    names = list(model.accounts)
    left = model.left(names, METRIC, units, NOW_MS)
    expected = model.spend(names, METRIC, units, NOW_MS)
    drafts = ledger.spend(payers, METRIC, units, NOW_MS)
    if isinstance(drafts, Shortage):
        assert expected is None
        assert drafts.units_left == left
        return
    for draft in drafts:
        apply(draft)

    assert expected is not None
    assert {str(draft.state.id): draft.units for draft in drafts if draft.units} == expected.by_account
    assert drafts[0].state is payers[0].state
    assert_same(model, payers)
    for draft in drafts:
        if draft.units:  # else the first payer's, which only names who paid
            model.give_back(str(draft.state.id), expected)
    return_units(drafts, units)
    assert_same(model, payers)


def return_units(drafts: list[Draft], units: int) -> None:
    """Give units of a spend back to those who paid."""
    for draft, back in zip(drafts, given_back([draft.parts for draft in drafts], units), strict=True):
        apply(replace(draft, kind=EntryKind.GIVE_BACK, units=back.units, parts=back.parts))


@settings(max_examples=300)
@given(several(), st.integers(1, 25), st.integers(0, 25))
def test_what_goes_back_leaves_what_a_smaller_spend_would_have_left(
    drawn: tuple[PlainLedger, list[Payer]], units: int, used: int
) -> None:
    """A hold that is settled takes, in the end, from the same pots as a spend of what was used."""
    model, payers = drawn
    used = min(used, units)
    drafts = ledger.spend(payers, METRIC, units, NOW_MS)
    if isinstance(drafts, Shortage):
        return
    for draft in drafts:
        apply(draft)
    return_units(drafts, units - used)
    if used:
        model.spend(list(model.accounts), METRIC, used, NOW_MS)

    assert_same(model, payers)


@given(several(), st.integers(1, 40))
def test_no_bought_unit_goes_while_the_allowance_is_free(
    drawn: tuple[PlainLedger, list[Payer]], units: int
) -> None:
    """L12: whoever spends from a lot or beyond a limit has used up the own windows first."""
    _, payers = drawn
    drafts = ledger.spend(payers, METRIC, units, NOW_MS)
    for draft in [] if isinstance(drafts, Shortage) else drafts:
        apply(draft)
        payer = next(payer for payer in payers if payer.state is draft.state)
        beyond_windows = any(pot[0] in "#+" for pot, _ in draft.parts)

        assert not beyond_windows or ledger.allowance_left(payer) == 0
        assert draft.units > 0 or draft is drafts[0]


@given(accounts(1), st.integers(1, 12))
def test_what_comes_pays_debt_first(drawn: tuple[DrawnAccount, Payer], units: int) -> None:
    """P4: a debt is paid before a unit can be spent; both never go below zero."""
    plain, payer = drawn
    state, owed = payer.state, plain.debt[METRIC]
    state.lots[METRIC].append(Lot(id=99, source="purchase", left=0))
    apply(ledger.bring(state, EntryKind.PURCHASE, METRIC, units, 99))

    assert state.debt[METRIC] == max(0, owed - units)
    assert state.lots[METRIC][-1].left == max(0, units - owed)


@given(accounts(1), st.integers(1, 30))
def test_removing_goes_down_to_zero_and_no_further(drawn: tuple[DrawnAccount, Payer], units: int) -> None:
    """Given units go before bought ones, the newest first; the draft says how many went."""
    plain, payer = drawn
    model = PlainLedger()
    model.accounts["1"] = plain
    draft = taking_back.remove(payer.state, METRIC, units, NOW_MS)
    apply(draft)

    assert draft.units == model.remove("1", METRIC, units, NOW_MS)
    assert_same(model, [payer])


def test_lots_are_spent_by_their_end_and_then_by_their_age() -> None:
    """What would be lost first goes first; what never ends, oldest first."""
    ends = (NEVER_MS, NOW_MS + 2, NEVER_MS, NOW_MS + 1, NOW_MS)
    lots = [Lot(id=place, source="grant", left=1, expires_ms=ends_ms) for place, ends_ms in enumerate(ends)]

    assert [lot.id for lot in ledger.spendable(lots, NOW_MS)] == [3, 1, 0, 2]


def test_a_frozen_lot_is_not_spent() -> None:
    """A disputed purchase keeps its units until the dispute ends."""
    lots = [Lot(id=1, source="purchase", left=5, frozen=True), Lot(id=2, source="grant", left=1)]

    assert [lot.id for lot in ledger.spendable(lots, NOW_MS)] == [2]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("2026-11-20", "2026-W47", "month@2026-01-31", "#12", "+2026-11", "!")),
            st.integers(-(2**53), 2**53),
        )
    )
)
def test_parts_read_back_as_they_were_written(parts: list[tuple[str, int]]) -> None:
    """Every kind of pot survives its spelling."""
    assert parts_of(parts_text(parts)) == parts
