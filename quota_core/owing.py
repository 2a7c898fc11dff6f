"""
How a message comes to be owed: by the transaction that causes it, once for each way it goes.

The direct channel always; beside it the recipients of the account, and the operators', as far as they want to hear
of such a thing.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from quota_core.events import CHANNELS, EVENTS, Channel
from quota_core.ledger import AccountState
from quota_core.statements import Work
from quota_core.store import notices as rows
from quota_core.store import recipients as recipient_rows
from quota_core.store.leases import now_for_all
from quota_core.store.recipients import Recipient


class Wake:
    """Wakes every sender at once; each waits for an event of its own, since each takes its own back."""

    def __init__(self) -> None:
        self._events = {channel: asyncio.Event() for channel in CHANNELS}

    def of(self, channel: Channel) -> asyncio.Event:
        """Return what a channel's sender waits for."""
        return self._events[channel]

    def set(self) -> None:
        """Wake them all."""
        for event in self._events.values():
            event.set()


class Owing:
    """
    Owe notices.

    With `shared`, other processes send them too: then they are due by the clock of the database.
    """

    def __init__(self, clock: Callable[[], int], *, shared: bool) -> None:
        self._clock = clock
        self._shared = shared

    def _now_ms(self) -> Work[int]:
        return (yield from now_for_all(self._clock())) if self._shared else self._clock()

    def owe(
        self,
        state: AccountState,
        kind: str,
        about: str,
        facts: Mapping[str, Any],
        *,
        locale: str,
        now_ms: int,
    ) -> Work[None]:
        """Owe a notice by every way to the account's owner, once for each `about`; part of what causes it."""
        yield from self.owe_directly(state, kind, about, facts, locale=locale, now_ms=now_ms)
        yield from self.owe_recipients(state, kind, about, facts, now_ms=now_ms)

    def owe_sale(
        self,
        buyer: AccountState,
        receiver: AccountState,
        kind: str,
        about: str,
        facts: Mapping[str, Any],
        *,
        locale: str,
        now_ms: int,
    ) -> Work[None]:
        """Owe a notice of a sale to who bought, and to the recipients of the account that it was bought for."""
        yield from self.owe(buyer, kind, about, facts, locale=locale, now_ms=now_ms)
        if receiver.id != buyer.id:
            # The operators hear of it already, once.
            yield from self.owe_recipients(receiver, kind, about, facts, now_ms=now_ms, operators=False)

    def owe_directly(
        self,
        state: AccountState,
        kind: str,
        about: str,
        facts: Mapping[str, Any],
        *,
        locale: str,
        now_ms: int,
        after_ms: int = 0,
    ) -> Work[None]:
        """Owe a direct message, `after_ms` from now."""
        due_ms = (yield from self._now_ms()) if self._shared else now_ms
        yield from rows.add(
            [_owed(state, kind, about, facts, locale=locale, due_ms=due_ms + after_ms, now_ms=now_ms)]
        )

    def owe_recipients(
        self,
        state: AccountState,
        kind: str,
        about: str,
        facts: Mapping[str, Any],
        *,
        now_ms: int,
        only: Collection[str] = CHANNELS,
        operators: bool = True,
    ) -> Work[None]:
        """Owe a notice to everyone who asked to hear of the account, by the channels `only`; `operators` too."""
        event = EVENTS.get(kind)
        if event is None:
            return
        wanted = yield from recipient_rows.wanted(state.id)
        due_ms = (yield from self._now_ms()) if wanted and self._shared else now_ms
        owed = [
            _owed(state, kind, about, facts, locale=locale, due_ms=due_ms, now_ms=now_ms)._replace(
                channel=channel, target=str(recipient)
            )
            for recipient, account, channel, kinds, locale, muted in wanted
            if channel in only
            and (operators if account is None else not event.operators_only)
            and (not kinds or kind in kinds.split())
            and not {event.topic, channel} & set(muted.split())
        ]
        if owed:
            yield from rows.add(owed)

    def owe_to(
        self,
        state: AccountState,
        recipient: Recipient,
        kind: str,
        facts: Mapping[str, Any],
        *,
        now_ms: int,
    ) -> Work[None]:
        """Owe one recipient something about itself."""
        due_ms = (yield from self._now_ms()) if self._shared else now_ms
        about = f"{recipient.id}/{now_ms}"
        owed = _owed(state, kind, about, facts, locale=recipient.locale, due_ms=due_ms, now_ms=now_ms)
        yield from rows.add([owed._replace(channel=recipient.channel, target=str(recipient.id))])

    def owe_operators(
        self,
        operators: Sequence[AccountState],
        kind: str,
        about: str,
        facts: Mapping[str, Any],
        *,
        default_locale: str,
        now_ms: int,
    ) -> Work[None]:
        """Owe what operators must look at: each a direct message, and their recipients one between them."""
        for state in operators:
            locale = state.locale or default_locale
            yield from self.owe_directly(state, kind, about, facts, locale=locale, now_ms=now_ms)
        if operators:
            yield from self.owe_recipients(operators[0], kind, about, facts, now_ms=now_ms)


def _owed(
    state: AccountState,
    kind: str,
    about: str,
    facts: Mapping[str, Any],
    *,
    locale: str,
    due_ms: int,
    now_ms: int,
) -> rows.Owed:
    return rows.Owed(
        account=state.id,
        kind=kind,
        about=about,
        channel="dm",
        target="",
        facts=json.dumps(facts, sort_keys=True),
        locale=locale,
        nonce=secrets.token_hex(12),
        due_ms=due_ms,
        created_ms=now_ms,
    )
