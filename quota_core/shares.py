"""The entries that one operation made: of the account whose it is, and of the others that paid for it."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.chain import Entry
from quota_core.keys import derived_key
from quota_core.parts import SERVICE_MARK, Part, parts_of
from quota_core.statements import Work
from quota_core.store import entries as entry_rows


def payer_key(first_account: int, key: bytes) -> bytes:
    """Return the key under which another account pays for an operation of `first_account`."""
    return derived_key("payer", first_account.to_bytes(8, "big") + key)


def known(keys: Sequence[tuple[bytes, int]]) -> Work[dict[tuple[bytes, int], list[Entry]]]:
    """Return, for each (key, account) that was used, the entries of that operation, all payers' included."""
    return (yield from with_others((yield from entry_rows.by_keys(keys))))


def with_others(firsts: Sequence[Entry]) -> Work[dict[tuple[bytes, int], list[Entry]]]:
    """
    Return, for the first entry of each operation, all of its entries by the key and the account of the first.

    They are in the order in which the payers paid.
    """
    found = {(entry.key, entry.account): [entry] for entry in firsts}
    shares = {
        (payer_key(first.account, first.key), account): first
        for first in firsts
        for account in _payers_in(first)
    }
    if shares:
        for entry in sorted((yield from entry_rows.by_keys(list(shares)))):
            first = shares[entry.key, entry.account]
            found[first.key, first.account].append(entry)
    return found


def _payers_in(entry: Entry) -> list[int]:
    """Return the other accounts that paid for the operation of this entry."""
    if "^" not in entry.parts:
        return []
    return [int(pot[1:]) for pot, _ in parts_of(entry.parts) if pot[0] == "^"]


def service_in(entry: Entry) -> tuple[Part, ...]:
    """Return the part that says which service the operation of this entry was for, if there is one."""
    if SERVICE_MARK not in entry.parts:
        return ()
    return tuple(part for part in parts_of(entry.parts) if part[0][0] == SERVICE_MARK)
