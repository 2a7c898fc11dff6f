"""
Statements: the entries of one account, readable, with all that the chain needs, signed.

Whoever has the file can follow each digest from the account's beginning to its head and add up every pot, without
the ledger; `statement_check` does it. docs/operations.md describes the format.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from quota_core.account_walk import Walked, account_now, entries_back
from quota_core.accounts import AccountRef
from quota_core.chain import Entry
from quota_core.database import Database
from quota_core.ledger import EntryKind
from quota_core.pots import Pots
from quota_core.signing import SigningKey
from quota_core.store import metrics as metric_rows

FORMAT = "jauge-statement-1"
MAX_ENTRIES = 20_000
"""Of longer histories the newest are in the file, about 7 MB; what was before stands in `opening`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A signed file; `entries` are in it, `earlier` ones only in its opening sums."""

    content: bytes
    entries: int
    earlier: int


class Statements:
    """Make statements."""

    def __init__(self, database: Database, key: SigningKey, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._key = key
        self._clock = clock

    async def has_entries(self, ref: AccountRef) -> bool:
        """Tell whether there is anything to state."""
        standing = await account_now(self._database, ref)
        return standing is not None and standing.version > 0

    async def of(self, ref: AccountRef) -> Statement | None:
        """
        Return the statement of an account, None when it has no entry.

        Raises:
            BrokenChainError: its entries are not what was written.
            UnavailableError: the ledger cannot be read just now.

        """
        standing = await account_now(self._database, ref)
        if standing is None or not standing.version:
            return None
        recent: list[Entry] = []
        opening, closing = Pots(), Pots()
        before: Entry | None = None
        async for entry in entries_back(self._database, standing):
            closing.add(entry)
            if len(recent) < MAX_ENTRIES:
                recent.append(entry)
            else:
                before = before or entry
                opening.add(entry)
        names = {number: name for name, number in (await self._database.read(metric_rows.metric_ids)).items()}
        recent.reverse()

        def written() -> bytes:
            document = {
                "format": FORMAT,
                "made": time_text(self._clock()),
                "account": {
                    "kind": ref.kind,
                    "external_id": ref.external_id,
                    "number": standing.id,
                    "opened": time_text(standing.created_ms),
                },
                "metrics": {names[number]: number for number in sorted({e.metric for e in recent})},
                "opening": _place(before, standing, opening, names),
                "entries": [_readable(entry, names) for entry in recent],
                "closing": _place(recent[-1], standing, closing, names),
            }
            return json.dumps(self._key.signed(document), ensure_ascii=False, indent=1).encode() + b"\n"

        # A long history takes a moment to write, and the bot has other things to do.
        content = await asyncio.to_thread(written)
        return Statement(content=content, entries=len(recent), earlier=standing.version - len(recent))


def time_text(at_ms: int) -> str:
    """Return a moment in UTC, exact to the millisecond: 2026-11-20T12:00:00.000Z."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03}Z"


def pots_text(pots: Pots, names: Mapping[int, str]) -> dict[str, int]:
    """Return units by `metric/pot`, without what holds nothing."""
    return {f"{names[metric]}/{pot}": units for (metric, pot), units in sorted(pots.units.items()) if units}


def _place(entry: Entry | None, account: Walked, pots: Pots, names: Mapping[int, str]) -> dict[str, Any]:
    """Return where the chain stands after an entry, None for its beginning."""
    return {
        "version": entry.version if entry else 0,
        "entry": entry.id if entry else 0,
        "digest": (entry.digest if entry else account.beginning).hex(),
        "pots": pots_text(pots, names),
    }


def _readable(entry: Entry, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "entry": entry.id,
        "version": entry.version,
        "previous": entry.prev,
        "time": time_text(entry.at_ms),
        "kind": EntryKind(entry.kind).name.lower(),
        "metric": names[entry.metric],
        "units": entry.units,
        "parts": entry.parts,
        "allowance_left": entry.allowance_left,
        "purchased_left": entry.purchased_left,
        "key": entry.key.hex(),
        "digest": entry.digest.hex(),
    }
