"""The channel of a server's alerts: one, whoever sets it at once."""

import asyncio

from quota_core.accounts import AccountRef
from quota_core.operators import Actor
from tests.core.catalogs import everything
from tests.core.opened_ledger import OpenLedger, Place, SteerableClock, open_ledger

GUILD, CHANNELS = 7, (1101500000000000001, 1101500000000000002)


async def test_two_who_set_it_at_once_leave_one(place: Place, clock: SteerableClock) -> None:
    """In one process, and on PostgreSQL in two: the later one's, and nothing of a third that was set before."""
    ledgers = [await open_ledger(place, catalog=everything(), clock=clock)]
    if isinstance(place, str):
        ledgers.append(await open_ledger(place, catalog=everything(), clock=clock))

    async def set_to(ledger: OpenLedger, channel: int, user: int) -> None:
        manager = Actor(user_id=user, guild_id=GUILD, manages_guild=True)
        await ledger.messages.server_alerts.tell_in(GUILD, manager, channel, channels=CHANNELS, locale="en")

    left = set()
    for _ in range(5):
        await asyncio.gather(
            *(
                set_to(ledgers[number % len(ledgers)], channel, number)
                for number, channel in enumerate(CHANNELS)
            )
        )
        clock.move(seconds=5)
        found = await ledgers[0].messages.recipients.of(AccountRef("guild", str(GUILD)))
        left.add(len(found))
    for ledger in ledgers:
        await ledger.close()

    assert left == {1}
