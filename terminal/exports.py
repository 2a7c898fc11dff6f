"""`ledger export`: entries as CSV or JSON lines, a page at a time, to whoever reads them at their own speed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from quota_core.accounts import AccountRef
from quota_core.database import Database
from quota_core.errors import UnavailableError
from quota_core.export import ExportedEntry, Part, Wanted, exported
from quota_core.ledger import NEVER_MS
from terminal.progress import Progress
from terminal.reply import Reply

FORMATS = ("csv", "jsonl")
_FORMULA_MARKS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
COLUMNS = (
    *("entry", "time", "account", "kind", "metric", "units", "parts", "allowance_left", "purchased_left"),
    *("key", "version", "previous", "digest"),
)


async def export_entries(database: Database, options: Mapping[str, Any], reply: Reply) -> int:
    """
    Write the entries that the options `format`, `account`, `since` and `until` name.

    Returns 0; 1 when the ledger cannot be read or has no such account; 2 when it was asked wrongly.
    """
    try:
        wanted = _wanted(options)
        text_of = {"csv": _csv, "jsonl": _jsonl}[options["format"]]
    except ValueError as error:
        reply.note(str(error))
        return 2
    entries = 0
    try:
        if options["format"] == "csv":
            await reply.write(_csv_line(COLUMNS))
        async for text, count, progress in _texts(database, wanted, text_of):
            entries += count
            if text:
                await reply.write(text)
            reply.step(progress)
    except (LookupError, UnavailableError) as error:
        reply.note(f"the export is not complete: {error}")
        return 1
    reply.note(f"{entries:,} entries exported")
    return 0


async def _texts(
    database: Database, wanted: Wanted, text_of: Callable[[Iterable[ExportedEntry]], str]
) -> AsyncIterator[tuple[str, int, Progress]]:
    async for page in exported(database, wanted):
        progress = Progress(stage="exporting", unit="entries", done=page.done, total=page.total)
        yield text_of(page.entries), len(page.entries), progress


def _wanted(options: Mapping[str, Any]) -> Wanted:
    account, since, until = (options.get(name) for name in ("account", "since", "until"))
    return Wanted(
        account=None if account is None else AccountRef.parse(account),
        since_ms=0 if since is None else moment_ms(since),
        until_ms=NEVER_MS if until is None else moment_ms(until),
    )


def moment_ms(text: str) -> int:
    """
    Return a day (its first moment) or a time, in UTC unless it says otherwise, as UTC milliseconds.

    Raises:
        ValueError: it is neither.

    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; write 2026-11-20 or 2026-11-20T12:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _time(at_ms: int) -> str:
    try:
        moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):  # a row that no program of ours wrote
        return str(at_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _csv(entries: Iterable[ExportedEntry]) -> str:
    return "".join(
        _csv_line(
            fact if name != "parts" else "; ".join(map(_part_text, entry.parts)) for name, fact in facts
        )
        for entry in entries
        for facts in (_facts(entry),)
    )


def _csv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(map(_cell, values))
    return line.getvalue()


def _cell(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula, whoever chose its text; numbers stay numbers."""
    # https://owasp.org/www-community/attacks/CSV_Injection, with the wide forms that spreadsheets fold.
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULA_MARKS and value else value


def _jsonl(entries: Iterable[ExportedEntry]) -> str:
    return "".join(
        json.dumps(
            {
                name: fact if name != "parts" else [_part_object(part) for part in entry.parts]
                for name, fact in _facts(entry)
            },
            ensure_ascii=False,
        )
        + "\n"
        for entry in entries
    )


def _facts(entry: ExportedEntry) -> list[tuple[str, Any]]:
    """Return the facts in the order of the columns; parts are left to each format."""
    facts = (
        *(entry.id, _time(entry.at_ms), entry.account, entry.kind, entry.metric, entry.units, None),
        *(entry.allowance_left, entry.purchased_left),
        *(entry.key.hex(), entry.version, entry.previous, entry.digest.hex()),
    )
    return list(zip(COLUMNS, facts, strict=True))


def _part_text(part: Part) -> str:
    if part.pot == "plan":
        return f"plan {part.name}" + ("" if part.until_ms is None else f" until {_time(part.until_ms)}")
    return " ".join(filter(None, (part.pot, part.name, f"{part.units:+}")))


def _part_object(part: Part) -> dict[str, Any]:
    if part.pot == "plan":
        return {
            "pot": "plan",
            "name": part.name,
            "until": None if part.until_ms is None else _time(part.until_ms),
        }
    return {"pot": part.pot, **({"name": part.name} if part.name else {}), "units": part.units}
