"""The last millisecond before a window turns and the first one after, also on the days on which clocks change."""

from datetime import UTC, datetime

import pytest

from quota_core.accounts import AccountRef
from quota_core.catalog_file import parse
from quota_core.errors import OutOfQuotaError
from tests.core.opened_ledger import Place, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

KINDS = ("hour", "day", "week", "month", "year")
METRIC = """
[metrics.{kind}]
label = {{ en = "{kind}", fr = "{kind}" }}
[[plans.free.allowances]]
metric = "{kind}"
limit = 3
period = "{kind}"
"""
TEXT = """
currency = "EUR"
timezone = "Europe/Paris"
default_plan = "free"
primary_metric = "day"
[plans.free]
rank = 0
label = { en = "Free", fr = "Gratuit" }
description = { en = "Free", fr = "Gratuit" }
""" + "".join(METRIC.format(kind=kind) for kind in KINDS)
# In UTC, what turns in Paris: in spring the clock leaves an hour out, in autumn it shows one twice.
TURNS = {
    "2026-03-28T23:00": {"hour", "day"},
    "2026-03-29T01:00": {"hour"},
    "2026-03-29T22:00": {"hour", "day", "week"},
    "2026-03-31T22:00": {"hour", "day", "month"},
    "2026-10-24T22:00": {"hour", "day"},
    "2026-10-25T00:00": {"hour"},
    "2026-10-25T01:00": {"hour"},
    "2026-10-25T23:00": {"hour", "day", "week"},
    "2026-10-31T23:00": {"hour", "day", "month"},
    "2026-12-31T23:00": {"hour", "day", "month", "year"},
}


async def test_each_window_turns_at_its_millisecond_and_no_other_does(
    place: Place, clock: SteerableClock
) -> None:
    """All of it can be used in the last one, none of it a second time, and all of it again in the first one."""
    ledger = await open_ledger(place, catalog=parse(TEXT, name="paris.toml"), clock=clock)
    for number, (moment, turning) in enumerate(TURNS.items(), 1):
        turns_ms = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)
        account = AccountRef("user", str(number))
        clock.now_ms = turns_ms - 1
        for kind in KINDS:
            await ledger.quota.consume(account, 3, key=f"all of the {kind}", metric=kind)
            with pytest.raises(OutOfQuotaError) as refusal:
                await ledger.quota.consume(account, 1, key=f"more of the {kind}", metric=kind)

            assert (refusal.value.retry_ms == turns_ms) == (kind in turning), (moment, kind)
        clock.now_ms = turns_ms
        for kind in KINDS:
            if kind in turning:
                spend = await ledger.quota.consume(account, 3, key=f"the next {kind}", metric=kind)

                assert spend.allowance_left == 0
                continue
            with pytest.raises(OutOfQuotaError):
                await ledger.quota.consume(account, 1, key=f"the next {kind}", metric=kind)
    await assert_sound(ledger)
    await ledger.close()
