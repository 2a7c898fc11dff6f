"""What a recipient's owner has sent at once: a test, or a delivery once more."""

import asyncio

import pytest

from quota_core.accounts import AccountRef
from quota_core.errors import PreferenceError
from quota_core.events import TEST
from quota_core.notices import Notice
from quota_core.resending import PAUSE_MS
from quota_core.store import recipients as rows
from quota_core.store.recipients import Recipient
from tests.core.opened_ledger import OpenLedger

ANA, BEN = AccountRef("user", "1"), AccountRef("user", "2")
HOOK = "https://hooks.example/in"


async def hook_of(ledger: OpenLedger, account: AccountRef | None = ANA) -> Recipient:
    """Return a new signed webhook."""
    return await ledger.messages.recipients.add(account, "webhook", HOOK)


async def crossed(ledger: OpenLedger, account: AccountRef = ANA) -> None:
    """Let an account hear that its quota is almost used up."""
    await ledger.quota.consume(account, 48, key=f"{account}")
    await ledger.messages.alerts.route()


async def claimed(ledger: OpenLedger) -> Notice:
    """Return the webhook's notice that is due."""
    notice = await ledger.notices.claim("webhook")
    assert notice is not None
    return notice


async def states(ledger: OpenLedger) -> list[str]:
    """Return the state of every notice to a recipient."""
    return [row[0] for row in await ledger.rows("SELECT state FROM notices WHERE target <> '' ORDER BY id")]


async def only(ledger: OpenLedger, account: AccountRef | None, channel: str) -> Recipient:
    """Return the one recipient by a channel."""
    [found] = [one for one in await ledger.messages.recipients.of(account) if one.channel == channel]
    return found


@pytest.mark.parametrize("account", [ANA, None])
async def test_a_test_is_owed_to_the_one_recipient(ledger: OpenLedger, account: AccountRef | None) -> None:
    """Of a member, and of the operators; whatever kinds it hears of otherwise."""
    await ledger.messages.recipients.add(account, "slack", HOOK)
    hook = await hook_of(ledger, account)
    await ledger.messages.recipients.choose(account, hook.id, ["purchase"])
    done = await ledger.messages.resending.test(account, hook.id)
    notice = await claimed(ledger)
    screened = await ledger.messages.screening.of(notice)

    assert done
    assert (notice.kind, notice.facts) == (TEST, {"recipient": hook.id})
    assert (screened.recipient, screened.refused) == (await only(ledger, account, "webhook"), None)
    assert await states(ledger) == ["owed"]


async def test_a_delivery_is_sent_again_under_its_id(ledger: OpenLedger) -> None:
    """Also one that arrived, one that was given up, and one that waits for its next try."""
    hook = await hook_of(ledger)
    await crossed(ledger)
    first = await claimed(ledger)
    seen = [first]
    for ending in ("sent", "dead", "later"):
        if ending == "sent":
            await ledger.notices.sent(seen[-1])
        elif ending == "dead":
            await ledger.notices.give_up(seen[-1], "no")
        else:
            await ledger.notices.try_later(seen[-1], "busy", after_seconds=900)
        ledger.clock.move(ms=PAUSE_MS)
        assert await ledger.messages.resending.replay(ANA, hook.id, first.id)
        seen.append(await claimed(ledger))

    assert {(one.id, one.nonce) for one in seen} == {(first.id, first.nonce)}
    assert [one.attempts for one in seen] == [1] * 4


async def test_what_is_being_sent_is_not_sent_twice(ledger: OpenLedger) -> None:
    """A press while the first try is under way changes nothing."""
    hook = await hook_of(ledger)
    await crossed(ledger)
    notice = await claimed(ledger)
    done = await ledger.messages.resending.replay(ANA, hook.id, notice.id)
    second = await ledger.notices.claim("webhook")
    await ledger.notices.sent(notice)

    assert done
    assert second is None
    assert await states(ledger) == ["sent"]


