"""Crossed thresholds become messages: once each, to whoever asked, whoever finds them."""

import asyncio
import sys
from datetime import UTC, datetime

import pytest

from quota_core.accounts import AccountRef
from quota_core.alerts import GRACE_MS
from quota_core.errors import PreferenceError
from quota_core.preferences import Preference
from quota_core.proof import Proof
from tests.core.catalogs import everything
from tests.core.opened_ledger import (
    HOUR_MS,
    NOON_MS,
    OPERATOR,
    OpenLedger,
    Place,
    SteerableClock,
    buy,
    open_ledger,
)

ANA, BEN, PROJECT = AccountRef("user", "1"), AccountRef("user", "2"), AccountRef("external", "project:x")
HOOK, SLACK = "https://hooks.example/in", "https://slack.example/services/T/B/x"


async def owed(ledger: OpenLedger, kind: str = "quota_alert") -> list[tuple[str, str]]:
    """Return channel and state of every notice of a kind, in order."""
    found = await ledger.rows("SELECT channel, state FROM notices WHERE kind = $1 ORDER BY id", kind)
    return [(row[0], row[1]) for row in found]


async def test_a_crossing_goes_to_everyone_who_asked(ledger: OpenLedger) -> None:
    """The account's recipients, the operators', and its user who turned direct messages on."""
    await ledger.messages.preferences.keep(ANA, Preference(dm="on"))
    for channel, target in (("webhook", HOOK), ("slack", SLACK), ("email", "ana@example.org")):
        await ledger.messages.recipients.add(ANA, channel, target)
    await ledger.messages.recipients.add(None, "channel", "1101500000000000001")
    await ledger.messages.recipients.add(BEN, "webhook", HOOK)
    await ledger.quota.consume(ANA, 48, key="a")

    assert ledger.book.crossed.is_set()
    assert await ledger.messages.alerts.route() == 1
    assert await ledger.messages.alerts.route() == 0
    assert sorted(await owed(ledger)) == sorted(
        (channel, "owed") for channel in ("dm", "webhook", "slack", "email", "channel")
    )


async def test_an_alert_says_what_the_catalog_says(ledger: OpenLedger) -> None:
    """Severity, window and plan, with the numbers of that moment."""
    await ledger.messages.recipients.add(ANA, "webhook", HOOK)
    await ledger.quota.consume(ANA, 48, key="a")
    await ledger.messages.alerts.route()
    notice = await ledger.notices.claim("webhook")

    assert notice is not None
    assert notice.facts == {
        "metric": "requests",
        "window": "day",
        "period": "2026-11-20",
        "threshold": 95,
        "severity": "warning",
        "used": 48,
        "limit": 50,
        "resets_ms": NOON_MS + 12 * HOUR_MS,
        "plan": "free",
        "overage_policy": "block",
        "purchased_left": 0,
    }


async def test_a_window_that_is_over_is_told_by_its_own_numbers(ledger: OpenLedger) -> None:
    """A process that routes late tells of yesterday, not of today."""
    await ledger.messages.recipients.add(ANA, "webhook", HOOK)
    await ledger.quota.consume(ANA, 48, key="a")
    ledger.clock.move(days=1)
    await ledger.quota.consume(ANA, 1, key="b")
    await ledger.messages.alerts.route()
    notice = await ledger.notices.claim("webhook")

    assert notice is not None
    assert (notice.facts["period"], notice.facts["used"]) == ("2026-11-20", 48)
    assert (await Proof(ledger.database).verify()).problems == []


async def test_nobody_is_written_to_who_did_not_agree(ledger: OpenLedger) -> None:
    """Without a choice, without a purchase: no direct message; nor to what is no user."""
    await ledger.quota.consume(ANA, 48, key="a")
    await ledger.quota.consume(PROJECT, 48, key="b")

    assert await ledger.messages.alerts.route() == 2
    assert await owed(ledger) == []


async def test_who_bought_is_written_to(ledger: OpenLedger) -> None:
    """A purchase is a person's own action; turning direct messages off is too, and wins."""
    for account in (ANA, BEN):
        await buy(ledger, account)
    await ledger.messages.preferences.keep(BEN, Preference(dm="off"))
    for account in (ANA, BEN):
        await ledger.quota.consume(account, 48, key="a")
    await ledger.messages.alerts.route()

    assert await owed(ledger) == [("dm", "owed")]


