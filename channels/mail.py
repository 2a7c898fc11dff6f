"""E-mail by SMTP: what is sent, and what becomes of a notice after the server's answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from typing import Literal
from zoneinfo import ZoneInfo

import aiosmtplib

from quota_core.notices import Notice, Notices
from quota_core.recipients import Recipients
from quota_core.store.recipients import Recipient
from wording.language import language_of
from wording.mail import Mail, Mails
from wording.words import Words

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20.0
PERMANENT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where e-mails are handed over, and as whom; `security` as the server expects it."""

    host: str
    port: int
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    security: Literal["starttls", "tls", "none"] = "starttls"


class MailSender:
    """Send notices as e-mails."""

    def __init__(
        self, server: MailServer, mails: Mails, notices: Notices, recipients: Recipients, *, zone: ZoneInfo
    ) -> None:
        self._server = server
        self._mails = mails
        self._notices = notices
        self._recipients = recipients
        self._zone = zone

    async def send(self, notice: Notice, recipient: Recipient | None) -> None:
        """Send a notice; an address that the server refuses for good is not tried again."""
        assert recipient is not None
        about = None if recipient.account == notice.account_id else str(notice.account)
        words = Words(language_of(notice.locale))
        mail = self._mails.of(notice, words, zone=self._zone, about=about)
        message = self._message(notice, recipient.target, mail)
        try:
            await self._hand_over(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            await self._failed(
                notice, recipient, f"{refused.code} {refused.message}", for_good=refused.code >= PERMANENT
            )
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            await self._failed(notice, recipient, f"{type(error).__name__}: {error}", for_good=False)
        else:
            await self._notices.sent(notice)
            await self._recipients.worked(recipient)

    def _message(self, notice: Notice, target: str, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._server.sender
        message["To"] = target
        message["Subject"] = mail.subject
        message["Date"] = formatdate(notice.created_ms / 1000)
        # The same for each try, so that a mailbox can tell a repetition.
        domain = self._server.sender.rpartition("@")[2].rstrip("> ")
        message["Message-ID"] = f"<{notice.nonce}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices in return
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message

    async def _hand_over(self, message: EmailMessage) -> None:
        server = self._server
        await aiosmtplib.send(
            message,
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            timeout=TIMEOUT_SECONDS,
        )

    async def _failed(self, notice: Notice, recipient: Recipient, reason: str, *, for_good: bool) -> None:
        # Servers quote whom they refuse, and some of them with what.
        reason = reason.replace(recipient.target, "the address")
        if self._server.password:
            reason = reason.replace(self._server.password, "the password")
        log.warning("notice %d could not be mailed to recipient %d: %s", notice.id, recipient.id, reason)
        if for_good:
            await self._notices.give_up(notice, reason)
        else:
            await self._notices.try_later(notice, reason)
        await self._recipients.failed(recipient, notice)
