"""
The shortest way to a decision, for nearly every operation of a large batch, in one loop.

Plain is: of no service and nobody else's, by an account that is resident, with one window that covers it and no
threshold to cross. It does what `Posting.spend_allowance` does, which takes everything else that windows cover; a
test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from struct import Struct

from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.chain import DIGEST_BYTES, Entry
from quota_core.consumes import Consume
from quota_core.errors import QuotaError
from quota_core.ledger import AccountState, EntryKind, Window
from quota_core.posting import Posting

_SPEND = int(EntryKind.SPEND)
_lay_out = Struct(">16s16s9q").pack
_begun = blake2b(digest_size=DIGEST_BYTES).copy
"""As `chain.seal` lays an entry out, and at two thirds of its cost."""
_new = tuple.__new__
_ANY_PARENT = AccountRef("external", "")
"""Whoever pays for an account that must be looked up: external, like it."""

Outcome = Spend | QuotaError | None


def decide_plainly(
    operations: Sequence[Consume],
    posting: Posting,
    states: Mapping[AccountRef, AccountState],
    *,
    remembered: tuple[set[bytes], set[bytes]],
    otherwise: Callable[[Consume, Posting], Outcome],
) -> list[Outcome]:
    """
    Decide operations in their order; what is not plain, `remembered` keys among it, is decided `otherwise`.

    All in one function: what it does for one operation costs less than calling another for it. None: see `_Later`.
    """
    (seen, older), state_of, now_ms = remembered, states.get, posting.now_ms
    entries, accounts, metric_ids = posting.entries, posting.accounts, posting.metric_ids
    outcomes, shared = list[Outcome](), posting.shared_windows
    window: tuple[str, str, int, int] | None = None
    plan: str | None = None
    metric, parts, spelled = "", "", 0
    later = _Later(states)
    late = later.refs
    for operation in operations:
        account, wanted, units, key, others, service, _, _, _ = operation
        if late and later.takes(operation):
            outcomes.append(None)
            continue
        state = None if others or service or key in seen or key in older else state_of(account)
        if not (
            state is None or state.parent or state.blocked or state.holds or state.plan_until_ms is not None
        ):
            if window is None or wanted != metric or state.plan != plan:
                plan, metric, spelled, window = state.plan, wanted, 0, _only(shared.get((state.plan, wanted)))
            if window is not None and (counted := state.used.get(window[0])) is not None:
                place, pot, limit, first_mark = window
                count, overage = counted
                count += units
                left = limit - count + overage
                if left >= 0 and count < first_mark:
                    state.used[place] = (count, overage)
                    if units != spelled:
                        spelled, parts = units, f"{pot}={units}"
                    purchased = posting.purchased_left(state, metric) if state.lots else 0
                    entry_id, number, version, head = posting.next_id, state.id, state.version + 1, state.head
                    digest, kind = _begun(), metric_ids[metric]
                    laid_out = _lay_out(
                        state.digest, key, number, version, head, _SPEND, kind, units, now_ms, left, purchased
                    )
                    digest.update(laid_out + parts.encode())
                    # As `Posting` makes an entry the last of its account.
                    posting.next_id = entry_id + 1
                    state.version, state.head, state.digest = version, entry_id, digest.digest()
                    facts = (entry_id, number, version, head, _SPEND, kind, units, parts, now_ms, key)
                    entries.append(_new(Entry, (*facts, left, purchased, state.digest)))
                    accounts[number] = state
                    seen.add(key)
                    spend = (metric, units, units, 0, 0, left, purchased, (entry_id,), False, ())
                    outcomes.append(_new(Spend, spend))
                    continue
        outcomes.append(later.noted(operation, otherwise(operation, posting)))
    return outcomes


class _Later:
    """Whose operations are left for later: everyone from whose pots one that was left may take."""

    def __init__(self, states: Mapping[AccountRef, AccountState]) -> None:
        self._states = states
        self.refs: set[AccountRef] = set()

    def takes(self, operation: Consume) -> bool:
        """Tell whether an operation must wait, since one before it does that may change what is left for it."""
        account = operation.account
        waits = account in self.refs or (account.kind == "external" and _ANY_PARENT in self.refs)
        if waits:
            self.noted(operation, None)
        return waits

    def noted(self, operation: Consume, outcome: Outcome) -> Outcome:
        """Note an operation that is left for later, and return its outcome."""
        for ref in operation.payers if outcome is None else ():
            self.refs.add(ref)
            state = self._states.get(ref)
            if state is None and ref.kind == "external":
                self.refs.add(_ANY_PARENT)
            elif state is not None and state.parent is not None:
                self.refs.add(state.parent)
        return outcome


def _only(windows: tuple[Window, ...] | None) -> tuple[str, str, int, int] | None:
    """Return place, pot, limit and first mark of a plan's only window, if it is known and has a limit."""
    if windows is None or len(windows) != 1 or windows[0].limit is None:
        return None
    return windows[0].place, windows[0].pot, windows[0].limit, windows[0].first_mark
