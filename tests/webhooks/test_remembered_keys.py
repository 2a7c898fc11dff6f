"""Keys in memory: few look-ups, a short memory, and no room for strangers."""

import asyncio
from pathlib import Path

from quota_core.access_keys import AccessKey, AccessKeys, Scope
from quota_core.catalog import Catalog
from tests.core.opened_ledger import SteerableClock
from tests.webhooks.running import Watch, opened
from webhooks.remembered_keys import MEMORY_SECONDS, RememberedKeys

SCOPES = (Scope.QUOTA_CONSUME,)


class CountedKeys(AccessKeys):
    """The real keys, which count how often they are asked."""

    asked = 0

    async def check(self, token: str) -> AccessKey | None:
        """Count, and ask the database."""
        self.asked += 1
        return await super().check(token)


async def test_those_who_ask_at_once_share_one_look_up(tmp_path: Path, catalog: Catalog) -> None:
    """And one of them that stops waiting takes the answer from nobody."""
    watch = Watch()
    async with opened(tmp_path, watch, catalog) as (database, _):
        keys = CountedKeys(database, clock=watch)
        token = await keys.create("test", SCOPES)
        remembered = RememberedKeys(keys, clock=watch, monotonic=watch.seconds)
        waiting = [asyncio.ensure_future(remembered.check(token)) for _ in range(20)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        once = keys.asked
        await remembered.check(token)

    assert (once, keys.asked) == (1, 2)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(isinstance(one, AccessKey) for one in found[1:])


async def test_a_key_is_good_for_less_than_a_second(tmp_path: Path, catalog: Catalog) -> None:
    """Counted from before it was looked up; then it is known, and asked for again."""
    watch, now_seconds = Watch(), [100.0]
    async with opened(tmp_path, watch, catalog) as (database, _):
        keys = AccessKeys(database, clock=watch)
        token = await keys.create("test", SCOPES)
        remembered = RememberedKeys(keys, clock=watch, monotonic=lambda: now_seconds[0])
        never = remembered.recall(token)
        await remembered.check(token)
        known = remembered.recall(token)
        assert known is not None
        fresh = known.good_until_seconds > now_seconds[0]
        now_seconds[0] += MEMORY_SECONDS
        stale = known.good_until_seconds > now_seconds[0]
        await keys.revoke(known.key.id)
        revoked = await remembered.check(token)

    assert never is None
    assert (fresh, stale) == (True, False)
    assert revoked is None
    assert remembered.recall(token) is None
    assert MEMORY_SECONDS < 1


async def test_a_key_that_ends_is_not_good_a_moment_longer(tmp_path: Path, catalog: Catalog) -> None:
    """Its end needs no look-up."""
    watch, clock = Watch(), SteerableClock()
    async with opened(tmp_path, watch, catalog) as (database, _):
        keys = AccessKeys(database, clock=clock)
        soon = await keys.create("soon", SCOPES, expires_ms=clock() + 500)
        late = await keys.create("late", SCOPES, expires_ms=clock() + 60_000)
        remembered = RememberedKeys(keys, clock=clock, monotonic=lambda: 100.0)
        await remembered.check(soon)
        await remembered.check(late)
        known = remembered.recall(soon), remembered.recall(late)

    assert known[0] is not None
    assert known[0].good_until_seconds == 100.5
    assert known[1] is not None
    assert known[1].good_until_seconds == 100.0 + MEMORY_SECONDS


async def test_the_memory_does_not_grow(tmp_path: Path, catalog: Catalog) -> None:
    """Strangers have no place in it; of good keys, the one that was asked for longest ago goes first."""
    watch = Watch()
    async with opened(tmp_path, watch, catalog) as (database, _):
        keys = AccessKeys(database, clock=watch)
        tokens = [await keys.create(f"key {number}", SCOPES) for number in range(4)]
        remembered = RememberedKeys(keys, clock=watch, monotonic=watch.seconds, capacity=3)
        for number in range(10):
            await remembered.check(f"jauge_00000000000{number}_{'A' * 43}")
        strangers = len(remembered)
        for token in (*tokens[:3], tokens[0], tokens[3]):
            await remembered.check(token)

    assert (strangers, len(remembered)) == (0, 3)
    assert remembered.recall(tokens[1]) is None
    assert remembered.recall(tokens[0]) is not None