async def test_a_purchase_is_told_to_recipients_as_it_is_to_its_buyer(ledger: OpenLedger) -> None:
    """The proof knows the copies, and finds one that says something else."""
    await ledger.messages.recipients.add(ANA, "webhook", HOOK)
    await ledger.messages.recipients.add(None, "email", "ops@example.org")
    await buy(ledger, ANA)
    sound = (await Proof(ledger.database).verify()).problems
    told = sorted(channel for channel, _ in await owed(ledger, "purchase"))
    await ledger.execute("UPDATE notices SET facts = '{}' WHERE channel = 'webhook'")
    problems = (await Proof(ledger.database).verify()).problems

    assert sound == []
    assert told == ["dm", "email", "webhook"]
    assert any("is not what its account was told directly" in problem for problem in problems)


async def test_a_warning_that_was_shown_is_not_sent_too(ledger: OpenLedger) -> None:
    """Whether it was shown before or after it was routed; the others hear of it all the same."""
    for account in (ANA, BEN):
        await ledger.messages.preferences.keep(account, Preference(dm="on"))
        await ledger.messages.recipients.add(account, "webhook", HOOK)
    first = await ledger.quota.consume(ANA, 48, key="a")
    await ledger.messages.alerts.seen(ANA, first.entry_ids)
    second = await ledger.quota.consume(BEN, 48, key="b")
    await ledger.messages.alerts.route()
    too_early = await ledger.notices.claim()
    await ledger.messages.alerts.seen(BEN, second.entry_ids)
    ledger.clock.move(ms=GRACE_MS)

    assert too_early is None
    assert await ledger.notices.claim() is None
    assert sorted(await owed(ledger)) == [("dm", "shown"), ("webhook", "owed"), ("webhook", "owed")]


async def test_people_hear_of_the_highest_and_programs_of_each(place: Place, clock: SteerableClock) -> None:
    """One spend crosses 50 and 95: one e-mail, two events."""
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    await ledger.messages.recipients.add(ANA, "webhook", HOOK)
    await ledger.messages.recipients.add(ANA, "email", "ana@example.org")
    await ledger.quota.consume(ANA, 10, key="a")
    await ledger.messages.alerts.route()
    rows = await ledger.rows("SELECT channel, facts FROM notices ORDER BY channel, id")
    await ledger.close()

    assert [(channel, '"threshold": 95' in facts) for channel, facts in rows] == [
        ("email", True),
        ("webhook", False),
        ("webhook", True),
    ]


async def test_many_routers_at_once_tell_each_crossing_once(ledger: OpenLedger) -> None:
    """Twenty race over ten crossings."""
    await ledger.messages.recipients.add(None, "webhook", HOOK)
    for number in range(10):
        await ledger.quota.consume(AccountRef("user", f"{number + 1}"), 50, key=f"a{number}")
    await asyncio.gather(*(ledger.messages.alerts.route() for _ in range(20)))

    assert await owed(ledger) == [("webhook", "owed")] * 10
    assert await ledger.rows("SELECT 1 FROM crossings WHERE routed = 0") == []


@pytest.mark.parametrize("engine", ["postgres"])
async def test_two_processes_tell_each_crossing_once(ledger: OpenLedger) -> None:
    """Each spends and routes for forty accounts, the same ones, at the same time."""
    await ledger.messages.recipients.add(None, "webhook", HOOK)
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.core.alerting_process", str(ledger.place), str(number)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for number in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
    answers = [int((await process.communicate())[0]) for process in processes]

    assert sum(answers) == 40
    assert await owed(ledger) == [("webhook", "owed")] * 40


async def test_what_is_turned_off_is_not_owed(ledger: OpenLedger) -> None:
    """By kind, by way, by recipient; the operators' hear of it all the same."""
    await ledger.messages.recipients.add(None, "webhook", HOOK)
    await ledger.messages.recipients.add(ANA, "webhook", HOOK)
    await ledger.messages.preferences.keep(ANA, Preference(muted=frozenset({"alerts"})))
    await ledger.messages.recipients.add(BEN, "email", "ben@example.org")
    await ledger.messages.recipients.add(BEN, "webhook", HOOK, kinds=["purchase"])
    await ledger.messages.preferences.keep(BEN, Preference(muted=frozenset({"email"})))
    for account in (ANA, BEN):
        await ledger.quota.consume(account, 48, key="a")
    await ledger.messages.alerts.route()

    assert await owed(ledger) == [("webhook", "owed")] * 2


async def test_what_is_turned_off_later_is_not_sent(ledger: OpenLedger) -> None:
    """The last look finds the choice, also for what was owed before it."""
    await ledger.messages.preferences.keep(ANA, Preference(dm="on"))
    await ledger.quota.consume(ANA, 48, key="a")
    await ledger.messages.alerts.route()
    ledger.clock.move(ms=GRACE_MS)
    notice = await ledger.notices.claim()
    assert notice is not None
    verdicts = []
    for choice in (Preference(dm="off"), Preference(muted=frozenset({"alerts"})), Preference(dm="on")):
        await ledger.messages.preferences.keep(ANA, choice)
        verdicts.append((await ledger.messages.screening.of(notice)).refused is None)

    assert verdicts == [False, False, True]


