"""Messages that are owed: claimed under a lease, tried again, kept, shown."""

import asyncio

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.notices import LEASE_MS, MAX_ATTEMPTS, MAX_BACKOFF_MS, Notice
from quota_core.statements import Work
from tests.core.opened_ledger import OpenLedger, Place, SteerableClock, open_ledger

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")


async def owe(ledger: OpenLedger, about: str, account: AccountRef = ANA) -> None:
    """Owe a notice, as the transaction that causes it does."""

    def work() -> Work[None]:
        now_ms = ledger.clock()
        states = yield from ledger.book.states_of([account], now_ms=now_ms, create=True)
        facts = {"units": 5, "about": about}
        yield from ledger.notices.owe(states[account], "purchase", about, facts, locale="fr", now_ms=now_ms)

    await ledger.database.write(work)


async def claimed(ledger: OpenLedger) -> Notice:
    """Claim a notice that must be there."""
    notice = await ledger.notices.claim()
    assert notice is not None
    return notice


async def states(ledger: OpenLedger) -> list[str]:
    """Return where each notice stands."""
    return [row[0] for row in await ledger.rows("SELECT state FROM notices ORDER BY id")]


async def test_a_notice_tells_what_was_stored_with_it(ledger: OpenLedger) -> None:
    """Facts, locale, a nonce that Discord takes, and the direct channel once it is known."""
    await owe(ledger, "a")
    await ledger.people.direct_channel(ANA, 2**60)
    notice = await claimed(ledger)

    assert (notice.account, notice.kind, notice.locale) == (ANA, "purchase", "fr")
    assert notice.facts == {"units": 5, "about": "a"}
    assert (notice.attempts, notice.fence, notice.dm_channel_id) == (1, 1, 2**60)
    assert 1 <= len(notice.nonce) <= 25


async def test_a_notice_is_owed_once_for_each_thing_it_is_about(ledger: OpenLedger) -> None:
    """Whatever causes it twice; two accounts have their own."""
    for about, account in (("a", ANA), ("a", ANA), ("a", BEN), ("b", ANA)):
        await owe(ledger, about, account)

    assert len(await states(ledger)) == 3
    assert len(await ledger.rows("SELECT DISTINCT nonce FROM notices")) == 3


async def test_many_claimants_get_each_notice_once(ledger: OpenLedger) -> None:
    """Twenty ask at once for three notices, the oldest first."""
    for about in "abc":
        await owe(ledger, about)
        ledger.clock.move(seconds=1)
    claims = [
        notice for notice in await asyncio.gather(*(ledger.notices.claim() for _ in range(20))) if notice
    ]

    assert sorted(notice.facts["about"] for notice in claims) == ["a", "b", "c"]


async def test_a_lease_ends_and_its_claimant_can_write_no_more(ledger: OpenLedger) -> None:
    """F04: who slept too long finds the fence higher; the nonce is the same for both."""
    await owe(ledger, "a")
    sleeper = await claimed(ledger)
    ledger.clock.move(ms=LEASE_MS - 1)
    too_early = await ledger.notices.claim()
    ledger.clock.move(ms=1)
    second = await claimed(ledger)
    await ledger.notices.give_up(sleeper, "too late")
    await ledger.notices.try_later(sleeper, "too late")
    await ledger.notices.keep(sleeper, "too late")
    before = await states(ledger)
    await ledger.notices.sent(second)
    await ledger.notices.sent(sleeper)

    assert too_early is None
    assert (second.nonce, second.fence, second.attempts) == (sleeper.nonce, 2, 2)
    assert (before, await states(ledger)) == (["owed"], ["sent"])
    assert await ledger.rows("SELECT failure FROM notices") == [(None,)]


