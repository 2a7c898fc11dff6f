"""
What an entry says beside units and pots, under the chain with them: `~until=1763600000000`.

    ~until=…     this hold ends by itself at that moment (UTC milliseconds); the first payer's entry has it
    ~hold12=3    an end of the hold that entry 12 placed: 3 of its units were used
    ~blocked=1   the account is blocked by hand, with 0 no longer; ~was_blocked=0 says what it was before
    ~parent=34   that account pays for this one, with 0 no other one
    ~to=34       the units went to that account, as ~by=56 made them go; ~from=12 they came from that one
"""

from __future__ import annotations

from quota_core.ledger import EntryKind
from quota_core.parts import FACT_MARK, Part, parts_of

UNTIL, BLOCKED, WAS_BLOCKED, PARENT = "until", "blocked", "was_blocked", "parent"
TO, BY, FROM = "to", "by", "from"
_HOLD = f"{FACT_MARK}hold"


def fact(name: str, number: int) -> Part:
    """Return the part that says this."""
    return (f"{FACT_MARK}{name}", number)


def fact_in(parts: str, name: str) -> int | None:
    """Return what an entry says under a name, None when it says nothing."""
    if FACT_MARK not in parts:
        return None
    return next((number for pot, number in parts_of(parts) if pot == f"{FACT_MARK}{name}"), None)


def hold_end(entry_id: int, used: int) -> Part:
    """Say which hold ends, and how many of its units were used."""
    return (f"{_HOLD}{entry_id}", used)


def hold_end_in(parts: str) -> tuple[int, int]:
    """Return (the entry of the hold that ends, its units that were used); ValueError where none ends."""
    for pot, used in parts_of(parts):
        if pot.startswith(_HOLD):
            return int(pot.removeprefix(_HOLD)), used
    raise ValueError("no hold ends here")


def action_of(kind: int, parts: str) -> str:
    """Return the word for what was done by hand in an entry."""
    if kind == EntryKind.STATUS:
        return "block" if fact_in(parts, BLOCKED) else "unblock"
    return EntryKind(kind).name.lower()
