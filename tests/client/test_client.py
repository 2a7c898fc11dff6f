"""The client that other services copy, against the real server."""

from uuid import UUID

import pytest

from jauge_client import Client, Operation, OutOfQuotaError, RefusedError, Spend, UnreachableError, new_id
from jauge_offline import OfflineAllowance, OfflineClient
from tests.client.lossy import LossyWay
from tests.webhooks.running import ANA, Running

ACCOUNT = str(ANA)


async def used(bot: Running) -> int:
    """Return what the account has used today."""
    part = (await bot.balances.of(ANA)).of("requests")
    return 0 if part is None else part.windows[0].used


async def test_units_are_taken_once_although_the_answer_was_lost(
    bot: Running, way: LossyWay, client: Client
) -> None:
    """The second try carries the same key."""
    way.lost = 1
    spend = await client.consume(ACCOUNT, 3)

    assert (spend.units, spend.allowance_left, spend.replayed) == (3, 47, True)
    assert await used(bot) == 3
    assert way.seen == ["/api/credits/consume"] * 2


async def test_a_refusal_is_an_error_with_its_facts(bot: Running, client: Client) -> None:
    """Out of quota says what is left and when waiting helps; others keep their stable name."""
    await client.consume(ACCOUNT, 48)
    with pytest.raises(OutOfQuotaError) as short:
        await client.consume(ACCOUNT, 3)
    with pytest.raises(RefusedError) as strange:
        await client.consume(ACCOUNT, metric="nonsense")

    assert short.value.units_left == 2
    assert short.value.retry_after_seconds == pytest.approx(12 * 3600, abs=60)
    assert (strange.value.status, strange.value.kind) == (404, "unknown-metric")
    assert await used(bot) == 48


async def test_no_answer_at_all_is_an_error_by_default(bot: Running, way: LossyWay, client: Client) -> None:
    """It fails closed, after all its tries."""
    way.cut = True
    with pytest.raises(UnreachableError):
        await client.consume(ACCOUNT)

    assert len(way.seen) == 3
    assert await used(bot) == 0


async def test_many_operations_have_an_outcome_each(client: Client) -> None:
    """A refused one stops no other."""
    outcomes = await client.consume_many([Operation(account=ACCOUNT, units=units) for units in (20, 31, 30)])

    assert [type(one) for one in outcomes] == [Spend, OutOfQuotaError, Spend]


async def test_offline_a_bounded_amount_passes_and_is_booked_later(
    bot: Running, way: LossyWay, key: str
) -> None:
    """Within units and time; under keys of its own, so that nothing is booked twice."""
    now = [100.0]
    allowance = OfflineAllowance(units=5, seconds=60)
    async with OfflineClient(
        way.url, key, allowance=allowance, monotonic=lambda: now[0], attempts=1
    ) as client:
        way.cut = True
        first = await client.consume(ACCOUNT, 3)
        with pytest.raises(UnreachableError):
            await client.consume(ACCOUNT, 3)
        second = await client.consume(ACCOUNT, 2)
        owed = [one.units for one in client.owed]
        way.cut = False
        third = await client.consume(ACCOUNT, 1)

        assert (first.offline, second.offline, third.offline) == (True, True, False)
        assert (owed, client.owed, await used(bot)) == ([3, 2], (), 6)

        way.cut = True
        await client.consume(ACCOUNT, 1)
        now[0] += 61
        with pytest.raises(UnreachableError):
            await client.consume(ACCOUNT, 1)


async def test_what_passed_offline_is_booked_once_although_the_answer_was_lost(
    bot: Running, way: LossyWay, key: str
) -> None:
    """The request was done, its answer got lost, and the operation stays owed until it is known."""
    allowance = OfflineAllowance(units=5, seconds=60)
    async with OfflineClient(way.url, key, allowance=allowance, attempts=1) as client:
        way.lost = 1
        passed = await client.consume(ACCOUNT, 3)
        await client.book_owed()

    assert passed.offline
    assert await used(bot) == 3


def test_ids_are_uuid7_and_grow() -> None:
    """As RFC 9562 draws them."""
    ids = [new_id() for _ in range(100)]

    assert {UUID(one).version for one in ids} == {7}
    assert {UUID(one).variant for one in ids} == {"specified in RFC 4122"}
    assert sorted(one[:13] for one in ids) == [one[:13] for one in ids]


def test_senseless_options_are_refused() -> None:
    """At least one try."""
    with pytest.raises(ValueError, match="at least 1"):
        Client("http://127.0.0.1:1", "jauge_x", attempts=0)
