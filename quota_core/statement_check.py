"""Check a statement with nothing but the file: its signature, its chain from first to last, its sums."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from quota_core.account_statement import FORMAT, pots_text
from quota_core.accounts import AccountRef
from quota_core.chain import Entry, digest_of
from quota_core.ledger import EntryKind
from quota_core.pots import Pots
from quota_core.signing import PUBLIC_KEY, is_signed
from quota_core.witnesses import first_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedStatement:
    """What a statement says; `problems` are in the order of the file, and none when it is sound."""

    account: str
    made: str
    entries: int
    earlier: int
    pots: Mapping[str, int]
    public_key: str
    problems: tuple[str, ...]


def check_statement(content: bytes, public_key: str | None) -> CheckedStatement:
    """
    Check a statement; with `public_key` (64 hexadecimal digits), also whose it is.

    Raises:
        ValueError: it is no statement at all.

    """
    try:
        document = json.loads(content)
        if document["format"] != FORMAT:
            raise ValueError("it is no statement of this format")
        account = document["account"]
        return CheckedStatement(
            account=str(AccountRef(account["kind"], account["external_id"])),
            made=document["made"],
            entries=len(document["entries"]),
            earlier=document["opening"]["version"],
            pots=document["closing"]["pots"],
            public_key=str(document[PUBLIC_KEY]),
            problems=(*_signature(document, public_key), *_chain(document), *_sums(document)),
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"it is no statement: {type(error).__name__} {error}") from error


def _signature(document: Mapping[str, Any], public_key: str | None) -> Iterator[str]:
    if not is_signed(document):
        yield "its signature does not fit what it says"
    if public_key is not None and document[PUBLIC_KEY] != public_key.lower():
        yield f"it was signed with another key, {document[PUBLIC_KEY]}"


def _chain(document: Mapping[str, Any]) -> Iterator[str]:
    account, opening, closing = document["account"], document["opening"], document["closing"]
    version, head, digest = opening["version"], opening["entry"], bytes.fromhex(opening["digest"])
    first = first_digest(account["kind"], account["external_id"], _ms(account["opened"]))
    if not version and (head, digest, opening["pots"]) != (0, first, {}):
        yield "its beginning is not that of this account"
    for line in document["entries"]:
        entry = _entry(line, document)
        if (entry.version, entry.prev) != (version + 1, head):
            yield f"entry {entry.id}: does not follow entry {head}"
        if entry.digest != digest_of(entry, digest) or entry.allowance_left == -1:
            yield f"entry {entry.id}: its digest does not fit what it says"
        version, head, digest = entry.version, entry.id, entry.digest
    if (closing["version"], closing["entry"], closing["digest"]) != (version, head, digest.hex()):
        yield f"its end is not its last entry, {head}"


def _sums(document: Mapping[str, Any]) -> Iterator[str]:
    pots = Pots()
    names = {number: name for name, number in document["metrics"].items()}
    for line in document["entries"]:
        pots.add(_entry(line, document))
    sums = dict(document["opening"]["pots"])
    for name, units in pots_text(pots, names).items():
        sums[name] = sums.get(name, 0) + units
    said = document["closing"]["pots"]
    for name in sorted(sums.keys() | said.keys()):
        if sums.get(name, 0) != said.get(name, 0):
            yield f"{name}: its entries amount to {sums.get(name, 0)}, not to {said.get(name, 0)}"
        if said.get(name, 0) < 0:
            yield f"{name}: holds less than nothing"


def _entry(line: Mapping[str, Any], document: Mapping[str, Any]) -> Entry:
    return Entry(
        id=line["entry"],
        account=document["account"]["number"],
        version=line["version"],
        prev=line["previous"],
        kind=int(EntryKind[line["kind"].upper()]),
        metric=document["metrics"][line["metric"]],
        units=line["units"],
        parts=line["parts"],
        at_ms=_ms(line["time"]),
        key=bytes.fromhex(line["key"]),
        allowance_left=line["allowance_left"],
        purchased_left=line["purchased_left"],
        digest=bytes.fromhex(line["digest"]),
    )


def _ms(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
