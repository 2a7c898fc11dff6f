"""The loop over plain spends decides as one operation after another would be decided, entry by entry."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.catalog_file import load
from quota_core.consumes import Consume
from quota_core.decisions import Decisions
from quota_core.ledger import AccountState, Lot
from quota_core.plain_spends import Outcome, decide_plainly
from quota_core.posting import Posting
from tests.core.test_rule import METRIC, NOW_MS

REFS = [AccountRef("user", str(number)) for number in range(1, 6)]
OTHERS = (AccountRef("guild", "9"),)
MINUTE_MS = 60_000


def state_of(number: int, **changes: Any) -> AccountState:
    """Return an account that has used nothing yet of its day."""
    facts = {
        "plan": None,
        "plan_until_ms": None,
        "blocked": False,
        "locale": None,
        "created_ms": 0,
        "version": number,
        "head": number,
        "digest": bytes([number] * 16),
    }
    return AccountState(id=number, ref=REFS[number - 1], **{**facts, **changes})


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Return a resident book with some accounts, most of them ordinary."""
    book = Book(load("quota-manager"))
    book.metric_ids, book.last_id = {METRIC: 1}, 40
    for number, ref in enumerate(REFS, 1):
        if not draw(st.integers(0, 5)):
            continue
        state = book.states[ref] = state_of(
            number,
            plan=draw(st.sampled_from([*[None] * 8, *book.catalog.plans])),
            plan_until_ms=draw(st.sampled_from([*[None] * 6, NOW_MS - 1, NOW_MS + MINUTE_MS])),
            blocked=not draw(st.integers(0, 5)),
        )
        for window in book.terms(state, METRIC, NOW_MS).windows:
            if draw(st.integers(0, 5)):
                state.used[window.place] = (draw(st.integers(2, 50) | st.just(2)), draw(st.integers(0, 2)))
        if draw(st.booleans()):
            state.add_lots(METRIC, [Lot(id=number, source="grant", left=draw(st.integers(1, 40)))])
    return book


def copy_of(book: Book) -> Book:
    """Return a book with the same accounts that shares nothing that changes."""
    copied = Book(book.catalog)
    copied.metric_ids, copied.last_id = book.metric_ids, book.last_id
    for ref, state in book.states.items():
        lots = {metric: [replace(lot) for lot in lots] for metric, lots in state.lots.items()}
        copied.states[ref] = replace(state, used=dict(state.used), lots=lots)
    return copied


keys = st.integers(0, 20).map(lambda number: bytes([number] * 16))
operations = st.builds(
    Consume,
    account=st.sampled_from(REFS),
    metric=st.just(METRIC),
    units=st.integers(1, 3) | st.integers(1, 30),
    key=keys,
    others=st.sampled_from([*[()] * 6, OTHERS]),
)


def told(outcomes: list[Outcome]) -> list[Any]:
    """Return outcomes as they can be compared."""
    return [(type(one), vars(one)) if isinstance(one, Exception) else one for one in outcomes]


@given(books(), st.lists(operations, min_size=4, max_size=16), st.sets(keys, max_size=5))
def test_the_loop_decides_as_each_alone(book: Book, asked: list[Consume], older: set[bytes]) -> None:
    """Outcomes, entries, states and remembered keys are the same, whatever stands between the plain ones."""
    one, other = book, copy_of(book)
    found = []
    for way, its in (("loop", one), ("each", other)):
        deciding, posting = Decisions(its, clock=lambda: NOW_MS), Posting(its, NOW_MS)
        deciding._older_keys = set(older)
        posting.begin_at_once()
        if way == "loop":
            remembered = (deciding._keys, deciding._older_keys)
            outcomes = decide_plainly(
                asked, posting, its.states, remembered=remembered, otherwise=deciding._in_memory
            )
        else:
            outcomes, late = [], set[AccountRef]()
            for operation in asked:
                outcome = None if operation.account in late else deciding._in_memory(operation, posting)
                late.update(operation.payers if outcome is None else ())
                outcomes.append(outcome)
        posting.close()
        written = (posting.entries, posting.accounts, posting._crossed, posting._balances, posting._whole)
        found.append((told(outcomes), written, its.states, deciding._keys, its.last_id))

    assert found[0] == found[1]


def test_all_but_the_first_plain_spend_are_decided_by_the_loop() -> None:
    """The first asks for the windows of the plan; thresholds, empty windows and plans that end are not plain."""
    book = Book(load("quota-manager"))
    book.metric_ids, book.last_id = {METRIC: 1}, 40
    posting = Posting(book, NOW_MS)
    posting.begin_at_once()
    for number in (1, 2, 3, 4):
        ends_ms = NOW_MS + MINUTE_MS if number == 4 else None
        state = book.states[REFS[number - 1]] = state_of(number, plan_until_ms=ends_ms)
        (window,) = book.terms(state, METRIC, NOW_MS).windows
        state.used[window.place] = (0, 0)
    deciding = Decisions(book, clock=lambda: NOW_MS)
    alone: list[int] = []

    def otherwise(operation: Consume, posting: Posting) -> Outcome:
        alone.append(operation.key[0])
        return deciding._in_memory(operation, posting)

    asked = [
        Consume(REFS[account - 1], METRIC, units, bytes([place] * 16))
        for place, (account, units) in enumerate([(1, 1), (2, 1), (1, 2), (3, 49), (3, 2), (2, 1), (4, 1)])
    ]
    remembered = (deciding._keys, deciding._older_keys)
    decide_plainly(asked, posting, book.states, remembered=remembered, otherwise=otherwise)

    assert alone == [0, 3, 4, 6]
    assert [entry.units for entry in posting.entries] == [1, 1, 2, 49, 1, 1]
