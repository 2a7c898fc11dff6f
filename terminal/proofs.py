"""`ledger verify`, `anchor`, `balance` and `key`: what proves the ledger, now and later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from quota_core.account_statement import time_text
from quota_core.account_walk import BrokenChainError
from quota_core.accounts import AccountRef
from quota_core.anchors import Anchor, Anchoring, read_anchor
from quota_core.database import Database
from quota_core.past_balance import PastBalance, past_balance
from quota_core.proof import Proof
from quota_core.signing import SigningKey
from quota_core.store.entries import last_id
from quota_core.verdict import Verdict
from terminal.exports import moment_ms
from terminal.progress import Progress
from terminal.reply import Reply

log = logging.getLogger(__name__)

_COLUMNS = ("granted", "bought", "spent", "expired", "taken_back", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """The commands; `zone` is the catalog's, and `key` None has no anchors."""

    database: Database
    key: SigningKey | None
    zone: ZoneInfo
    clock: Callable[[], int]

    async def verify(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Recount everything; with the option `anchor` (paths), prove that the history up to each is unchanged."""
        try:
            anchors = [await asyncio.to_thread(self._read, path) for path in options.get("anchor") or ()]
        except (OSError, ValueError) as error:
            reply.tell(f"WRONG {error}")
            return 1
        total = await self.database.read(last_id)

        def progress(entries: int) -> None:
            reply.step(Progress(stage="counting", unit="entries", done=entries, total=max(total, entries)))

        expected = {place: head for anchor in anchors for place, head in anchor.heads.items()}
        verdict = await Proof(self.database, expected).verify(progress)
        for line in _verdict_lines(verdict):
            reply.tell(line)
        for anchor in anchors if verdict.sound else ():
            made = time_text(anchor.seal["made_ms"])
            reply.tell(f"unchanged since the anchor of {made}: {anchor.seal['entries']:,} entries")
        return 0 if verdict.sound else 1

    def _read(self, path: str) -> Anchor:
        if self.key is None:
            raise ValueError("there is no key to hold an anchor against")
        with Path(path).open(encoding="utf-8") as lines:
            try:
                return read_anchor(lines, self.key.public_key)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error

    async def anchor(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Write an anchor; the log keeps its last line, too."""
        del options
        if self.key is None:
            reply.note("there is no key to sign an anchor with")
            return 1
        anchoring = Anchoring(self.database, self.key, made_ms=self.clock())

        def progress(accounts: int) -> None:
            reply.step(Progress(stage="anchoring", unit="accounts", done=accounts))

        async for text in anchoring.lines(progress):
            await reply.write(text)
        seal = anchoring.seal
        log.info("anchor of %d accounts: heads %s, signature %s", *_log_facts(seal))
        reply.note(
            f"{seal['accounts']:,} accounts with {seal['entries']:,} entries anchored: {seal['heads']}"
        )
        return 0

    async def balance(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Say what the option `account` had at the moment `at` (now unless given), of `metric` or of all."""
        try:
            account = AccountRef.parse(options["account"])
            at_ms = self.clock() if options.get("at") is None else moment_ms(options["at"])
        except ValueError as error:
            reply.tell(str(error))
            return 2

        def progress(done: int, total: int) -> None:
            reply.step(Progress(stage="reading back", unit="entries", done=done, total=total))

        try:
            past = await past_balance(self.database, account, at_ms, zone=self.zone, progress=progress)
        except (LookupError, BrokenChainError) as error:
            reply.tell(str(error))
            return 1
        for line in _balance_lines(past, options.get("metric")):
            reply.tell(line)
        return 0

    async def show_key(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Show the public key, with which anybody can check statements and anchors."""
        del options
        if self.key is None:
            reply.tell("there is no key")
            return 1
        reply.tell(self.key.public_key)
        return 0


def proofs_without_key(database: Database, clock: Callable[[], int]) -> Proofs:
    """Return the commands for a ledger outside its data folder: no anchors, and windows that turn in UTC."""
    return Proofs(database=database, key=None, zone=ZoneInfo("UTC"), clock=clock)


def _log_facts(seal: Mapping[str, Any]) -> tuple[int, str, str]:
    return seal["accounts"], seal["heads"], seal["signature"]


def _verdict_lines(verdict: Verdict) -> Iterator[str]:
    rate = round(verdict.entries / verdict.seconds) if verdict.seconds else 0
    rows = ", ".join(f"{count:,} {name}" for name, count in verdict.rows.items())
    yield f"{verdict.entries:,} entries checked in {verdict.seconds:.2f} s ({rate:,} a second); {rows}"
    yield from _holdings_lines(verdict.holdings)
    for problem in verdict.problems:
        yield f"WRONG {problem}"
    yield (
        "the ledger is sound"
        if verdict.sound
        else "the ledger is NOT sound; docs/operations.md says what to do"
    )


def _holdings_lines(holdings: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Yield a table: what came in lots, where it went, what is held."""
    if not holdings:
        return
    heads = [column.replace("_", " ") for column in _COLUMNS]
    table = [
        ["units in lots", *heads],
        *([metric, *(f"{units[column]:,}" for column in _COLUMNS)] for metric, units in holdings.items()),
    ]
    widths = [max(len(line[place]) for line in table) for place in range(len(table[0]))]
    for name, *numbers in table:
        cells = (text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True))
        yield "  ".join((name.ljust(widths[0]), *cells))


def _balance_lines(past: PastBalance, metric: str | None) -> Iterator[str]:
    moment = datetime.fromtimestamp(past.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    last = f"after {past.version:,} entries (the last: {past.entry})"
    yield f"{past.account} at {moment.replace('+00:00', 'Z')}, {last}"
    yield f"plan: {past.plan or 'the default one'}"
    shown = [one for one in past.metrics if metric in (None, one.metric)]
    for one in shown:
        yield f"{one.metric}: {one.left:,} left in lots, {one.ended:,} in lots that had ended, {one.debt:,} owed"
        for key, used, beyond in one.windows:
            yield f"  window {key}: {used:,} used" + (
                f", {beyond:,} of it beyond the limit" if beyond else ""
            )
    if not shown:
        yield "nothing used or held" if metric is None else f"nothing used or held of {metric}"
