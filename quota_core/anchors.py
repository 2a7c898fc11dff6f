"""
Anchors: the heads of all accounts at a time, signed, to be kept where nobody can change them.

A head covers everything before it, so a history that still leads through every anchored head is the one that was
there. An anchor says of each account which version its head had, and not which entry was the last of all: where
several processes write, entries become visible in another order than that of their numbers.

The file is text, a line for each account, `account version digest`, in the order of the accounts' numbers; the last
line is a signed JSON object whose `heads` is the BLAKE2b-256 of all lines before it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

from quota_core.database import Database
from quota_core.signing import SigningKey, is_signed
from quota_core.statements import Row, Work
from quota_core.store import walks as rows
from quota_core.verdict import Pace, Stopwatch

FORMAT = "jauge-anchor-1"
_HEADS_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What an anchor says: `heads` by account and version, and its last line, signed."""

    heads: Mapping[tuple[int, int], bytes]
    seal: Mapping[str, Any]


class Anchoring:
    """One anchor in the making; `seal` is its last line, once all were yielded."""

    def __init__(self, database: Database, key: SigningKey, *, made_ms: int) -> None:
        self._database = database
        self._key = key
        self._made_ms = made_ms
        self.seal: dict[str, Any] = {}

    async def lines(self, progress: Callable[[int], None] = lambda _: None) -> AsyncIterator[str]:
        """Yield the file, many lines at a time; `progress` is told how many accounts are in it."""
        digest = blake2b(digest_size=_HEADS_BYTES)
        pace = Pace()
        accounts = entries = last_entry = after = 0
        while found := await self._database.read(partial(_some, after, pace)):
            text = "".join([f"{account} {version} {head.hex()}\n" for account, version, _, head in found])
            digest.update(text.encode())
            after = found[-1][0]
            accounts += len(found)
            entries += sum([row[1] for row in found])
            last_entry = max(last_entry, *[row[2] for row in found])
            progress(accounts)
            yield text
        self.seal = self._key.signed(
            {
                "format": FORMAT,
                "made_ms": self._made_ms,
                "accounts": accounts,
                "entries": entries,
                "last_entry": last_entry,
                "heads": digest.hexdigest(),
            }
        )
        yield json.dumps(self.seal) + "\n"


def _some(after: int, pace: Pace) -> Work[list[Row]]:
    with Stopwatch(pace):
        return (yield from rows.heads_after(after, pace.rows))


def read_anchor(lines: Iterable[str], public_key: str) -> Anchor:
    """
    Return what an anchor says, after its signature was checked.

    Raises:
        ValueError: it is no anchor, it was changed, or another key than `public_key` signed it.

    """
    digest = blake2b(digest_size=_HEADS_BYTES)
    heads: dict[tuple[int, int], bytes] = {}
    seal: dict[str, Any] | None = None
    for line in lines:
        if seal is not None:
            raise ValueError("something stands behind its end")
        if line.startswith("{"):
            seal = json.loads(line)
            continue
        digest.update(line.encode())
        account, version, head = line.split(" ")
        heads[int(account), int(version)] = bytes.fromhex(head)
    if seal is None or seal.get("format") != FORMAT:
        raise ValueError("it is no anchor, or not a whole one")
    if not is_signed(seal):
        raise ValueError("its signature does not fit")
    if seal["public_key"] != public_key:
        raise ValueError(f"it was signed with another key, {seal['public_key']}")
    versions = sum(version for _, version in heads)
    if (seal["heads"], seal["accounts"], seal["entries"]) != (digest.hexdigest(), len(heads), versions):
        raise ValueError("its lines are not those that were signed")
    return Anchor(heads=heads, seal=seal)
