"""
Where messages of an account go beside its direct channel: e-mail, Slack, Discord channels, signed webhooks.

An address that somebody typed in is proved by a code before anything else goes there. An endpoint that fails for
long is turned off, and its owner is told.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Any

from quota_core.accounts import AccountRef
from quota_core.addresses import fits, shown
from quota_core.book import Book
from quota_core.database import Database
from quota_core.errors import PreferenceError
from quota_core.events import CODE, DISABLED, EVENTS
from quota_core.notices import Notice, Notices
from quota_core.statements import Work
from quota_core.store import notices as notice_rows
from quota_core.store import recipients as rows
from quota_core.store import states as state_rows
from quota_core.store.recipients import Recipient

MAX_RECIPIENTS = 10
MAX_CODES, CODES_MS = 5, 24 * 60 * 60_000
MAX_FAILURES = 20
MIN_FAILING_MS = 60 * 60_000  # a short outage disables nothing, however many deliveries fall into it
OVERLAP_MS = 24 * 60 * 60_000
SECRET_BYTES = 32


class Recipients:
    """
    Add, remove and look after recipients.

    Args:
        database: where they stand.
        book: the states of accounts.
        notices: what tells an owner of a recipient that was turned off.
        operators: who is told of the operators' own.
        channels: those that this program can send by; others are refused.
        default_locale: of accounts whose language is not known.
        allow_private: let webhooks be plain http, for tests.
        clock: UTC milliseconds.

    """

    def __init__(
        self,
        database: Database,
        book: Book,
        notices: Notices,
        *,
        operators: Sequence[AccountRef],
        channels: Collection[str],
        default_locale: str,
        allow_private: bool = False,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._book = book
        self._notices = notices
        self._operators = tuple(operators)
        self.channels = frozenset(channels)
        self._default_locale = default_locale
        self._schemes = ("https", "http") if allow_private else ("https",)
        self._clock = clock

    async def of(self, account: AccountRef | None) -> list[Recipient]:
        """Return an account's recipients, the operators' for None."""
        return await self._database.read(lambda: self._of(account))

    def _of(self, account: AccountRef | None) -> Work[list[Recipient]]:
        number = yield from self._number(account, create=False)
        return [] if number == 0 else (yield from rows.of_account(number))

    async def every(self) -> list[tuple[Recipient, AccountRef | None]]:
        """Return all recipients with whose they are."""
        return await self._database.read(self._every)

    def _every(self) -> Work[list[tuple[Recipient, AccountRef | None]]]:
        found = yield from rows.every()
        refs = yield from state_rows.refs([one.account for one in found if one.account is not None])
        return [(one, None if one.account is None else refs[one.account]) for one in found]

    async def add(
        self,
        account: AccountRef | None,
        channel: str,
        target: str,
        *,
        kinds: Collection[str] = (),
        locale: str | None = None,
        proved: bool = True,
    ) -> Recipient:
        """
        Add a recipient; a webhook gets its secret, an address that is not `proved` a code by which it is.

        Raises:
            PreferenceError: it cannot be one, is there already, there are ten, or five codes were sent in a day.

        """
        if channel not in self.channels:
            raise PreferenceError("channel", channel)
        if not fits(channel, target, self._schemes):
            raise PreferenceError("address", target)
        wanted = _wanted(kinds)
        added = await self._database.write(
            lambda: self.adding(account, channel, target, wanted, locale, proved=proved)
        )
        self._notices.wake.set()
        return added

    def adding(
        self,
        account: AccountRef | None,
        channel: str,
        target: str,
        kinds: str,
        locale: str | None,
        *,
        proved: bool,
    ) -> Work[Recipient]:
        """Do what `add` does, as a transaction's work, with a target that fits."""
        now_ms = self._clock()
        number = yield from self._number(account, create=True)
        if len((yield from rows.of_account(number))) >= MAX_RECIPIENTS:
            raise PreferenceError("many", str(MAX_RECIPIENTS))
        code = None
        if not proved and channel == "email":
            code = yield from self._code(number, now_ms)
        recipient = yield from rows.add(
            number,
            channel,
            target,
            kinds=kinds,
            locale=locale or self._default_locale,
            code=code,
            secret=new_secret() if channel == "webhook" else None,
            now_ms=now_ms,
        )
        if recipient is None:
            raise PreferenceError("twice", target)
        added = yield from rows.one(recipient)
        assert added is not None
        if code is not None and account is not None:
            states = yield from self._book.states_of([account], now_ms=now_ms, create=True)
            yield from self._notices.owe_to(states[account], added, CODE, {"code": code}, now_ms=now_ms)
        return added

    def _code(self, number: int | None, now_ms: int) -> Work[str]:
        """Return a new code; only so many a day, since each is an e-mail to an address that anybody may type in."""
        sent = yield from notice_rows.owed_since(number or 0, CODE, now_ms - CODES_MS)
        if sent >= MAX_CODES:
            raise PreferenceError("codes", str(MAX_CODES))
        return f"{secrets.randbelow(10**6):06}"

    async def prove(self, account: AccountRef, recipient: int, code: str) -> None:
        """
        Take the code that was sent to an address.

        Raises:
            PreferenceError: it is another one. After three wrong ones the address is forgotten.

        """
        if not await self._database.write(lambda: self._prove(account, recipient, code)):
            raise PreferenceError("code", code)

    def _prove(self, account: AccountRef, recipient: int, code: str) -> Work[bool]:
        found = yield from self.own(account, recipient)
        if found is None or found.code is None:
            return found is not None
        if hmac.compare_digest(found.code.encode(), code.strip().encode()):
            yield from rows.prove(recipient)
            return True
        tries = yield from rows.failed(recipient, self._clock())
        if tries is not None and tries[0] >= MAX_WRONG_CODES:
            yield from rows.remove(recipient)
        return False

    async def remove(self, account: AccountRef | None, recipient: int) -> bool:
        """Remove one of an account's recipients; tell whether it was there."""
        return await self._database.write(lambda: self._remove(account, recipient))

    def _remove(self, account: AccountRef | None, recipient: int) -> Work[bool]:
        found = yield from self.own(account, recipient)
        if found is not None:
            yield from rows.remove(recipient)
        return found is not None

    async def choose(self, account: AccountRef | None, recipient: int, kinds: Collection[str]) -> bool:
        """
        Send a recipient these kinds of events alone, all for none; tell whether it is the account's.

        Raises:
            PreferenceError: there is no such kind.

        """
        wanted = _wanted(kinds)
        return await self._database.write(lambda: self._choose(account, recipient, wanted))

    def _choose(self, account: AccountRef | None, recipient: int, kinds: str) -> Work[bool]:
        found = yield from self.own(account, recipient)
        if found is not None:
            yield from rows.choose_kinds(recipient, kinds)
        return found is not None

    async def rotate(self, account: AccountRef | None, recipient: int) -> str | None:
        """Give a webhook a new secret and return it; the old one signs too for a day. None: no such webhook."""
        secret = new_secret()
        done = await self._database.write(lambda: self._rotate(account, recipient, secret))
        return secret if done else None

    def _rotate(self, account: AccountRef | None, recipient: int, secret: str) -> Work[bool]:
        found = yield from self.own(account, recipient)
        if found is None or found.secret is None:
            return False
        yield from rows.change_secret(recipient, secret, old_until_ms=self._clock() + OVERLAP_MS)
        return True

    async def enable(self, account: AccountRef | None, recipient: int) -> bool:
        """Send to a recipient again that was turned off; tell whether it is the account's."""
        return await self._database.write(lambda: self._enable(account, recipient))

    def _enable(self, account: AccountRef | None, recipient: int) -> Work[bool]:
        found = yield from self.own(account, recipient)
        if found is not None:
            yield from rows.enable(recipient)
        return found is not None

    async def worked(self, recipient: Recipient) -> None:
        """Note that a try got through."""
        if recipient.failures:
            await self._database.write(lambda: rows.worked(recipient.id))

    async def failed(self, recipient: Recipient, notice: Notice, *, gone: bool = False) -> None:
        """Note a try that failed; turn the recipient off after many, or at once when it is `gone` for good."""
        await self._database.write(lambda: self._failed(recipient, notice, gone=gone))
        self._notices.wake.set()

    def _failed(self, recipient: Recipient, notice: Notice, *, gone: bool) -> Work[None]:
        now_ms = self._clock()
        tries = yield from rows.failed(recipient.id, now_ms)
        if tries is None:
            return
        too_many = tries[0] >= MAX_FAILURES and now_ms - tries[1] >= MIN_FAILING_MS
        if (gone or too_many) and (yield from rows.disable(recipient.id, now_ms)):
            yield from self._tell_owner(recipient, notice, now_ms)

    def _tell_owner(self, recipient: Recipient, notice: Notice, now_ms: int) -> Work[None]:
        facts: dict[str, Any] = {"channel": recipient.channel, "target": shown(recipient)}
        if recipient.account is not None:
            facts["recipient"] = recipient.id  # so that its owner can be led to it
        about = f"{recipient.id}/{now_ms}"
        owners = self._operators if recipient.account is None else (notice.account,)
        states = yield from self._book.states_of(owners, now_ms=now_ms, create=True)
        for owner in owners:
            if owner.kind == "user":
                locale = states[owner].locale or self._default_locale
                yield from self._notices.owe_directly(
                    states[owner], DISABLED, about, facts, locale=locale, now_ms=now_ms
                )

    def _number(self, account: AccountRef | None, *, create: bool) -> Work[int | None]:
        """Return an account's number, 0 when it has none, None for the operators."""
        if account is None:
            return None
        states = yield from self._book.states_of([account], now_ms=self._clock(), create=create)
        return states[account].id

    def own(self, account: AccountRef | None, recipient: int) -> Work[Recipient | None]:
        """Return one of an account's recipients, the operators' for None; None: not there, or another's."""
        number = yield from self._number(account, create=False)
        found = yield from rows.one(recipient)
        return None if found is None or found.account != number else found


MAX_WRONG_CODES = 3


def _wanted(kinds: Collection[str]) -> str:
    """Return kinds as they are kept; PreferenceError for what is none."""
    unknown = [kind for kind in kinds if kind not in EVENTS]
    if unknown:
        raise PreferenceError("kind", unknown[0])
    return " ".join(sorted(set(kinds)))


def new_secret() -> str:
    """Return a secret for signatures, as the Standard Webhooks specification spells one."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
