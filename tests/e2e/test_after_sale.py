"""After the sale: refunds and disputes at Stripe, and what buyer and operator see of them in Discord."""

from __future__ import annotations

from sandbox.places import OPERATOR_ID
from tests.cogs.talk import text_of
from tests.e2e.town import Json, Town, heading_of


async def bought(town: Town) -> tuple[int, str]:
    """Let somebody new buy 1000 units; return who, and the paid checkout."""
    who = await town.newcomer()
    after = await town.last_dm(who)
    offer = await town.offer("quota_1000", as_=who)
    await town.pay(offer.checkout)
    await town.next_dm(after, who)
    return who, offer.checkout


async def told(town: Town, who: int, after: str, *, count: int = 1) -> list[Json]:
    """Return the next direct messages of somebody."""
    messages = []
    for _ in range(count):
        message = await town.next_dm(after, who)
        messages.append(message)
        after = message["id"]
    return messages


async def test_a_refund_takes_the_quota_back_and_says_so(town: Town) -> None:
    """In two parts; the buyer reads each, and sees both in the history."""
    who, checkout = await bought(town)
    after = await town.last_dm(who)
    await town.post("stripe/refund", checkout=checkout, amount=500)
    (part,) = await told(town, who, after)
    left = (await town.quota(who))["purchased_quota"]
    await town.post("stripe/refund", checkout=checkout)
    (rest,) = await told(town, who, part["id"])
    history = text_of(await town.slash("quota_history", as_=who))

    assert [heading_of(part), heading_of(rest)] == ["↩️ Purchase refunded"] * 2
    assert "€5.00" in text_of(part)
    assert "€14.99" in text_of(rest)
    assert left == 1000 - 1000 * 500 // 1499
    assert (await town.quota(who))["purchased_quota"] == 0
    assert history.count("refunded or charged back") == 2


async def test_a_refund_that_fails_gives_the_quota_back(town: Town) -> None:
    """The bank sent the money back to the shop."""
    who, checkout = await bought(town)
    after = await town.last_dm(who)
    refund = await town.post("stripe/refund", checkout=checkout)
    (taken,) = await told(town, who, after)
    await town.post("stripe/refund_ends", refund=refund["id"], outcome="failed")
    (back,) = await told(town, who, taken["id"])

    assert heading_of(back) == "✅ Your quota is back"
    assert (await town.quota(who))["purchased_quota"] == 1000


async def test_a_chargeback_freezes_then_takes_and_a_won_one_restores(town: Town) -> None:
    """The money leaves only later here; buyer and operator are told, and the dashboard shows it."""
    who, checkout = await bought(town)
    after, operators = await town.last_dm(who), await town.last_dm(OPERATOR_ID)
    dispute = await town.post("stripe/dispute", checkout=checkout, kind="chargeback_without_money")
    (frozen,) = await told(town, who, after)
    (alert,) = await told(town, OPERATOR_ID, operators)
    card = text_of(await town.slash("quota", as_=who))
    await town.post("stripe/dispute_moves", dispute=dispute["id"], step="withdrawn")
    (taken,) = await told(town, who, frozen["id"])
    gone = (await town.quota(who))["purchased_quota"]
    await town.post("stripe/dispute_moves", dispute=dispute["id"], step="won")
    (back,) = await told(town, who, taken["id"])

    assert heading_of(frozen) == "🧊 Quota on hold"
    assert heading_of(alert) == "⚠️ A payment is disputed"
    assert dispute["id"].replace("_", r"\_") in text_of(alert)
    assert "🧊 On hold" in card
    assert heading_of(taken) == "↩️ Payment taken back"
    assert gone == 0
    assert heading_of(back) == "✅ Your quota is back"
    assert (await town.quota(who))["purchased_quota"] == 1000


async def test_an_inquiry_changes_nothing(town: Town) -> None:
    """Asked, looked at, and ended."""
    who, checkout = await bought(town)
    after = await town.last_dm(who)
    dispute = await town.post("stripe/dispute", checkout=checkout, kind="inquiry")
    for step in ("review", "closed"):
        await town.post("stripe/dispute_moves", dispute=dispute["id"], step=step)
    await town.all_delivered()
    await town.all_told()

    assert await town.dms(after, who) == []
    assert (await town.quota(who))["purchased_quota"] == 1000
