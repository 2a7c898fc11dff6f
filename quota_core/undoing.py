"""Undo what was spent or held, in the windows and lots that it was booked on, as a transaction's work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quota_core import facts, shares
from quota_core.accounts import AccountRef
from quota_core.book import Book
from quota_core.chain import Entry
from quota_core.corrections import audit_uncorrected, uncorrected
from quota_core.errors import UnknownSpendError
from quota_core.keys import derived_key
from quota_core.ledger import AccountState, Draft, EntryKind, Payer
from quota_core.parts import DRAWN_MARK, SERVICE_MARK, parts_of
from quota_core.periods import LEVEL
from quota_core.posting import Posting
from quota_core.returns import Back, given_back
from quota_core.statements import Work
from quota_core.store import entries as entry_rows
from quota_core.store import states as state_rows


def give_back(book: Book, account: AccountRef, key: bytes, now_ms: int) -> Work[int]:
    """Undo the spend of this key, once, and return its units; UnknownSpendError when there is none."""
    states = yield from book.states_of([account], now_ms=now_ms, create=False)
    state = states[account]
    spent = (yield from shares.known([(key, state.id)])).get((key, state.id), [])
    if not spent or spent[0].kind != EntryKind.SPEND:
        raise UnknownSpendError("nothing was spent under this key")
    units = sum(entry.units for entry in spent)
    back_key = derived_key("give_back", key)
    if not (yield from entry_rows.by_keys([(back_key, state.id)])):
        yield from take_back(
            book, spent, EntryKind.GIVE_BACK, units, key=back_key, now_ms=now_ms, states=states
        )
    return units


def take_back(
    book: Book,
    taken: Sequence[Entry],
    kind: EntryKind,
    units: int,
    *,
    key: bytes,
    now_ms: int,
    states: Mapping[AccountRef, AccountState],
) -> Work[list[Entry]]:
    """
    Give `units` of what these entries took back to those who paid, under `key` at the first of them.

    `states` are those that the transaction has locked already: they are changed, and not read a second time.
    """
    first, metric = taken[0], book.metric_names[taken[0].metric]
    of = yield from _payers(book, taken, metric, now_ms, states)
    backs = given_back([parts_of(entry.parts) for entry in taken], units)
    if book.catalog.is_gauge(metric):
        backs = [_of_level(back, payer.state, metric) for back, payer in zip(backs, of, strict=True)]
    lacking = [
        (draft, payer.windows)
        for back, payer in zip(backs, of, strict=True)
        for draft in uncorrected(payer.state, metric, back.parts)
    ]
    posting = Posting(book, now_ms)
    yield from posting.begin(len(lacking) + len(taken))
    corrected = [
        posting.append(draft, derived_key(f"uncorrect {number}", key), windows)
        for number, (draft, windows) in enumerate(lacking)
    ]
    for entry, payer, back in zip(taken, of, backs, strict=True):
        parts = back.parts
        if kind is not EntryKind.SETTLE:  # else the service was called all the same
            parts += tuple((pot, -n) for pot, n in parts_of(entry.parts) if pot[0] == SERVICE_MARK)
        if kind is not EntryKind.GIVE_BACK:
            parts += (facts.hold_end(entry.id, entry.units - back.units),)
            payer.state.holds = tuple(hold for hold in payer.state.holds if hold.entry != entry.id)
        if entry is first:
            returned = {str(o.account): got.units for o, got in zip(taken[1:], backs[1:], strict=True)}
            parts += tuple((f"^{account}", -got) for account, got in returned.items())
            parts += tuple(
                (pot, -returned[pot[1:].partition("/")[0]])
                for pot, _ in parts_of(entry.parts)
                if pot[0] == DRAWN_MARK
            )
        draft = Draft(state=payer.state, kind=kind, metric=metric, units=back.units, parts=parts)
        own_key = key if entry is first else shares.payer_key(first.account, key)
        posting.append(draft, own_key, payer.windows)
    posting.close()
    yield from posting.write()
    yield from audit_uncorrected(corrected, now_ms)
    return posting.entries[len(corrected) :]


def _payers(
    book: Book, taken: Sequence[Entry], metric: str, now_ms: int, states: Mapping[AccountRef, AccountState]
) -> Work[list[Payer]]:
    """Return who paid for each entry, with every pot that it names."""
    refs = yield from state_rows.refs([entry.account for entry in taken])
    found = {ref: states[ref] for ref in refs.values() if ref in states}
    found |= yield from book.states_of(
        [ref for ref in refs.values() if ref not in found], now_ms=now_ms, create=False
    )
    payers = yield from book.payers([(state, metric) for state in found.values()], now_ms)
    of = [payers[entry.account, metric] for entry in taken]
    for entry, payer in zip(taken, of, strict=True):
        yield from book.touch(payer.state, metric, parts_of(entry.parts))
    return of


def _of_level(back: Back, state: AccountState, metric: str) -> Back:
    """Return what goes back of a level, which may have been measured lower since."""
    # Of an account for which its parent paid, no level was read.
    level = state.used.get(f"{metric}/{LEVEL.key}", (0, 0))[0]
    parts = tuple((pot, max(delta, -level) if pot == LEVEL.key else delta) for pot, delta in back.parts)
    return Back(sum(abs(delta) for _, delta in parts), parts)
