"""
What a ledger says against what the world outside knows: lost, doubled, drifted, negative, untold.

Nothing here trusts a sum of the product: rows are compared with requests, payments and messages one by one; the
product's own proof must agree on top.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from quota_core.accounts import AccountRef
from quota_core.after_sale import units_of
from quota_core.errors import QuotaError
from quota_core.keys import key_bytes
from quota_core.ledger import EntryKind
from quota_core.proof import Proof
from quota_core.store import reversals as reversal_rows

if TYPE_CHECKING:
    from chaos.life import Life

ASKED_KINDS = {
    EntryKind.SPEND: "spend",
    EntryKind.GRANT: "add",
    EntryKind.REMOVE: "remove",
    EntryKind.PLAN: "plan",
    EntryKind.HOLD: "hold",
    EntryKind.TRANSFER: "share",
}
WHOLE = (EntryKind.SPEND, EntryKind.GRANT, EntryKind.HOLD, EntryKind.TRANSFER)
"""What is done whole or not at all."""
NEGATIVE = """
SELECT 'lot', id FROM lots WHERE left_units < 0 OR taken_units < 0
UNION ALL SELECT 'window', account FROM allowances WHERE used < 0 OR overage < 0 OR overage > used
UNION ALL SELECT 'debt', account FROM debts WHERE units < 0
UNION ALL SELECT 'entry', id FROM entries WHERE units < 0 OR purchased_left < 0
"""
KINDS = ("lost", "doubled", "drifted", "negative", "untold")


class Findings:
    """What is wrong, by kind; `acknowledged` counts what was compared."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self.acknowledged = 0

    def __call__(self, kind: str, *texts: str) -> None:
        """Note what is wrong."""
        self.found[kind] += texts


async def check(life: Life) -> Findings:
    """Compare everything; the outside must be at rest."""
    findings = Findings()
    await _requests(life, findings)
    await _ends(life, findings)
    await _payments(life, findings)
    await _messages(life, findings)
    for what, number in await life.rows(NEGATIVE):
        findings("negative", f"{what} {number}")
    verdict = await Proof(life.ledger.database).verify()
    findings("drifted", *verdict.problems)
    return findings


async def _requests(life: Life, findings: Findings) -> None:
    known = life.outside.known()
    findings.acknowledged += len(known.answered)
    asked = {key_bytes(key): one for key, one in known.asked.items()}
    people: dict[int, str] = dict(await life.rows("SELECT id, external_id FROM accounts"))
    entries = await life.rows("SELECT key, account, kind, units, parts FROM entries")
    times = Counter((row[0], row[1]) for row in entries)
    findings("doubled", *(f"{count} entries of one key" for count in times.values() if count > 1))
    there = {row[0] for row in entries}
    findings("lost", *(key for key in known.answered if key_bytes(key) not in there))
    for key, account, kind, units, parts in entries:
        # Nobody asks for the second half of a transfer: that each has its other one, the proof says.
        if kind not in ASKED_KINDS or "~from=" in parts:
            continue
        one = asked.get(key)
        if one is None or (one.what, one.account) != (ASKED_KINDS[EntryKind(kind)], people[account]):
            findings("doubled", f"an entry of {people[account]} that nobody asked for: {key!r}")
        elif kind in WHOLE and str(units) != str(one.units).partition(":")[0]:
            findings("drifted", f"{units} units where {one.units} were asked: {one.key}")


async def _ends(life: Life, findings: Findings) -> None:
    """Ask for the end of each hold again: whoever was answered gets the same answer."""
    for line in life.outside.ends():
        account, key, used = line["account"], line["hold"], line["used"]
        try:
            end = await life.core.quota.settle(AccountRef("user", account), key=key, units=used)
        except QuotaError as error:
            findings("lost", f"the end of hold {key}: {error!r}")
        else:
            if end.units_used != used:
                findings("drifted", f"hold {key} was settled with {used} and ended with {end.units_used}")


async def _payments(life: Life, findings: Findings) -> None:
    till = life.till
    rows = await life.rows(
        "SELECT o.reference, o.state, count(l.id), sum(l.units), max(o.units) FROM orders o "
        "LEFT JOIN lots l ON l.order_id = o.id AND l.source = 'purchase' GROUP BY o.reference, o.state, o.id"
    )
    credited = {row[0]: row for row in rows if row[2]}
    findings.acknowledged += len(till.taken)
    findings("lost", *(f"{session} was taken and not credited" for session in till.taken - credited.keys()))
    for reference, state, lots, units, ordered in credited.values():
        if reference not in till.paid:
            findings("doubled", f"{reference} was credited and not paid")
        if (state, lots, units) != ("paid", 1, ordered):
            findings("doubled", f"{reference}: {lots} credits of {units} for {ordered} units, {state}")
    await _refunds(life, findings)
    notices: dict[str, int] = dict(
        await life.rows("SELECT about, count(*) FROM notices WHERE kind = 'purchase' GROUP BY about")
    )
    for session in till.taken:
        if notices.get(till.orders[session]) != 1:
            findings("untold", f"{session}: {notices.get(till.orders[session], 0)} notices")


async def _refunds(life: Life, findings: Findings) -> None:
    """Of each purchase as many units went back as money did, however it was reported."""
    till = life.till
    returned: Counter[str] = Counter()
    for refund in till.refunded:
        session, amount_minor = till.refunds[refund]
        returned[session] += amount_minor
    for session, amount_minor in returned.items():
        order_id, paid_minor = till.orders[session], till.paid[session]
        sale = await life.ledger.database.read(lambda order_id=order_id: reversal_rows.sale(order_id))  # type: ignore[misc]
        [(units,)] = await life.rows("SELECT units FROM orders WHERE id = $1", order_id)
        expected = units_of(units, returned_minor=min(amount_minor, paid_minor), paid_minor=paid_minor)
        if sale.reversed_units != expected and not till.reports:
            findings("drifted", f"{session}: {sale.reversed_units} of {units} went back for {amount_minor}")


async def _messages(life: Life, findings: Findings) -> None:
    """Discord drops what comes twice under one nonce: what is seen is a nonce, and each is of one notice."""
    rows = await life.rows("SELECT id, nonce, state FROM notices")
    nonces = {row[0]: row[1] for row in rows}
    posted = {(line["notice"], line["nonce"]) for line in life.outside.discord.read()}
    for notice, nonce in posted:
        if nonces.get(notice) != nonce:
            findings("untold", f"a message of notice {notice}, which is not owed, or under another nonce")
    seen = {notice for notice, _ in posted}
    findings(
        "untold",
        *(
            f"notice {row[0]} is {row[2]} and was not seen"
            for row in rows
            if row[2] == "sent" and row[0] not in seen
        ),
    )
