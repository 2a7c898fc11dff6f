"""How an account is spelled outside the ledger."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_NAME_LENGTH = 200
_DISCORD_ID = re.compile(r"[1-9][0-9]{0,19}")


class AccountRef(NamedTuple):
    """An account as the outside spells it: `user:1`, `guild:1`, `project:x` (an external one)."""

    kind: str
    external_id: str

    @classmethod
    def parse(cls, text: str) -> AccountRef:
        """
        Return the account that `text` spells; bare digits mean a user.

        Raises:
            ValueError: empty, longer than 200 characters, or with control characters or blanks.

        """
        # A bare id first, since that is what services name in each of their requests.
        if text.isdigit() and _DISCORD_ID.fullmatch(text) is not None:
            return cls("user", text)
        if not 1 <= len(text) <= MAX_NAME_LENGTH or not text.isprintable() or " " in text:
            raise ValueError("an account is user:<id>, guild:<id>, <kind>:<name>, or the bare id of a user")
        if text.isascii() and text.isdigit():
            text = f"user:{text}"
        kind, colon, name = text.partition(":")
        if kind in ("user", "guild"):
            if _DISCORD_ID.fullmatch(name) is None:
                raise ValueError(f"{kind}: is followed by a Discord id: up to 20 digits, the first not 0")
            return cls(kind, name)
        if not (colon and kind and name):
            raise ValueError("an account is user:<id>, guild:<id>, <kind>:<name>, or the bare id of a user")
        return cls("external", text)

    def __str__(self) -> str:
        return self.external_id if self.kind == "external" else f"{self.kind}:{self.external_id}"
