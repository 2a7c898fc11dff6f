"""The commands themselves, wherever they run: each answers to a `Reply` and returns an exit code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from quota_core.access_keys import AccessKey, AccessKeys, Scope
from quota_core.accounts import AccountRef
from quota_core.corrections import Corrections
from quota_core.database import Database
from terminal.backups import back_up_for
from terminal.corrections import reset_account
from terminal.exports import export_entries
from terminal.ledger_checkup import LedgerCheckup
from terminal.messages import MessageDesk
from terminal.proofs import Proofs, proofs_without_key
from terminal.reply import Reply, Tell, reply_to

DAY_MS = 86_400_000
Action = Callable[[Mapping[str, Any], Reply], Awaitable[int]]


class Desk:
    """Run one command at a time for whoever may read the data folder."""

    def __init__(
        self,
        database: Database,
        keys: AccessKeys,
        *,
        clock: Callable[[], int],
        proofs: Proofs | None = None,
        corrections: Corrections | None = None,
        checkup: LedgerCheckup | None = None,
        messages: MessageDesk | None = None,
    ) -> None:
        self._checkup = checkup
        self._messages = messages
        self._corrections = corrections
        self._proofs = proofs_without_key(database, clock) if proofs is None else proofs
        self._database = database
        self._keys = keys
        self._clock = clock

    async def do(self, command: str, options: Mapping[str, Any], reply: Reply | Tell) -> int:
        """
        Run a command and return its exit code: 0 done, 1 the answer is bad news, 2 it was asked wrongly.

        Options are those of the command line, by name. Whoever only wants lines passes a function as `reply`.
        """
        reply = reply_to(reply)
        actions: dict[str, Action] = {
            "keys create": self._create_key,
            "keys list": self._list_keys,
            "keys revoke": self._revoke_key,
            "ledger backup": partial(back_up_for, self._database),
            "ledger export": partial(export_entries, self._database),
            "ledger verify": self._proofs.verify,
            "ledger anchor": self._proofs.anchor,
            "ledger balance": self._proofs.balance,
            "ledger key": self._proofs.show_key,
        }
        if self._corrections is not None:
            actions["account reset"] = partial(reset_account, self._corrections)
        if self._messages is not None:
            actions["notices list"] = self._messages.list_messages
            actions["notices retry"] = self._messages.retry
            actions["notices recipients"] = self._messages.list_recipients
            actions["notices add"] = self._messages.add
            actions["notices remove"] = self._messages.remove
            actions["notices enable"] = self._messages.enable
            actions["notices rotate"] = self._messages.rotate
            actions["notices test"] = self._messages.test
        if self._checkup is not None:
            actions["doctor"] = self._checkup.run
        action = actions.get(command)
        if action is None:
            reply.tell(f"no command {command!r}")
            return 2
        return await action(options, reply)

    async def _create_key(self, options: Mapping[str, Any], reply: Reply) -> int:
        try:
            account = None if options.get("account") is None else AccountRef.parse(options["account"])
        except ValueError as error:
            reply.tell(f"{error}: an account is spelled such as user:1")
            return 2
        if strange := [text for text in options["scopes"] if text not in tuple(Scope)]:
            reply.tell(f"no scope is called {', '.join(strange)}; there are {', '.join(Scope)}")
            return 2
        scopes = {Scope(text) for text in options["scopes"]}
        days = options.get("days")
        expires_ms = None if days is None else self._clock() + int(days) * DAY_MS
        token = await self._keys.create(options["name"], scopes, account=account, expires_ms=expires_ms)
        reply.tell(token)
        reply.tell("This is the only time that the key is shown.")
        return 0

    async def _list_keys(self, options: Mapping[str, Any], reply: Reply) -> int:
        del options
        keys = await self._keys.list()
        for key in keys:
            account = "any account" if key.account is None else str(key.account)
            reply.tell(
                f"{key.id}  {self._state(key):<20}  {' '.join(sorted(key.scopes))}  {account}  {key.name}"
            )
        if not keys:
            reply.tell("no keys yet: python bot.py keys create NAME --scopes quota:read")
        return 0

    def _state(self, key: AccessKey) -> str:
        if key.revoked_ms is not None:
            return "revoked"
        if key.expires_ms is None:
            return "valid"
        day = datetime.fromtimestamp(key.expires_ms / 1000, UTC).date()
        return f"expired {day}" if key.expires_ms <= self._clock() else f"valid until {day}"

    async def _revoke_key(self, options: Mapping[str, Any], reply: Reply) -> int:
        if await self._keys.revoke(options["id"]):
            reply.tell(f"{options['id']} is refused from now on")
            return 0
        reply.tell(f"no key {options['id']}: python bot.py keys list")
        return 1
