"""How an account is spelled outside the ledger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

MAX_NAME_LENGTH = 200
MAX_DIGITS = 20
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


_new_ref = tuple.__new__
_first = itemgetter(0)


def users_of(ids: Sequence[str]) -> list[AccountRef] | None:
    """Return the users with these bare ids, as `AccountRef.parse` does; None when any is something else."""
    digits = "".join(ids)
    if not (digits.isascii() and digits.isdigit() and all(ids)):
        return None
    if max(map(len, ids)) > MAX_DIGITS or "0" in set(map(_first, ids)):
        return None
    return [_new_ref(AccountRef, ("user", one)) for one in ids]
