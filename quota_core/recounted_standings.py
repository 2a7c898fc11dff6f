"""Where accounts stand, as entries alone tell it."""

from __future__ import annotations

from quota_core import facts
from quota_core.ledger import EntryKind

Standing = tuple[int | None, str]
"""An account's parent (None: none), and its status: active or blocked."""
AS_OPENED: Standing = (None, "active")
"""Of an account of which no entry says otherwise."""


def standing_after(before: Standing | None, kind: int, parts: str) -> Standing:
    """Return where an account stands after an entry that changed its status or its parent."""
    parent, status = AS_OPENED if before is None else before
    if kind == EntryKind.STATUS:
        return parent, "blocked" if facts.fact_in(parts, facts.BLOCKED) else "active"
    return facts.fact_in(parts, facts.PARENT) or None, status
