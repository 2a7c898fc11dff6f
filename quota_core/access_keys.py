"""
API keys: `jauge_<id>_<secret>`, stored as a digest, shown once.

The secret has 256 random bits, so a plain SHA-256 is enough: there is nothing to guess. Keys are looked up by
their public id and compared in constant time; an unknown id costs the same work.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from quota_core.accounts import AccountRef
from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.statements import Row, Work, fetch, run


class Scope(StrEnum):
    """What a key may do."""

    QUOTA_READ = "quota:read"
    QUOTA_CONSUME = "quota:consume"
    CHECKOUT_CREATE = "checkout:create"
    WEBHOOKS_MANAGE = "webhooks:manage"
    ADMIN_READ = "admin:read"
    ADMIN_WRITE = "admin:write"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A key without its secret; `account` None is a service's key, for any account."""

    id: str
    name: str
    scopes: frozenset[Scope]
    account: AccountRef | None
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None

    def allows(self, scope: Scope, account: AccountRef | None = None) -> bool:
        """Tell whether the key has the scope, and is not bound to another account."""
        return scope in self.scopes and (self.account is None or account is None or account == self.account)


_TOKEN = re.compile(r"jauge_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NO_DIGEST = bytes(32)


class AccessKeys:
    """Make, check, list and revoke keys. A revoked key is refused at the next request."""

    def __init__(self, database: Database, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self,
        name: str,
        scopes: Iterable[Scope],
        *,
        account: AccountRef | None = None,
        expires_ms: int | None = None,
    ) -> str:
        """Make a key and return it whole; it is never shown again."""
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        token = f"jauge_{key_id}_{secret}"
        text = " ".join(sorted(set(scopes)))
        owner = None if account is None else f"{account.kind}:{account.external_id}"
        row = (key_id, _digest(token), name[:100], text, owner, self._clock(), expires_ms)
        await self._database.write(lambda: _add(row))
        return token

    async def check(self, token: str) -> AccessKey | None:
        """Return the key that `token` is, None when there is no such key or it ended."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        rows = await self._database.read(lambda: _row(match[1]))
        digest = rows[0][7] if rows else _NO_DIGEST
        if not hmac.compare_digest(digest, _digest(token)) or not rows:
            return None
        key = _key(rows[0])
        now_ms = self._clock()
        ended = key.revoked_ms is not None or (key.expires_ms is not None and key.expires_ms <= now_ms)
        return None if ended else key

    async def list(self) -> list[AccessKey]:
        """Return every key ever made, oldest first."""
        return [_key(row) for row in await self._database.read(_rows)]

    async def revoke(self, key_id: str) -> bool:
        """Refuse the key from now on; False when there is none of this id."""
        revoked = await self._database.write(lambda: _revoke(key_id, self._clock()))
        crash_point("ops.84.key_revoked")
        return revoked


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _add(row: Row) -> Work[None]:
    yield run(
        """
        INSERT INTO api_keys (id, digest, name, scopes, account, created_ms, expires_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        *row,
    )


_COLUMNS = "id, name, scopes, account, created_ms, expires_ms, revoked_ms, digest"


def _row(key_id: str) -> Work[list[Row]]:
    return (yield fetch(f"SELECT {_COLUMNS} FROM api_keys WHERE id = $1", key_id))  # noqa: S608 - constants


def _rows() -> Work[list[Row]]:
    return (yield fetch(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_ms, id"))  # noqa: S608 - constants


def _key(row: Row) -> AccessKey:
    return AccessKey(
        id=row[0],
        name=row[1],
        scopes=frozenset(Scope(text) for text in row[2].split()),
        account=None if row[3] is None else AccountRef(*row[3].split(":", 1)),
        created_ms=row[4],
        expires_ms=row[5],
        revoked_ms=row[6],
    )


def _revoke(key_id: str, now_ms: int) -> Work[bool]:
    rows = yield fetch("SELECT 1 FROM api_keys WHERE id = $1", key_id)
    yield run("UPDATE api_keys SET revoked_ms = $2 WHERE id = $1 AND revoked_ms IS NULL", key_id, now_ms)
    return bool(rows)
