"""
Entries as the outside reads them, one short step at a time: a ledger of any size passes through little memory.

What is exported is the ledger up to the moment at which the export began.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from quota_core import facts
from quota_core.accounts import AccountRef
from quota_core.chain import Entry
from quota_core.database import Database
from quota_core.errors import UnavailableError
from quota_core.ledger import NEVER_MS, EntryKind
from quota_core.parts import FACT_MARK, parts_of
from quota_core.plan_terms import said_by
from quota_core.settled import settled_id
from quota_core.statements import Row, Work
from quota_core.store import exports as rows
from quota_core.store.entries import entry_of

STEP = 1_000
"""Entries (by id) that one look covers; between two looks, others get the database."""
_OTHERS = (f"{FACT_MARK}{facts.TO}", f"{FACT_MARK}{facts.FROM}")
SPARSE_STEP = 20_000  # the same where most entries are passed over


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    How much one pot changed, in units.

    `pot` is window, lot, overage, debt, account (what another account paid of it), to or from (the account that all
    units went to or came from), or plan: then `name` is the new one and `until_ms` its end, None for ever.
    """

    pot: str
    name: str
    units: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedEntry:
    """An entry with names: account as `user:1`, kind as `spend`; `left` None is unlimited."""

    id: int
    at_ms: int
    account: str
    version: int
    kind: str
    metric: str
    units: int
    parts: tuple[Part, ...]
    allowance_left: int | None
    purchased_left: int
    key: bytes
    previous: int
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries: of one account or all, from `since_ms` on, before `until_ms`."""

    account: AccountRef | None = None
    since_ms: int = 0
    until_ms: int = NEVER_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some entries, and how far the reading is: the last id looked at, of the last one of all."""

    entries: tuple[ExportedEntry, ...]
    done: int
    total: int


async def exported(database: Database, wanted: Wanted) -> AsyncIterator[Page]:
    """
    Yield the entries in order, page by page; a page may be empty.

    Raises:
        LookupError: there is no such account.
        UnavailableError: the ledger cannot be read just now.

    """
    account = await database.read(lambda: _account_id(wanted))
    total = await settled_id(database)
    if total is None:
        raise UnavailableError(
            "somebody writes for too long, so that the last entry is not certain; try again"
        )
    span = STEP if account == 0 else SPARSE_STEP
    for after in range(0, total, span):
        upto = min(total, after + span)
        found = await database.read(
            lambda first=after, last=upto: _some(first, last, account, wanted)  # type: ignore[misc]  # mypy cannot infer a default argument
        )
        yield Page(entries=found, done=upto, total=total)


def _account_id(wanted: Wanted) -> Work[int]:
    if wanted.account is None:
        return 0
    account = yield from rows.account_id(wanted.account)
    if account is None:
        raise LookupError(f"no account {wanted.account}")
    return account


def _some(after: int, upto: int, account: int, wanted: Wanted) -> Work[tuple[ExportedEntry, ...]]:
    found = yield from rows.entries_between(after, upto, account, wanted.since_ms, wanted.until_ms)
    page: list[ExportedEntry] = []
    for row in found:
        page.append((yield from _exported(row)))  # noqa: PERF401 - a comprehension cannot yield to the database
    return tuple(page)


def _exported(row: Row) -> Work[ExportedEntry]:
    entry, (kind, external_id, metric) = entry_of(row[:-3]), row[-3:]
    return ExportedEntry(
        id=entry.id,
        at_ms=entry.at_ms,
        # What an entry names and no row explains is shown all the same; `verify` says what is wrong.
        account=f"#{entry.account}" if kind is None else str(AccountRef(kind, external_id)),
        version=entry.version,
        kind=_kind(entry.kind),
        metric=metric or "",
        units=entry.units,
        parts=tuple((yield from _parts(entry))),
        allowance_left=entry.allowance_left,
        purchased_left=entry.purchased_left,
        key=entry.key,
        previous=entry.prev,
        digest=entry.digest,
    )


def _kind(number: int) -> str:
    try:
        return EntryKind(number).name.lower()
    except ValueError:
        return str(number)


def _parts(entry: Entry) -> Work[list[Part]]:
    if entry.kind == EntryKind.PLAN:
        said = said_by(parts_of(entry.parts)[-1])
        return [Part(pot="plan", name=said.after, units=0, until_ms=said.until_ms)]
    parts = []
    for pot, units in parts_of(entry.parts):
        if pot[0] == "#":
            part = Part(pot="lot", name=pot[1:], units=units)
        elif pot[0] == "+":
            part = Part(pot="overage", name=pot[1:], units=units)
        elif pot[0] == "!":
            part = Part(pot="debt", name="", units=units)
        elif pot in _OTHERS:
            part = Part(pot=pot[1:], name=(yield from _spelled(units)), units=entry.units)
        elif pot[0] in "@&*~%":
            continue  # no pot: facts beside the units
        elif pot[0] == "^":
            part = Part(pot="account", name=(yield from _spelled(int(pot[1:]))), units=units)
        else:
            part = Part(pot="window", name=pot, units=units)
        parts.append(part)
    return parts


def _spelled(account: int) -> Work[str]:
    ref = yield from rows.account_ref(account)
    return str(account) if ref is None else str(ref)
