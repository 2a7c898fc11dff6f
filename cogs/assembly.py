"""All cogs of one bot, from the parts of the core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from discord.ext import commands

from cogs.admin import Admin
from cogs.ask import Ask
from cogs.channel_notices import ChannelNotices
from cogs.client import QuotaBot
from cogs.command_sync import Marks
from cogs.consent import PaidUnits
from cogs.errors import Mishaps
from cogs.help import Help
from cogs.history import PurchaseHistory
from cogs.kept import KeptNotices
from cogs.metered import Guard
from cogs.notices import NoticeSender
from cogs.notifications import Notifications
from cogs.opening_pace import OpeningPace
from cogs.privacy import Privacy
from cogs.quota import Balance
from cogs.receipts import Receipts
from cogs.recipient_screen import RecipientScreen
from cogs.rest_trace import trace_of
from cogs.server_quota import ServerQuota
from cogs.sharded_client import ShardedQuotaBot
from cogs.shards import Shards
from cogs.shop import Shop
from cogs.speech import Speech
from cogs.waiting import Waiting
from quota_core.account_statement import Statements
from quota_core.balances import Balances
from quota_core.catalog import Catalog
from quota_core.erasure import Erasures
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
from quota_core.stats import Statistics
from quota_core.transfers import Transfers

PREFIX = "!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """
    What the cogs need.

    `public_url` is where buyers reach our own pages, without a slash at its end; `monotonic` counts seconds;
    `with_ask` loads the sample command; `ask_before_paid` lets metered commands ask before the first paid units
    of a window; `meter` is told of checks and of what Discord answers.
    """

    catalog: Catalog
    quota: Quota
    balances: Balances
    grants: Grants
    refunding: Refunding
    history: History
    statements: Statements
    erasures: Erasures
    personal_data: PersonalData
    statistics: Statistics
    notices: Notices
    messages: Messages
    people: People
    purchases: Purchases
    pools: Pools
    transfers: Transfers
    operators: Operators
    marks: Marks
    default_locale: str
    public_url: str
    clock: Callable[[], int]
    monotonic: Callable[[], float]
    policy_url: str | None = None
    extensions: Sequence[str] = ()
    with_ask: bool = False
    ask_before_paid: bool = False
    meter: Meter = UNMETERED


def make_bot(parts: Parts, *, message_content: bool, shards: Shards | None = None) -> QuotaBot:
    """
    Return a bot with all cogs, not logged in yet. For `connection.run_discord`, which may need several.

    With `shards` it has a connection for each, without it a single one.
    """
    speech = Speech(parts.people, default_locale=parts.default_locale)
    mishaps = Mishaps(
        speech,
        parts.catalog,
        parts.operators,
        can_sell=parts.purchases.can_sell,
        prefix=PREFIX,
        clock=parts.clock,
    )
    some = {} if shards is None else {"shard_ids": shards.ids, "shard_count": shards.count}
    return (QuotaBot if shards is None else ShardedQuotaBot)(
        speech=speech,
        mishaps=mishaps,
        make_cogs=lambda bot: _cogs(bot, parts, speech, mishaps),
        extensions=parts.extensions,
        marks=parts.marks,
        message_content=message_content,
        prefix=PREFIX,
        http_trace=trace_of(parts.meter),
        **some,
    )


def _cogs(bot: QuotaBot, parts: Parts, speech: Speech, mishaps: Mishaps) -> list[commands.Cog]:
    catalog, operators, clock = parts.catalog, parts.operators, parts.clock
    can_sell = parts.purchases.can_sell
    receipts = Receipts(parts.purchases)
    # States are resident where no other process writes; then none but this one sends notices either.
    waiting = Waiting(parts.notices, only_sender=parts.quota.book.resident)
    paid_units = _paid_units(parts, speech, mishaps)
    cogs: list[commands.Cog] = [
        paid_units,
        Balance(speech, mishaps, catalog, parts.balances, operators, clock=clock),
        Shop(speech, mishaps, catalog, parts.purchases, operators, public_url=parts.public_url),
        PurchaseHistory(
            speech, mishaps, catalog, parts.history, statements=parts.statements, operators=operators
        ),
        Admin(
            speech,
            mishaps,
            catalog,
            grants=parts.grants,
            refunding=parts.refunding,
            statistics=parts.statistics,
            operators=operators,
            prefix=PREFIX,
            clock=clock,
        ),
        Guard(
            speech,
            mishaps,
            catalog,
            parts.quota,
            parts.balances,
            alerts=parts.messages.alerts,
            paid_units=paid_units if parts.ask_before_paid else None,
            pools=parts.pools,
            can_sell=can_sell,
            meter=parts.meter,
        ),
        Privacy(speech, mishaps, catalog, parts.erasures, parts.personal_data, policy_url=parts.policy_url),
        _server_quota(parts, speech, mishaps),
        Help(speech, mishaps, operators, prefix=PREFIX),
        KeptNotices(speech, mishaps, catalog, parts.notices, receipts, waiting=waiting),
        *_notifications(parts, speech, mishaps),
        ChannelNotices(bot, catalog, parts.messages, can_sell=can_sell),
        NoticeSender(
            bot,
            catalog,
            parts.notices,
            people=parts.people,
            receipts=receipts,
            screening=parts.messages.screening,
            waiting=waiting,
            can_sell=can_sell,
            pace=OpeningPace(monotonic=parts.monotonic),
            on_refused=bot.refused.set,
            clock=clock,
        ),
    ]
    if parts.with_ask:
        cogs.append(Ask(speech, mishaps, catalog))
    return cogs


def _notifications(parts: Parts, speech: Speech, mishaps: Mishaps) -> tuple[commands.Cog, commands.Cog]:
    notifications = Notifications(speech, mishaps, parts.messages)
    screen = RecipientScreen(speech, mishaps, parts.messages, overview=notifications.show)
    return notifications, screen


def _paid_units(parts: Parts, speech: Speech, mishaps: Mishaps) -> PaidUnits:
    return PaidUnits(
        *(speech, mishaps, parts.catalog, parts.messages.consents),
        can_sell=parts.purchases.can_sell,
    )


def _server_quota(parts: Parts, speech: Speech, mishaps: Mishaps) -> ServerQuota:
    return ServerQuota(
        *(speech, mishaps, parts.catalog, parts.balances, parts.pools),
        transfers=parts.transfers,
        alerts=parts.messages.server_alerts,
        can_sell=parts.purchases.can_sell,
        clock=parts.clock,
    )
