"""The channels but Discord's, as the settings want them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from channels.assembly import sending
from channels.guarded import Guarded
from channels.mail import MailServer
from core_parts import CoreParts
from ledger_file import utc_ms
from settings import Settings


def channels(settings: Settings, core: CoreParts, http_url: str) -> AbstractAsyncContextManager[None]:
    """Return the block in which e-mails and webhooks are sent."""
    return sending(
        core.ledger.book.catalog,
        core.messages,
        Guarded(ports=settings.outgoing_ports, allow_private=settings.outgoing_private),
        mail_server=_mail_server(settings),
        dashboard_url=settings.dashboard_url or settings.public_url or http_url,
        can_sell=core.purchases.can_sell,
        clock=utc_ms,
    )


def _mail_server(settings: Settings) -> MailServer | None:
    if settings.smtp_host is None:
        return None
    assert settings.mail_from is not None
    password = settings.smtp_password
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_from,
        user=settings.smtp_user,
        password=None if password is None else password.get_secret_value(),
        security=settings.smtp_security,
    )
