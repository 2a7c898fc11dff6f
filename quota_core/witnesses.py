"""
What puts a fact under the chain that no sum would show: a digest of it, in an entry or in a name.

The name and the birth of an account stand before its first entry, who made a change by hand and why in the entry
of that change, what was ordered in the order's own id, and what was paid in the entry that credits it. Whoever
alters one of these rows alone leaves a witness that says otherwise.
"""

from __future__ import annotations

from hashlib import blake2b

from quota_core.chain import DIGEST_BYTES

MARK = "&"
"""Begins the pot of a part that holds a digest: &0f3a…=1."""
ENDS_MARK = "@"
"""Begins the pot of a part that says when a lot ends, in UTC milliseconds: @12=1763600000000."""
_ORDER_BYTES = 10
Fact = str | int | None


def first_digest(kind: str, external_id: str, created_ms: int) -> bytes:
    """Return what stands before an account's first entry: its name and when it was opened."""
    return _digest("account", (kind, external_id, created_ms), DIGEST_BYTES)


def by_hand(actor: str, action: str, reason: str) -> tuple[str, int]:
    """Return the part that binds an audit row to its entry."""
    return _part("audit", (actor, action, reason))


def beginning(kind: str, external_id: str, created_ms: int, kept: bytes | None) -> bytes:
    """Return what stands before an account's first entry; `kept` is it where the name was erased since."""
    return first_digest(kind, external_id, created_ms) if kept is None else kept


def erased(account: int) -> tuple[str, int]:
    """Return the part of the entry that records that an account's person was forgotten."""
    return _part("erased", (account,))


def paid(
    order_id: str, reference: str | None, payment: str | None, tax_minor: int, parameters: str
) -> tuple[str, int]:
    """Return the part that binds a paid order to the entry that credits it."""
    return _part("paid", (order_id, reference, payment, tax_minor, parameters))


def order_id(opened_ms: int, facts: tuple[Fact, ...]) -> str:
    """
    Return the id of an order that holds a digest of what was ordered: `ord_`, its time, and 80 bits.

    `facts` end with the order's secret token, so that ids cannot be guessed and never come twice.
    """
    return f"ord_{opened_ms:012x}{_digest('order', (opened_ms, *facts), _ORDER_BYTES).hex()}"


def _part(name: str, facts: tuple[Fact, ...]) -> tuple[str, int]:
    return f"{MARK}{_digest(name, facts, DIGEST_BYTES).hex()}", 1


def _digest(name: str, facts: tuple[Fact, ...], size: int) -> bytes:
    """Digest facts so that no two lists of them look alike: each has its type and its length before it."""
    texts = [(type(fact).__name__[0], "" if fact is None else str(fact)) for fact in facts]
    text = "".join([f"{kind}{len(fact)}:{fact}" for kind, fact in texts])
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size, person=name.encode()).digest()