async def test_pauses_double_up_to_a_quarter_of_an_hour(ledger: OpenLedger) -> None:
    """Each with up to a tenth more, and each found due at its end and not before."""
    await owe(ledger, "a")
    pauses = []
    for _ in range(14):
        notice = await claimed(ledger)
        await ledger.notices.try_later(notice, "503" * 100)
        assert await ledger.notices.claim() is None
        due_seconds = await ledger.notices.seconds_until_due()
        assert due_seconds is not None
        pauses.append(due_seconds * 1000)
        ledger.clock.move(ms=round(due_seconds * 1000))
    expected = [min(MAX_BACKOFF_MS, 500 * 2**attempt) for attempt in range(1, 15)]

    assert all(least <= pause <= least * 1.1 for pause, least in zip(pauses, expected, strict=True))
    assert len((await ledger.rows("SELECT failure FROM notices"))[0][0]) == 200


async def test_the_pause_that_was_asked_for_is_kept(ledger: OpenLedger) -> None:
    """F50: a 429 says when to come back."""
    await owe(ledger, "a")
    await ledger.notices.try_later(await claimed(ledger), "429", after_seconds=600)
    due_seconds = await ledger.notices.seconds_until_due()

    assert due_seconds is not None
    assert 600 <= due_seconds <= 660


async def test_one_that_waits_does_not_hold_up_the_others(ledger: OpenLedger) -> None:
    """D7: no head of the line to block it."""
    await owe(ledger, "a")
    await ledger.notices.try_later(await claimed(ledger), "503")
    await owe(ledger, "b")

    assert (await claimed(ledger)).facts["about"] == "b"


async def test_the_last_attempt_keeps_the_notice_for_the_next_command(ledger: OpenLedger) -> None:
    """After two days of trying it is shown instead of sent."""
    await owe(ledger, "a")
    await ledger.execute("UPDATE notices SET attempts = $1", MAX_ATTEMPTS - 1)
    await ledger.notices.try_later(await claimed(ledger), "503")

    assert await states(ledger) == ["kept"]


async def test_what_is_kept_is_shown_once_to_its_owner(ledger: OpenLedger) -> None:
    """Five at most at a time, oldest first; nobody else sees them."""
    for number in range(7):
        await owe(ledger, f"{number}")
    for _ in range(7):
        await ledger.notices.keep(await claimed(ledger), "direct messages are closed")
    first = await ledger.notices.kept(ANA)
    await ledger.notices.shown(first)
    second = await ledger.notices.kept(ANA)
    await ledger.notices.shown([])

    assert [notice.facts["about"] for notice in first] == list("01234")
    assert [notice.facts["about"] for notice in second] == list("56")
    assert await ledger.notices.kept(BEN) == []
    assert await ledger.notices.claim() is None
    assert await ledger.notices.seconds_until_due() is None


async def test_a_reader_that_is_gone_ends_the_notice(ledger: OpenLedger) -> None:
    """Nobody will ever read it: neither sent nor shown."""
    await owe(ledger, "a")
    await ledger.notices.give_up(await claimed(ledger), "unknown user")

    assert await states(ledger) == ["dead"]
    assert await ledger.notices.kept(ANA) == []


async def test_a_cold_start_finds_what_is_owed(place: Place, catalog: Catalog, clock: SteerableClock) -> None:
    """Also what was claimed by the process that ended, once its lease is over."""
    ledger = await open_ledger(place, catalog=catalog, clock=clock)
    await owe(ledger, "a")
    await claimed(ledger)
    ledger = await ledger.reopened()
    due_seconds = await ledger.notices.seconds_until_due()
    clock.move(ms=LEASE_MS)
    notice = await claimed(ledger)
    await ledger.close()

    assert due_seconds == LEASE_MS / 1000
    assert notice.attempts == 2


async def test_a_clock_that_goes_back_does_not_stop_sending(ledger: OpenLedger) -> None:
    """F20: what was owed under the wrong time is due within the longest pause that exists."""
    await owe(ledger, "a")
    ledger.clock.move(days=-1)
    due_seconds = await ledger.notices.seconds_until_due()

    assert due_seconds is not None
    assert due_seconds * 1000 <= MAX_BACKOFF_MS * 1.1