async def test_nobody_sends_by_anothers_recipient(ledger: OpenLedger) -> None:
    """Not a test, not a delivery: neither another's to it, nor one's own to another."""
    anas, bens = await hook_of(ledger), await hook_of(ledger, BEN)
    for account in (ANA, BEN):
        await crossed(ledger, account)
    notices = {(one := await claimed(ledger)).target: one for _ in range(2)}
    for one in notices.values():
        await ledger.notices.sent(one)
    resending, recipients = ledger.messages.resending, ledger.messages.recipients
    refused = [
        await resending.test(BEN, anas.id),
        await resending.test(None, anas.id),
        await resending.replay(BEN, anas.id, notices[str(anas.id)].id),
        await resending.replay(BEN, bens.id, notices[str(anas.id)].id),
        await resending.replay(None, anas.id, notices[str(anas.id)].id),
        await resending.replay(ANA, anas.id, 10**6),
        await recipients.choose(BEN, anas.id, ["purchase"]),
        await recipients.choose(None, anas.id, ["purchase"]),
    ]

    assert refused == [False] * 8
    assert await states(ledger) == ["sent", "sent"]
    assert [one.kinds for one in await recipients.of(ANA)] == [""]


async def test_one_second_lies_between_two(ledger: OpenLedger) -> None:
    """Of twenty that are asked for at once, one leaves."""
    hook = await hook_of(ledger)
    asked = [ledger.messages.resending.test(ANA, hook.id) for _ in range(20)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    ledger.clock.move(ms=PAUSE_MS)
    later = await ledger.messages.resending.test(ANA, hook.id)
    ledger.clock.move(hours=-5)
    clock_went_back = await ledger.messages.resending.test(ANA, hook.id)

    assert found.count(True) == 1
    assert {one.what for one in found if isinstance(one, PreferenceError)} == {"soon"}
    assert later
    assert clock_went_back
    assert await states(ledger) == ["owed"] * 3


async def test_what_is_off_or_unproved_is_not_tried(ledger: OpenLedger) -> None:
    """The owner is told what to do first."""
    hook = await hook_of(ledger)
    mail = await ledger.messages.recipients.add(ANA, "email", "ana@example.org", proved=False)
    await ledger.database.write(lambda: rows.disable(hook.id, ledger.clock()))
    said = []
    for one in (hook, mail):
        with pytest.raises(PreferenceError) as refusal:
            await ledger.messages.resending.test(ANA, one.id)
        said.append(refusal.value.what)
    await ledger.messages.recipients.enable(ANA, hook.id)

    assert said == ["off", "unproved"]
    assert await ledger.messages.resending.test(ANA, hook.id)


async def test_chosen_kinds_decide_what_is_owed(ledger: OpenLedger) -> None:
    """None of them is all; a name that is no kind is refused and changes nothing."""
    hook = await hook_of(ledger)
    await ledger.messages.recipients.choose(ANA, hook.id, ["purchase", "reversal"])
    with pytest.raises(PreferenceError):
        await ledger.messages.recipients.choose(ANA, hook.id, ["bananas"])
    await crossed(ledger)
    nothing = await states(ledger)
    await ledger.messages.recipients.choose(ANA, hook.id, [])
    ledger.clock.move(days=1)
    await ledger.quota.consume(ANA, 48, key="tomorrow")
    await ledger.messages.alerts.route()

    assert nothing == []
    assert await states(ledger) == ["owed"]


async def test_a_number_that_is_used_again_brings_nothing_of_another(ledger: OpenLedger) -> None:
    """What was owed to a removed recipient goes not to the one that has its number now, nor into its log."""
    gone = await hook_of(ledger)
    await crossed(ledger)
    await ledger.messages.recipients.remove(ANA, gone.id)
    new = await hook_of(ledger, BEN)
    await ledger.execute("UPDATE recipients SET id = $1 WHERE id = $2", gone.id, new.id)
    notice = await claimed(ledger)
    screened = await ledger.messages.screening.of(notice)
    [bens] = await ledger.messages.recipients.of(BEN)

    assert notice.target == str(bens.id)
    assert (screened.recipient, screened.refused) == (None, "the recipient was removed")
    assert await ledger.messages.log.of_recipient(bens) == []
