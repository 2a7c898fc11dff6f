"""Signed webhooks and Slack-compatible ones: what is posted, and what becomes of a notice after the answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from zoneinfo import ZoneInfo

import aiohttp

from channels.events import event_body
from channels.guarded import Answer, ForbiddenAddressError, Guarded
from channels.standard_webhooks import signed_headers
from quota_core.catalog import Catalog
from quota_core.events import EVENTS, TEST
from quota_core.notices import Notice, Notices
from quota_core.recipients import Recipients
from quota_core.store.recipients import Recipient
from wording.language import language_of
from wording.notice_card import notice_card
from wording.plain import plain
from wording.words import Words

log = logging.getLogger(__name__)

GONE = 410
_AGENT = "Jauge"


class Hooks:
    """
    Post notices to the addresses of users.

    `clock` gives UTC milliseconds; `can_sell` says whether more can be bought.
    """

    def __init__(
        self,
        catalog: Catalog,
        notices: Notices,
        recipients: Recipients,
        guarded: Guarded,
        *,
        can_sell: bool,
        clock: Callable[[], int],
    ) -> None:
        self._catalog = catalog
        self._notices = notices
        self._recipients = recipients
        self._guarded = guarded
        self._can_sell = can_sell
        self._clock = clock

    async def signed(self, notice: Notice, recipient: Recipient | None) -> None:
        """Deliver an event, signed; both secrets sign while one replaces the other."""
        assert recipient is not None
        assert recipient.secret is not None
        if notice.kind != TEST and notice.kind not in EVENTS:
            await self._notices.give_up(notice, "no event")
            return
        now_ms = self._clock()
        secrets = [recipient.secret]
        if recipient.old_secret is not None and now_ms < (recipient.old_until_ms or 0):
            secrets.append(recipient.old_secret)
        body = event_body(notice)
        headers = signed_headers(f"msg_{notice.nonce}", now_ms // 1000, body, secrets)
        await self._post(notice, recipient, body, headers)

    async def slack(self, notice: Notice, recipient: Recipient | None) -> None:
        """Deliver a message as Slack, Mattermost and Discord's own `/slack` addresses take it."""
        assert recipient is not None
        words = Words(language_of(notice.locale))
        card = notice_card(notice, self._catalog, words, can_sell=self._can_sell)
        parts = [
            card.title,
            card.description,
            *(f"{one.name}\n{one.value}" for one in card.fields),
            card.footer,
        ]
        if recipient.account != notice.account_id:
            parts.insert(1, str(notice.account))
        text = "\n".join(plain(part, words, ZoneInfo("UTC")) for part in parts if part)
        # https://api.slack.com/reference/surfaces/formatting#escaping
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        text = text.replace("@", "@\u200b")  # elsewhere a bare @everyone or @channel calls everybody
        await self._post(notice, recipient, json.dumps({"text": text}).encode(), {})

    async def _post(self, notice: Notice, recipient: Recipient, body: bytes, headers: dict[str, str]) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": _AGENT, **headers}
        try:
            answer: Answer | None = await self._guarded.post(recipient.target, body, headers)
            reason = "" if answer is None else f"answered {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            answer, reason = None, _reason_of(error)
        if answer is not None and answer.is_good:
            await self._recipients.worked(recipient)
            await self._notices.sent(notice)
            return
        log.warning("notice %d could not be posted to recipient %d: %s", notice.id, recipient.id, reason)
        # Counted first: once the notice is due again, it is known whether its recipient is still wanted.
        await self._recipients.failed(recipient, notice, gone=answer is not None and answer.status == GONE)
        await self._notices.try_later(
            notice, reason, after_seconds=None if answer is None else answer.retry_after_seconds
        )


def _reason_of(error: Exception) -> str:
    """Say what failed; some errors quote the whole address, whose path may be a secret."""
    name = type(error).__name__
    tells_host_alone = isinstance(error, ForbiddenAddressError | aiohttp.ClientConnectorError)
    return f"{name}: {error}" if tells_host_alone else name
