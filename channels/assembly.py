"""All channels of one process, from the parts of the core: opened together, ended together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from channels.guarded import Guarded
from channels.hooks import Hooks
from channels.mail import MailSender, MailServer
from quota_core.catalog import Catalog
from quota_core.messages import Messages
from quota_core.sending import Sending
from wording.mail import Mails

WORKERS = 8  # one slow receiver must not hold up the others


@contextlib.asynccontextmanager
async def sending(
    catalog: Catalog,
    messages: Messages,
    guarded: Guarded,
    *,
    mail_server: MailServer | None,
    dashboard_url: str,
    can_sell: bool,
    clock: Callable[[], int],
) -> AsyncIterator[None]:
    """Send by every channel but Discord's until the block ends; without a `mail_server` no e-mails."""
    notices, recipients = messages.notices, messages.recipients
    async with guarded:
        hooks = Hooks(catalog, notices, recipients, guarded, can_sell=can_sell, clock=clock)
        loops = [
            Sending(notices, messages.screening, "webhook", hooks.signed, workers=WORKERS),
            Sending(notices, messages.screening, "slack", hooks.slack, workers=WORKERS),
        ]
        if mail_server is not None:
            mails = Mails(catalog, dashboard_url=dashboard_url, can_sell=can_sell)
            mail = MailSender(mail_server, mails, notices, recipients, zone=catalog.zone)
            loops.append(Sending(notices, messages.screening, "email", mail.send))
        for loop in loops:
            loop.start()
        try:
            yield
        finally:
            for loop in loops:
                loop.end()
            for loop in loops:
                await loop.stop()
