"""Everything that is kept of one person, as one file for that person."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from quota_core.account_statement import Statements, time_text
from quota_core.account_walk import account_now
from quota_core.accounts import AccountRef
from quota_core.database import Database
from quota_core.statements import Work
from quota_core.store import personal as rows

FORMAT = "jauge-personal-data-1"
_KEY_COLUMNS = ("id", "name", "scopes", "created_ms", "expires_ms", "revoked_ms")
_DEED_COLUMNS = ("action", "reason", "at_ms")
_DELIVERY_COLUMNS = ("id", "type", "body", "received_ms")


class PersonalData:
    """Collect what is kept of an account."""

    def __init__(self, database: Database, statements: Statements, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._statements = statements
        self._clock = clock

    async def of(self, ref: AccountRef) -> bytes | None:
        """
        Return the file, None when nothing is kept. Of each table at most 5 000 rows, of entries the newest 20 000.

        Raises:
            BrokenChainError: its entries are not what was written.
            UnavailableError: the ledger cannot be read just now.

        """
        standing = await account_now(self._database, ref)
        if standing is None:
            return None
        tables = await self._database.read(lambda: _tables(standing.id, str(ref)))
        statement = await self._statements.of(ref)
        document: dict[str, Any] = {
            "format": FORMAT,
            "made": time_text(self._clock()),
            "account": str(ref),
            "kept": tables,
            "statement": None if statement is None else json.loads(statement.content),
        }
        return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def _tables(account: int, spelled: str) -> Work[dict[str, list[dict[str, Any]]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for table, kept in rows.TABLES.items():
        about = yield from rows.rows_about(table, account)
        found[table] = [dict(zip(kept.columns, row, strict=True)) for row in about]
    keys = yield from rows.keys_about(spelled)
    found["api_keys"] = [dict(zip(_KEY_COLUMNS, row, strict=True)) for row in keys]
    deeds = yield from rows.deeds_about(account)
    found["audit"] = [dict(zip(_DEED_COLUMNS, row, strict=True)) for row in deeds]
    said = yield from rows.deliveries_about(account)
    found["deliveries"] = [dict(zip(_DELIVERY_COLUMNS, row, strict=True)) for row in said]
    return found
