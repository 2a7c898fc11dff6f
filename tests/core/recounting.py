"""Recounting a ledger from the text of its entries, row by row, and comparing it with every cached sum."""

from collections import defaultdict

from quota_core.chain import digest_of
from quota_core.ledger import EntryKind
from quota_core.proof import Proof
from quota_core.witnesses import first_digest
from tests.core.opened_ledger import OpenLedger

TAKING = (EntryKind.SPEND, EntryKind.HOLD)
RETURNING = (EntryKind.GIVE_BACK, EntryKind.SETTLE, EntryKind.RELEASE)


async def assert_sound(ledger: OpenLedger) -> None:
    """Check L1, L2, L5, L6, L7 and L15 on the rows themselves, then let the core's own proof agree."""
    await _assert_sums(ledger)
    await _assert_chains(ledger)
    await _assert_keys(ledger)
    verdict = await Proof(ledger.database).verify()
    assert verdict.sound, verdict.problems


async def _assert_sums(ledger: OpenLedger) -> None:
    used: dict[tuple[int, int, str], int] = defaultdict(int)
    overage: dict[tuple[int, int, str], int] = defaultdict(int)
    lots: dict[int, int] = defaultdict(int)
    debts: dict[tuple[int, int], int] = defaultdict(int)
    for entry in await ledger.entries():
        if entry.kind == EntryKind.PLAN:
            continue
        for part in entry.parts.split():
            pot, _, delta = part.rpartition("=")
            if pot.startswith("#"):
                lots[int(pot[1:])] += int(delta)
            elif pot == "!":
                debts[entry.account, entry.metric] += int(delta)
            elif pot.startswith("+"):
                overage[entry.account, entry.metric, pot[1:]] += int(delta)
            elif pot[0] not in "^@&*~":
                used[entry.account, entry.metric, pot] += int(delta)
    windows = await used_windows(ledger)
    lot_rows = await ledger.rows("SELECT id, left_units FROM lots")
    debt_rows = await ledger.rows("SELECT account, metric, units FROM debts")

    assert {key: n for key, (n, _) in windows.items() if n} == {key: n for key, n in used.items() if n}
    assert {key: n for key, (_, n) in windows.items() if n} == {key: n for key, n in overage.items() if n}
    assert {row[0]: row[1] for row in lot_rows} == dict(lots)
    assert {row[:2]: row[2] for row in debt_rows if row[2]} == {key: n for key, n in debts.items() if n}
    await _assert_conservation(ledger)
    await _assert_holds(ledger)


async def _assert_holds(ledger: OpenLedger) -> None:
    """Each entry that holds for its own account has ended once, or has a row."""
    entries = await ledger.entries()
    placed = {entry.id for entry in entries if "~until=" in entry.parts}
    ends = [
        int(part.removeprefix("~hold").partition("=")[0])
        for entry in entries
        for part in entry.parts.split()
        if part.startswith("~hold")
    ]
    rows = [row[0] for row in await ledger.rows("SELECT entry FROM holds")]

    assert len(set(ends)) == len(ends)
    assert placed - set(ends) == set(rows)
    assert len(set(rows)) == len(rows)


async def used_windows(ledger: OpenLedger) -> dict[tuple[int, int, str], tuple[int, int]]:
    """Return (used, overage) of every window: closed ones from their rows, open ones from the balances."""
    numbers: dict[str, int] = dict(await ledger.rows("SELECT name, id FROM metrics"))
    rows = await ledger.rows("SELECT account, metric, period, used, overage FROM allowances")
    windows = {row[:3]: row[3:] for row in rows}
    for account, text in await ledger.rows("SELECT account, windows FROM balances"):
        for window in text.split():
            place, _, counts = window.rpartition("=")
            metric, _, period = place.partition("/")
            used, _, overage = counts.partition("+")
            windows[account, numbers[metric], period] = (int(used), int(overage or 0))
    return windows


async def _assert_conservation(ledger: OpenLedger) -> None:
    """L2: per metric, units brought - spent - moved on - expired - taken back = units in lots."""
    rows = await ledger.rows(
        "SELECT metric, sum(units), sum(left_units), sum(taken_units), sum(expired_units) FROM lots GROUP BY 1"
    )
    spent: dict[int, int] = defaultdict(int)
    for entry in await ledger.entries():
        if entry.kind in (*TAKING, *RETURNING) or "~to=" in entry.parts:
            parts = [part.rpartition("=") for part in entry.parts.split()]
            spent[entry.metric] -= sum(int(delta) for pot, _, delta in parts if pot.startswith("#"))

    for metric, brought, left, taken, expired in rows:
        assert brought - spent[metric] - taken - expired == left


async def _assert_chains(ledger: OpenLedger) -> None:
    opened = await ledger.rows("SELECT id, kind, external_id, created_ms FROM accounts")
    begun = {row[0]: (0, 0, first_digest(*row[1:])) for row in opened}
    last: dict[int, tuple[int, int, bytes]] = {}
    for entry in await ledger.entries():
        version, head, digest = last.get(entry.account, begun[entry.account])
        assert (entry.version, entry.prev) == (version + 1, head)
        assert entry.digest == digest_of(entry, digest)
        last[entry.account] = (entry.version, entry.id, entry.digest)
    accounts = await ledger.rows("SELECT account, version, head, digest FROM balances")

    assert {row[0]: row[1:] for row in accounts} == begun | last


async def _assert_keys(ledger: OpenLedger) -> None:
    twice = await ledger.rows("SELECT key, account FROM entries GROUP BY 1, 2 HAVING count(*) > 1")
    negative = await ledger.rows(
        "SELECT 'lot' FROM lots WHERE left_units < 0 OR taken_units < 0 UNION ALL "
        "SELECT 'window' FROM allowances WHERE used < 0 OR overage < 0 OR overage > used UNION ALL "
        "SELECT 'debt' FROM debts WHERE units < 0 UNION ALL "
        "SELECT 'entry' FROM entries WHERE units < 0 OR purchased_left < 0"
    )

    assert {type(entry.units) for entry in await ledger.entries()} <= {int}
    assert twice == []
    assert negative == []
