"""
What an entry says beside units and pots, under the chain with them: `~until=1763600000000`.

    ~until=…     this hold ends by itself at that moment (UTC milliseconds); the first payer's entry has it
    ~hold12=3    an end of the hold that entry 12 placed: 3 of its units were used
"""

from __future__ import annotations

from quota_core.parts import Part, parts_of

FACT_MARK = "~"
_UNTIL, _HOLD = f"{FACT_MARK}until", f"{FACT_MARK}hold"


def until(until_ms: int) -> Part:
    """Say when a hold ends by itself."""
    return (_UNTIL, until_ms)


def until_in(parts: str) -> int | None:
    """Return when the hold of this entry ends; None where another account's entry says it, or it is no hold."""
    if _UNTIL not in parts:
        return None
    return next((moment for pot, moment in parts_of(parts) if pot == _UNTIL), None)


def hold_end(entry_id: int, used: int) -> Part:
    """Say which hold ends, and how many of its units were used."""
    return (f"{_HOLD}{entry_id}", used)


def hold_end_in(parts: str) -> tuple[int, int]:
    """Return (the entry of the hold that ends, its units that were used); ValueError where none ends."""
    for pot, used in parts_of(parts):
        if pot.startswith(_HOLD):
            return int(pot.removeprefix(_HOLD)), used
    raise ValueError("no hold ends here")
