"""
Who was forgotten, in a file beside the database: a restored back-up still knows them, and forgets them again.

A line holds a keyed digest of the account's name, which says nothing to anybody without the program's own secret.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
from hashlib import sha256
from pathlib import Path

from quota_core.accounts import AccountRef
from quota_core.database import Database
from quota_core.erasure import Erasures
from quota_core.errors import UnavailableError
from quota_core.statements import Work
from quota_core.store import erasures as rows
from quota_core.store import marks

log = logging.getLogger(__name__)

FILE = "erased.jsonl"
INTERVAL_SECONDS = 60.0
_PURPOSE = b"erased account:"
_MARK = "erased"


class TombstoneFile:
    """The file, in the data folder, for its owner alone."""

    def __init__(self, data: Path, secret_key: bytes) -> None:
        self._file = data / FILE
        self._secret = secret_key

    def subject_of(self, account: AccountRef) -> str:
        """Return what stands for an account."""
        return hmac.new(self._secret, _PURPOSE + str(account).encode(), sha256).hexdigest()

    def add(self, account: AccountRef, now_ms: int) -> None:
        """Remember an account, durably, before it is forgotten."""
        line = json.dumps({"subject": self.subject_of(account), "at_ms": now_ms}) + "\n"
        descriptor = os.open(self._file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "a", encoding="ascii") as stream:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())

    def all(self) -> dict[str, int]:
        """Return when each subject was forgotten last; a line that was cut off by a crash says nothing."""
        if not self._file.exists():
            return {}
        found: dict[str, int] = {}
        for line in self._file.read_text("ascii", errors="replace").splitlines():
            try:
                fact = json.loads(line)
                found[fact["subject"]] = max(fact["at_ms"], found.get(fact["subject"], 0))
            except (ValueError, KeyError, TypeError):
                continue
        return found


async def forget_again(database: Database, erasures: Erasures, tombstones: TombstoneFile) -> int:
    """
    Forget whom the file says was forgotten and the database still knows, and return how many.

    Accounts that were opened after that are new ones of the same person, and stay. Looks at every account, so only
    where the file has grown since the last look, or the database is an older one.
    """
    said = tombstones.all()
    known = await database.read(lambda: marks.mark(_MARK))
    if known == len(said):
        return 0
    found = 0
    after = 0
    while True:
        page = await database.read(lambda after=after: rows.accounts_after(after))  # type: ignore[misc]  # mypy cannot infer a default argument
        for account, kind, external_id, created_ms in page:
            after = account
            ref = AccountRef(kind, external_id)
            if created_ms <= said.get(tombstones.subject_of(ref), -1):
                found += await erasures.forget_soon(ref)
        if not page:
            break
    count = len(tombstones.all())

    def note() -> Work[None]:
        yield from marks.set_mark(_MARK, count)

    await database.write(note)
    return found


async def keep_forgetting(
    database: Database,
    erasures: Erasures,
    tombstones: TombstoneFile,
    *,
    interval_seconds: float = INTERVAL_SECONDS,
) -> None:
    """Forget again whom an older database knows, then carry out what is due, until cancelled."""
    again = True
    while True:
        try:
            if again:
                await forget_again(database, erasures, tombstones)
                again = False
            done = await erasures.carry_out_due()
            if done:
                log.info("%d accounts were erased", done)
        except UnavailableError as error:
            log.warning("erasures wait: %s", error)
        except Exception:  # what nobody foresaw must not be the last time
            log.exception("erasures wait")
        await asyncio.sleep(interval_seconds)