async def test_quiet_hours_hold_back_and_lose_nothing(ledger: OpenLedger) -> None:
    """At noon in UTC it is 13:00 in Paris; the message waits, and counts no attempt for it."""
    quiet = Preference(dm="on", quiet=(12 * 60, 14 * 60 + 30), zone="Europe/Paris")
    await ledger.messages.preferences.keep(ANA, quiet)
    await ledger.messages.recipients.add(ANA, "webhook", HOOK)
    await ledger.quota.consume(ANA, 48, key="a")
    await ledger.messages.alerts.route()
    ledger.clock.move(ms=GRACE_MS)
    notice, event = await ledger.notices.claim(), await ledger.notices.claim("webhook")
    assert notice is not None
    assert event is not None
    waits = (await ledger.messages.screening.of(notice)).wait_seconds
    await ledger.notices.postpone(notice, waits)
    due_seconds = await ledger.notices.seconds_until_due()
    ledger.clock.move(hours=1)
    again = await ledger.notices.claim()

    assert waits == 89 * 60
    assert due_seconds == 3600
    assert again is not None
    assert again.attempts == 1
    assert (await ledger.messages.screening.of(event)).wait_seconds == 0


@pytest.mark.parametrize(
    ("quiet", "minute", "seconds"),
    [
        ((22 * 60, 7 * 60), 23 * 60, 8 * 3600),
        ((22 * 60, 7 * 60), 6 * 60 + 59, 60),
        ((22 * 60, 7 * 60), 7 * 60, 0),
        ((22 * 60, 7 * 60), 21 * 60 + 59, 0),
        ((8 * 60, 8 * 60), 8 * 60, 0),
    ],
)
def test_quiet_hours_end_when_they_say(quiet: tuple[int, int], minute: int, seconds: int) -> None:
    """Over midnight too; from and until the same is no time at all."""
    midnight_ms = NOON_MS - 12 * HOUR_MS

    assert Preference(quiet=quiet).quiet_seconds(midnight_ms + minute * 60_000) == seconds


def test_quiet_hours_end_in_the_hour_that_comes_twice() -> None:
    """25 October 2026, Paris: the clock goes from 3:00 back to 2:00, and it is 2:10 for the second time."""
    second_ms = int(datetime(2026, 10, 25, 1, 10, tzinfo=UTC).timestamp() * 1000)
    quiet = Preference(quiet=(22 * 60, 2 * 60 + 30), zone="Europe/Paris")

    assert quiet.quiet_seconds(second_ms) == 20 * 60
    assert quiet.quiet_seconds(second_ms + 20 * 60_000) == 0


async def test_choices_that_cannot_be_kept_are_refused(ledger: OpenLedger) -> None:
    """A zone that does not exist, minutes beyond a day, addresses that are none."""
    refused = []
    for choice in (Preference(zone="Mars/Olympus"), Preference(quiet=(0, 1440))):
        with pytest.raises(PreferenceError) as caught:
            await ledger.messages.preferences.keep(ANA, choice)
        refused.append(caught.value.what)
    for channel, target in (
        ("email", "a@b"),
        ("email", "a b@example.org"),
        ("email", "a@example.org\nBcc: x@example.org"),
        ("email", "a\0@example.org"),
        ("email", "a\u202eb@example.org"),
        ("webhook", "http://example.org"),
        ("webhook", "https://user:pass@example.org"),
        ("webhook", "https://"),
        ("slack", "file:///etc/passwd"),
        ("channel", "general"),
        ("pigeon", "coo"),
    ):
        with pytest.raises(PreferenceError) as caught:
            await ledger.messages.recipients.add(ANA, channel, target)
        refused.append(caught.value.what)

    assert refused == ["zone", "hours", *["address"] * 10, "channel"]


async def test_whoever_got_a_parent_meanwhile_keeps_nobody_from_hearing(ledger: OpenLedger) -> None:
    """What it crossed by itself is of no limit of its own any more; others hear of theirs."""
    team = AccountRef("external", "team:y")
    await ledger.messages.recipients.add(ANA, "webhook", HOOK)
    await ledger.quota.consume(PROJECT, 48, key="a")
    await ledger.quota.consume(ANA, 48, key="b")
    await ledger.grants.set_parent(PROJECT, team, actor=OPERATOR, reason="", key="p")

    assert await ledger.messages.alerts.route() == 2
    assert [way for way, _ in await owed(ledger)] == ["webhook"]
    assert await ledger.messages.alerts.route() == 0
