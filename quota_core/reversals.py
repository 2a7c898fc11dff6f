"""
What refunds and disputes do to a purchase, as transactions.

A report is kept first, by its payment, which may not be credited yet; then the purchase is brought to where all
reports together say it stands. So nothing depends on their order, nor on how often each comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b

from quota_core import taking_back
from quota_core.accounts import AccountRef
from quota_core.after_sale import Reversal, Standing, standing_of, units_of
from quota_core.balances import lots_left
from quota_core.book import Book
from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.keys import key_bytes
from quota_core.ledger import AccountState, Draft, EntryKind, Payer
from quota_core.notices import Notices
from quota_core.posting import Posting
from quota_core.statements import Statement, Work, take_turns
from quota_core.store import orders as order_rows
from quota_core.store import reversals as rows
from quota_core.store.orders import OrderRow
from quota_core.store.reversals import Sale


class Reversed(Enum):
    """What became of a report."""

    TAKEN_BACK = "taken back"
    RESTORED = "restored"
    FROZEN = "frozen"
    UNFROZEN = "unfrozen"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    MISMATCH = "mismatch"


_OUTCOMES = {
    EntryKind.TAKE_BACK: Reversed.TAKEN_BACK,
    EntryKind.RESTORE: Reversed.RESTORED,
    EntryKind.FREEZE: Reversed.FROZEN,
    EntryKind.UNFREEZE: Reversed.UNFROZEN,
}


def turn_of(payment: str) -> Statement:
    """
    Wait until no other transaction deals with this payment.

    Else the report of a payment and the one of its refund could each miss what the other is about to write.
    """
    return take_turns(int.from_bytes(blake2b(payment.encode(), digest_size=8).digest(), "big", signed=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What was done to a purchase: the last entry of it, what is owed and left afterwards."""

    kind: EntryKind
    units: int
    entry: int
    debt: int
    left: int


