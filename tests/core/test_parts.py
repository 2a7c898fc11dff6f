"""What a row keeps of an entry's parts: less where nothing is lost, and the same text for everyone who reads it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from quota_core.accounts import AccountRef
from quota_core.parts import DAY_MS, folded, unfolded
from quota_core.proof import Proof
from tests.core.opened_ledger import OPERATOR, OpenLedger
from tests.core.recounting import assert_sound

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")
TIMES_MS = st.integers(0, 253_402_300_799_999)
UNITS = st.integers(0, 2**53 - 1)


def day_of(at_ms: int, days: int = 0) -> str:
    """Return the day of a moment in UTC, or one so many days from it."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=at_ms // DAY_MS + days)).date().isoformat()


@given(st.text() | st.sampled_from(["0", "+", "-", "", "0=1", "2026-11-20=1"]), UNITS, TIMES_MS)
def test_any_parts_come_back_as_they_were(text: str, units: int, at_ms: int) -> None:
    """Those that an entry can have: a text with a `=` in it, or none at all."""
    parts = text if "=" in text or not text else f"{text}=1"

    assert unfolded(folded(parts, units, at_ms // DAY_MS), units, at_ms) == parts


@given(st.integers(-1, 1), UNITS, st.integers(2 * DAY_MS, 200 * 365 * DAY_MS))
def test_the_day_of_a_spend_is_one_character_in_every_zone(days: int, units: int, at_ms: int) -> None:
    """Somewhere it is a day earlier or later than in UTC."""
    parts = f"{day_of(at_ms, days)}={units}"

    assert len(folded(parts, units, at_ms // DAY_MS)) == 1
    assert unfolded(folded(parts, units, at_ms // DAY_MS), units, at_ms) == parts


@given(UNITS, TIMES_MS)
def test_what_says_more_than_the_row_does_stays(units: int, at_ms: int) -> None:
    """Other amounts, other days, other windows and further parts are kept as they are."""
    day = day_of(at_ms)
    others = [f"{day}={units + 1}", f"{day}={units} *rag=1", f"{day[:7]}={units}", f"#1={-units}"]

    assert [folded(parts, units, at_ms // DAY_MS) for parts in others] == others


@given(st.sampled_from("0+-"), st.integers(-(2**63), 2**63 - 1))
def test_a_row_that_somebody_altered_is_still_read(kept: str, at_ms: int) -> None:
    """Whatever the time says; what it then means is for `verify` to judge."""
    assert unfolded(kept, 1, at_ms)


async def test_a_ledger_with_rows_from_before_is_one_ledger(ledger: OpenLedger) -> None:
    """Entries that were written out in full prove the same, read the same, and others follow them."""
    for number in range(4):
        await ledger.quota.consume(ANA, 3, key=f"a{number}")
        await ledger.quota.consume(BEN, 1, key=f"b{number}")
    await ledger.grants.add(ANA, 5, actor=OPERATOR, reason="", key="g")
    entries = await ledger.entries()
    kept = await ledger.rows("SELECT parts FROM entries ORDER BY id")
    await ledger.tamper(f"UPDATE entries SET parts = '{entries[0].parts}' WHERE units = 3 AND id < 6")
    again = await ledger.entries()
    await ledger.quota.consume(ANA, 38, key="last")  # its window and two of its lot
    verdict = await Proof(ledger.database).verify()
    await assert_sound(ledger)

    assert [row[0] for row in kept][:8] == ["0"] * 8
    assert entries[0].parts == "2026-11-20=3"
    assert again == entries
    assert verdict.problems == []
    assert (await ledger.quota.consume(ANA, 3, key="a0")).replayed
