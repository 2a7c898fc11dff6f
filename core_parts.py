"""The parts of the core that both edges share, made once for a process."""

from __future__ import annotations

import time
from pathlib import Path

from cogs.assembly import Parts
from cogs.command_sync import MarksInFile
from ledger_file import Ledger, utc_ms
from quota_core.account_statement import Statements
from quota_core.accounts import AccountRef
from quota_core.balances import Balances
from quota_core.deliveries import Deliveries
from quota_core.erasure import Erasures
from quota_core.figures import Figures
from quota_core.grants import Grants
from quota_core.history import History
from quota_core.messages import Messages
from quota_core.meter import UNMETERED, Meter
from quota_core.notices import Notices
from quota_core.operators import Operators
from quota_core.people import People
from quota_core.personal_data import PersonalData
from quota_core.pools import Pools
from quota_core.purchases import Purchases
from quota_core.quota import Quota
from quota_core.refunding import Refunding
from quota_core.settlement import Settlements
from quota_core.stats import Statistics
from quota_core.transfers import Transfers
from settings import Settings
from webhooks.records import Records
from webhooks.stripe_checkout import StripeCheckout


class CoreParts:
    """The parts of the core that both edges share."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        checkout: StripeCheckout | None,
        *,
        meter: Meter = UNMETERED,
    ) -> None:
        database, book = ledger.database, ledger.book
        self.ledger = ledger
        self.meter = meter
        self.operators = Operators(
            user_ids=frozenset(settings.operator_ids), guild_ids=frozenset(settings.operator_guild_ids)
        )
        self.notices = Notices(database, clock=utc_ms, shared=not database.alone)
        self.quota = Quota(database, book, clock=utc_ms, meter=meter)
        self.figures = Figures(database, book, clock=utc_ms, monotonic=time.monotonic)
        self.balances = Balances(database, book, clock=utc_ms)
        self.grants = Grants(database, book, self.operators, max_grant_units=settings.max_grant, clock=utc_ms)
        self.records = Records.of(database, book, self.balances, clock=utc_ms)
        self.people = People(database, book, clock=utc_ms)
        self.erasures = Erasures(database, book, ledger.tombstones, clock=utc_ms)
        self.purchases = Purchases(
            database, book, checkout, clock=utc_ms, page_ms=settings.checkout_minutes * 60_000
        )
        operators = [AccountRef("user", str(user_id)) for user_id in settings.operator_ids]
        self.settlements = Settlements(
            database,
            book,
            self.notices,
            operators=operators,
            default_locale=settings.default_locale,
            clock=utc_ms,
        )
        self.refunding = Refunding(
            database,
            None if checkout is None else checkout.refunds,
            self.settlements.reversals,
            self.operators,
        )
        self.deliveries = Deliveries(database, clock=utc_ms)
        self.messages = Messages(
            database,
            book,
            self.notices,
            operators=operators,
            channels=settings.message_channels,
            allow_private=settings.outgoing_private,
            default_locale=settings.default_locale,
            clock=utc_ms,
        )

    def parts(self, settings: Settings, data: Path, public_url: str, *, with_ask: bool) -> Parts:
        """Return what the cogs need."""
        database, book = self.ledger.database, self.ledger.book
        statements = Statements(database, self.ledger.signing_key, clock=utc_ms)
        return Parts(
            catalog=book.catalog,
            quota=self.quota,
            balances=self.balances,
            grants=self.grants,
            refunding=self.refunding,
            history=History(database, book),
            statements=statements,
            erasures=self.erasures,
            personal_data=PersonalData(database, statements, clock=utc_ms),
            statistics=Statistics(database, book, clock=utc_ms),
            notices=self.notices,
            messages=self.messages,
            people=self.people,
            purchases=self.purchases,
            pools=Pools(database, book, clock=utc_ms),
            transfers=Transfers(
                *(database, book, self.notices),
                max_units=settings.max_grant,
                default_locale=settings.default_locale,
                clock=utc_ms,
            ),
            operators=self.operators,
            marks=MarksInFile(data / "commands.sha256"),
            default_locale=settings.default_locale,
            public_url=public_url,
            clock=utc_ms,
            monotonic=time.monotonic,
            policy_url=settings.privacy_url,
            extensions=settings.extra_cogs,
            with_ask=with_ask,
            ask_before_paid=settings.ask_before_paid,
            meter=self.meter,
        )

    async def check(self) -> str | None:
        """Say what is wrong with the database, for `/readyz`."""
        if self.ledger.database.halted is not None:
            return "writes are stopped"
        await self.notices.seconds_until_due()
        return None