class Reversals:
    """Apply reports of refunds and disputes; arguments as of `Settlements`."""

    def __init__(
        self,
        database: Database,
        book: Book,
        notices: Notices,
        *,
        operators: Iterable[AccountRef],
        default_locale: str,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._book = book
        self._notices = notices
        self._operators = tuple(operators)
        self._default_locale = default_locale
        self._clock = clock

    async def report(self, reversal: Reversal) -> Reversed:
        """
        Apply one report, in one transaction with its outcome and the notices it causes.

        Raises:
            UnavailableError: nothing was changed; the provider must report again.

        """
        outcome = await self._database.write(lambda: self._report(reversal))
        crash_point("webhook.11.committed")
        self._notices.wake.set()
        return outcome

    def _report(self, reversal: Reversal) -> Work[Reversed]:
        crash_point("webhook.05.begun")
        now_ms = self._clock()
        yield turn_of(reversal.payment)
        order = yield from order_rows.locked_by_payment(reversal.payment)
        difference = None if order is None else _difference(order, reversal)
        if difference is not None and order is not None:
            outcome, text = Reversed.MISMATCH, f"mismatch: {difference}"
            facts = {
                "difference": difference,
                "event": reversal.event_id,
                "reference": reversal.reference,
                "order": order.id,
            }
            yield from self._tell_operators("payment_held", reversal.reference, facts, now_ms)
        else:
            yield from rows.keep(reversal, now_ms)
            crash_point("refund.50.report_kept")
            outcome = Reversed.KEPT
            if order is not None and order.state == "paid":
                outcome = yield from self.settle(order, reversal.kind, reversal.reference, now_ms)
            text = outcome.value
        yield from order_rows.set_outcome(reversal.event_id, text, now_ms)
        crash_point("webhook.06.outcome_row")
        crash_point("webhook.10.before_commit")
        return outcome

    def after_credit(self, order_id: str, now_ms: int) -> Work[None]:
        """Apply what was reported of a payment before it was credited; part of the transaction that credits it."""
        order = yield from order_rows.by_id(order_id)
        assert order is not None
        reports = [] if order.payment is None else (yield from rows.reported(order.payment))
        if reports:
            disputed = all(one.kind == "dispute" for one in reports)
            cause = "dispute" if disputed else "refund"
            yield from self.settle(order, cause, order.payment or order.id, now_ms)

    def settle(self, order: OrderRow, cause: str, reference: str, now_ms: int) -> Work[Reversed]:
        """Bring a paid order's purchase to where all reports say it stands."""
        assert order.payment is not None
        account = AccountRef(*order.account_ref)
        state = (yield from self._book.states_of([account], now_ms=now_ms, create=True))[account]
        sale = yield from rows.sale(order.id)
        paid_minor = order.price_minor + sale.tax_minor
        reports = yield from rows.reported(order.payment)
        standing = standing_of(reports, currency=order.currency, paid_minor=paid_minor)
        wanted = units_of(order.units, returned_minor=standing.returned_minor, paid_minor=paid_minor)
        change = yield from self._post(order, state, sale, wanted, standing, now_ms=now_ms)
        if change is None:
            return Reversed.UNCHANGED
        yield from self._tell_buyer(order, cause, change, standing, now_ms)
        if change.kind is EntryKind.FREEZE:
            facts: dict[str, str | int] = {
                "order": order.id,
                "reference": reference,
                "price_minor": order.price_minor,
                "currency": order.currency,
                "account": str(account),
                "units": change.units,
                "metric": order.metric,
            }
            yield from self._tell_operators("dispute_opened", reference, facts, now_ms)
        return _OUTCOMES[change.kind]

    def _post(
        self,
        order: OrderRow,
        state: AccountState,
        sale: Sale,
        wanted: int,
        standing: Standing,
        *,
        now_ms: int,
    ) -> Work[_Change | None]:
        """Write the entries that are missing: units taken or given back first, then a hold or its end."""
        metric = order.metric
        payers = yield from self._book.payers([(state, metric)], now_ms)
        payer = payers[state.id, metric]
        yield from self._book.touch(state, metric, [(f"#{sale.lot}", 0)])
        lot = next(lot for lot in state.lots[metric] if lot.id == sale.lot)
        posting = Posting(self._book, now_ms)
        yield from posting.begin(2)
        change = None
        if wanted > sale.reversed_units:
            draft = taking_back.take_back(state, metric, wanted - sale.reversed_units, lot)
            change = _append(posting, order, draft, payer)
        elif wanted < sale.reversed_units:
            draft = yield from self._restoring(state, metric, sale.reversed_units - wanted, sale)
            change = _append(posting, order, draft, payer)
        if standing.disputed != lot.frozen:
            draft = taking_back.freeze(state, metric, lot, frozen=standing.disputed)
            held = _append(posting, order, draft, payer)
            # Units that moved are told; a hold that only ends because of it goes without saying.
            change = held if change is None or standing.disputed else change
        if change is not None:
            posting.close()
            yield from posting.write()
            crash_point("refund.51.taken_back")
        return change

    def _restoring(self, state: AccountState, metric: str, units: int, sale: Sale) -> Work[Draft]:
        payers = yield from rows.debt_payers(state.id, self._book.metric_ids[metric])
        others = [(lot_id, paid) for lot_id, paid in payers if lot_id != sale.lot]
        others += [(lot_id, paid) for lot_id, paid in payers if lot_id == sale.lot]
        yield from self._book.touch(state, metric, [(f"#{lot_id}", 0) for lot_id, _ in others])
        lot = next(lot for lot in state.lots[metric] if lot.id == sale.lot)
        return taking_back.restore(
            state,
            metric,
            units,
            lot,
            taken=sale.reversed_units,
            taken_from_lot=sale.reversed_lot_units,
            debt_payers=others,
        )

    def _tell_buyer(
        self, order: OrderRow, cause: str, change: _Change, standing: Standing, now_ms: int
    ) -> Work[None]:
        buyer, receiver = AccountRef(*order.buyer_ref), AccountRef(*order.account_ref)
        states = yield from self._book.states_of([buyer, receiver], now_ms=now_ms, create=True)
        facts = {
            "order": order.id,
            "package": order.package,
            "metric": order.metric,
            "units": change.units,
            "account": str(receiver),
            "change": change.kind.name.lower(),
            "cause": "dispute" if cause == "dispute" else "refund",
            "returned_minor": standing.returned_minor,
            "currency": order.currency,
            "debt": change.debt,
            "after": change.left,
            "entry": change.entry,
        }
        about = f"{order.id}:{change.entry}"
        yield from self._notices.owe_sale(
            *(states[buyer], states[receiver], "reversal", about, facts), locale=order.locale, now_ms=now_ms
        )
        crash_point("webhook.09.notice_row")

    def _tell_operators(
        self, kind: str, about: str, facts: Mapping[str, str | int], now_ms: int
    ) -> Work[None]:
        states = yield from self._book.states_of(self._operators, now_ms=now_ms, create=True)
        yield from self._notices.owe_operators(
            [states[operator] for operator in self._operators],
            kind,
            about,
            facts,
            default_locale=self._default_locale,
            now_ms=now_ms,
        )


def _append(posting: Posting, order: OrderRow, draft: Draft, payer: Payer) -> _Change:
    state = draft.state
    # Nobody sends this key: what is to be done follows from what was reported and what was done already.
    key = key_bytes(f"{order.id}:reversal:{state.version + 1}")
    entry = posting.append(draft, key, payer.windows)
    return _Change(
        kind=draft.kind,
        units=draft.units,
        entry=entry.id,
        debt=state.debt.get(draft.metric, 0),
        left=lots_left(payer, draft.metric, posting.now_ms),
    )


def _difference(order: OrderRow, reversal: Reversal) -> str | None:
    if reversal.livemode != order.livemode:
        return f"livemode is {reversal.livemode}"
    if reversal.currency.upper() != order.currency:
        return f"currency is {reversal.currency}"
    return None
