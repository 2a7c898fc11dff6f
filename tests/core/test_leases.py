"""Leases: one holder at a time, by the clock of the database, and a fence for who slept too long."""

import asyncio

from quota_core.leases import Lease, Leases
from quota_core.statements import Work, run
from tests.core.opened_ledger import OpenLedger

GATEWAY = "gateway"


def leases_of(ledger: OpenLedger, holder: str, lease_ms: int = 60_000) -> Leases:
    """Return the leases as one process sees them."""
    return Leases(ledger.database, holder=holder, clock=ledger.clock, lease_ms=lease_ms)


async def taken(leases: Leases) -> Lease:
    """Take the lease, which must be free."""
    lease = await leases.take(GATEWAY)
    assert lease is not None
    return lease


async def over(ledger: OpenLedger) -> None:
    """Let every lease end, as time does."""

    def end() -> Work[None]:
        yield run("UPDATE leases SET until_ms = 1")

    await ledger.database.write(end)


async def test_of_many_who_ask_at_once_one_gets_it(ledger: OpenLedger) -> None:
    """On PostgreSQL each asks on a connection of its own."""
    asked = [leases_of(ledger, f"process {number}").take(GATEWAY) for number in range(20)]

    got = [lease for lease in await asyncio.gather(*asked) if lease is not None]

    assert len(got) == 1
    assert got[0].fence == 1


async def test_a_lease_that_ended_goes_to_the_next_and_its_old_holder_finds_out(ledger: OpenLedger) -> None:
    """F04: the fence grows, and the sleeper can neither renew nor give back what is not its own."""
    first, second = leases_of(ledger, "first"), leases_of(ledger, "second")
    old = await taken(first)
    too_early = await second.take(GATEWAY)
    await over(ledger)
    new = await taken(second)
    renewed = await first.renew(old)
    await first.give_back(old)
    too_late = await first.take(GATEWAY)

    assert too_early is None
    assert not renewed
    assert new.fence > old.fence
    assert too_late is None
    assert await second.renew(new)


async def test_a_lease_that_ended_and_that_nobody_took_can_be_renewed(ledger: OpenLedger) -> None:
    """A pause harms nobody when nobody waited."""
    leases = leases_of(ledger, "only")
    lease = await taken(leases)
    await over(ledger)

    assert await leases.renew(lease)
    assert await leases_of(ledger, "other").take(GATEWAY) is None


async def test_who_gives_back_lets_the_next_begin_at_once(ledger: OpenLedger) -> None:
    """As an orderly stop does."""
    first, second = leases_of(ledger, "first"), leases_of(ledger, "second")
    await first.give_back(await taken(first))

    assert (await taken(second)).fence == 2


async def test_leases_that_meet_exclude_each_other(ledger: OpenLedger) -> None:
    """All shards meet every shard; others do not; and what has ended meets nothing."""
    first, second = leases_of(ledger, "first"), leases_of(ledger, "second")
    part = await first.take("gateway 0-3/8")
    whole = await second.take(GATEWAY, meets=lambda name: name.startswith(GATEWAY))
    other = await second.take("gateway 4-7/8", meets=lambda name: name == GATEWAY)
    await over(ledger)
    after = await second.take(GATEWAY, meets=lambda name: name.startswith(GATEWAY))

    assert part is not None
    assert whole is None
    assert other is not None
    assert after is not None


async def test_while_writes_are_stopped_a_lease_is_kept_until_another_takes_it(ledger: OpenLedger) -> None:
    """P8: reading goes on, and so does answering people."""
    leases = leases_of(ledger, "halted")
    lease = await taken(leases)
    ledger.database.halt("a test")

    assert await leases.renew(lease)
    assert not await leases.renew(Lease(name=GATEWAY, fence=lease.fence - 1))
