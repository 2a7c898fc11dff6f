"""Yesterday's back-up in place of the ledger, and then everything that Stripe delivers again."""

from pathlib import Path

import pytest

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.settlement import Settlement
from quota_core.sqlite_database import SqliteDatabase
from tests.core.opened_ledger import OpenLedger, SteerableClock, open_ledger
from tests.core.recounting import assert_sound
from tests.core.test_settlement import bought, kinds, ordered, settle

BEN = AccountRef("user", "2")


@pytest.fixture
def engine() -> str:
    """Run on SQLite alone, whose back-ups are ours."""
    return "sqlite"


async def test_what_came_since_the_backup_is_credited_once_or_told(
    ledger: OpenLedger, tmp_path: Path, catalog: Catalog, clock: SteerableClock
) -> None:
    """F95: an order that the back-up knows is credited; one opened since then is held, and operators are told."""
    before, open_then = await ordered(ledger), await ordered(ledger, "quota_500")
    await settle(ledger, before)
    assert isinstance(ledger.database, SqliteDatabase)
    backup = tmp_path / "backup.db"
    backup.touch()
    await ledger.database.back_up(backup, lambda *_: None)
    since = await ordered(ledger, account=BEN)
    for order in (open_then, since):
        assert await settle(ledger, order) is Settlement.CREDITED

    restored = await open_ledger(backup, catalog=catalog, clock=clock)
    try:
        again = [[await settle(restored, one) for one in (before, open_then, since)] for _ in range(2)]
        left = [await bought(restored), await bought(restored, BEN)]
        told = await kinds(restored)
        await assert_sound(restored)
    finally:
        await restored.close()

    assert again[0] == [Settlement.ALREADY_CREDITED, Settlement.CREDITED, Settlement.MISMATCH]
    assert again[1] == [Settlement.ALREADY_CREDITED, Settlement.ALREADY_CREDITED, Settlement.MISMATCH]
    assert left == [1500, 0]
    assert told.count("purchase") == 2
    assert told.count("payment_held") == 1
