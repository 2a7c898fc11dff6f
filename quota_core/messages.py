"""Everything about messages around the outbox, made once for a process: who is told what, how, and when."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from quota_core.accounts import AccountRef
from quota_core.alerts import Alerts
from quota_core.book import Book
from quota_core.database import Database
from quota_core.notices import Notices
from quota_core.outbox_log import OutboxLog
from quota_core.paid_units import Consents
from quota_core.preferences import Preferences
from quota_core.recipients import Recipients
from quota_core.resending import Resending
from quota_core.screening import Screening
from quota_core.server_alerts import ServerAlerts


class Messages:
    """
    The parts that share the outbox; `channels` are those that this program can send by.

    Attributes:
        notices: the outbox.
        alerts: turns crossed thresholds into notices.
        preferences: what people chose.
        recipients: where messages go beside direct channels.
        resending: tests and repetitions.
        server_alerts: the channels in which servers hear of themselves.
        consents: who agreed to use paid units.
        log: what became of messages.
        screening: the last look before one leaves.

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
        self.notices = notices
        self.alerts = Alerts(database, book, notices, default_locale=default_locale, clock=clock)
        self.preferences = Preferences(database, book, clock=clock)
        self.recipients = Recipients(
            database,
            book,
            notices,
            operators=operators,
            channels=channels,
            default_locale=default_locale,
            allow_private=allow_private,
            clock=clock,
        )
        self.resending = Resending(database, book, notices, self.recipients, operators=operators, clock=clock)
        self.server_alerts = ServerAlerts(database, book, self.recipients, self.resending, clock=clock)
        self.consents = Consents(database, book, clock=clock)
        self.log = OutboxLog(database, notices, clock=clock)
        self.screening = Screening(database, clock=clock)
