"""The desk at which terminal commands are done, for a ledger that is open."""

from __future__ import annotations

from ledger_file import Ledger
from quota_core.accounts import AccountRef
from quota_core.corrections import Corrections
from quota_core.messages import Messages
from quota_core.notices import Notices
from settings import Settings
from terminal.desk import Desk
from terminal.ledger_checkup import LedgerCheckup
from terminal.messages import MessageDesk
from terminal.proofs import Proofs


def desk_of(ledger: Ledger, settings: Settings, notices: Notices | None = None) -> Desk:
    """Return the commands that need a ledger; `notices` wakes who sends, where somebody does."""
    database, book, clock = ledger.database, ledger.book, ledger.clock
    if notices is None:
        notices = Notices(database, clock=clock, shared=not database.alone)
    messages = Messages(
        *(database, book, notices),
        operators=[AccountRef("user", str(user_id)) for user_id in settings.operator_ids],
        channels=settings.message_channels,
        default_locale=settings.default_locale,
        allow_private=settings.outgoing_private,
        clock=clock,
    )
    return Desk(
        database,
        ledger.keys,
        clock=clock,
        proofs=Proofs(database=database, key=ledger.signing_key, zone=book.catalog.zone, clock=clock),
        corrections=Corrections(database, book, clock=clock),
        checkup=LedgerCheckup(database, book.catalog.zone, clock=clock),
        messages=MessageDesk(messages),
    )
