"""Forgetting a person, and handing out what is kept: on both engines, with the proof afterwards."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from quota_core.account_statement import Statements
from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.erasure import THINK_OVER_MS, Erasures
from quota_core.errors import ErasureRefusedError
from quota_core.keys import key_bytes
from quota_core.personal_data import PersonalData
from quota_core.proof import Proof
from quota_core.recent_check import check_recent
from quota_core.settlement import Settlement
from quota_core.signing import SigningKey
from quota_core.store import personal
from quota_core.tombstones import FILE, TombstoneFile, forget_again
from tests.core.catalogs import everything
from tests.core.opened_ledger import DAY_MS, HOUR_MS, OPERATOR, OpenLedger, owe_units, payment_of
from tests.core.reversing import dispute, refund, report
from tests.core.rich_ledger import ANA, BEN, CARL, lived_in

NAMES = re.compile(r"user:1\b|\"1\"|@ana")
SECRET = b"s" * 32


@pytest.fixture
def catalog() -> Catalog:
    """Return a catalog with every kind of pot."""
    return everything()


@dataclass(frozen=True, slots=True)
class Privacy:
    """The parts that forget, on one ledger."""

    ledger: OpenLedger
    erasures: Erasures
    tombstones: TombstoneFile


@pytest.fixture
def privacy(ledger: OpenLedger, tmp_path: Path) -> Privacy:
    """Return them."""
    tombstones = TombstoneFile(tmp_path, SECRET)
    return Privacy(ledger, Erasures(ledger.database, ledger.book, tombstones, clock=ledger.clock), tombstones)


async def is_sound(ledger: OpenLedger) -> bool:
    """Recount everything, in both ways."""
    problems = (await Proof(ledger.database).verify()).problems
    problems += (await check_recent(ledger.database)).problems
    assert problems == []
    return True


async def rows_of_everybody(ledger: OpenLedger) -> str:
    """Return all rows of all tables in which a person could stand."""
    tables = [*personal.TABLES, "api_keys", "deliveries", "erasures"]
    return "\n".join([repr(await ledger.rows(f"SELECT * FROM {table}")) for table in tables])


async def test_a_lived_in_account_is_forgotten_and_the_ledger_still_proves_itself(privacy: Privacy) -> None:
    """The name is nowhere any more; every entry stays, about nobody."""
    ledger = privacy.ledger
    await lived_in(ledger)
    pending = (await ledger.rows("SELECT id FROM orders WHERE state = 'pending'"))[0][0]
    order = await ledger.purchases.order(pending)
    await ledger.settlements.settle(payment_of(order, str(order.reference), "failed"))
    ledger.clock.move(hours=1)  # a page of hers is open
    await ledger.people.seen(ANA, "fr")
    await ledger.people.direct_channel(ANA, 4711)
    before = await ledger.entries()
    (account,) = (await ledger.rows("SELECT id FROM accounts WHERE kind = 'user' AND external_id = '1'"))[0]

    forgotten = await privacy.erasures.forget(ANA)

    assert forgotten
    assert await is_sound(ledger)
    assert (await ledger.entries())[: len(before)] == before
    assert await ledger.rows(
        "SELECT kind, external_id, locale, dm_channel_id FROM accounts WHERE id = $1", account
    ) == [("external", f"erased:{account}", None, None)]
    assert await ledger.rows("SELECT count(*) FROM notices WHERE account = $1", account) == [(0,)]
    assert all(
        "erased:" in row[0]
        for row in await ledger.rows("SELECT parameters FROM orders WHERE buyer = $1", account)
    )


async def test_who_was_given_something_is_forgotten_too(privacy: Privacy) -> None:
    """What the giver was told names the account from then on as everybody else sees it."""
    ledger = privacy.ledger
    opened = await ledger.purchases.begin(BEN, "five", buyer=ANA, locale="en")
    order = await ledger.purchases.order(opened.order_id)
    await ledger.settlements.settle(payment_of(order, str(order.reference)))

    assert await privacy.erasures.forget(BEN)
    assert await is_sound(ledger)
    assert "user:2" not in await rows_of_everybody(ledger)


async def test_what_was_told_of_refunds_and_disputes_names_nobody_either(privacy: Privacy) -> None:
    """The giver heard of the refund, and the operators of the dispute: both with the account that got the units."""
    ledger = privacy.ledger
    opened = await ledger.purchases.begin(BEN, "five", buyer=ANA, locale="en")
    order = await ledger.purchases.order(opened.order_id)
    await ledger.settlements.settle(payment_of(order, str(order.reference)))
    await report(ledger, refund(order, 100), dispute(order))
    named = (await rows_of_everybody(ledger)).count("user:2")

    assert named >= 3
    assert await privacy.erasures.forget(BEN)
    assert await is_sound(ledger)
    assert "user:2" not in await rows_of_everybody(ledger)


async def test_who_comes_back_is_somebody_new(privacy: Privacy) -> None:
    """With what the default plan gives, and no past."""
    ledger = privacy.ledger
    await ledger.quota.consume(ANA, 7, key="a1")
    await ledger.grants.add(ANA, 30, actor=OPERATOR, reason="", key="g1")
    await privacy.erasures.forget(ANA)
    spend = await ledger.quota.consume(ANA, 7, key="a1")
    balance = await ledger.balances.of(ANA)

    assert (spend.replayed, spend.allowance_left, spend.purchased_left) == (False, 3, 0)
    assert balance.metrics[0].purchased == 0
    assert await is_sound(ledger)


async def test_being_forgotten_gives_no_new_allowance(privacy: Privacy) -> None:
    """It is done when what was used today counts no more."""
    ledger = privacy.ledger
    await ledger.quota.consume(ANA, 7, key="a1")
    outlook = await privacy.erasures.ask(ANA)
    early = await privacy.erasures.carry_out_due()
    still = await ledger.quota.consume(ANA, 3, key="a2")
    ledger.clock.move(hours=12)
    done = await privacy.erasures.carry_out_due()

    assert (outlook.asked, outlook.due_ms) == (True, ledger.clock())
    assert (early, still.allowance_left, done) == (0, 0, 1)
    assert await privacy.erasures.carry_out_due() == 0


async def test_units_that_would_be_lost_are_named_and_wait_a_week(privacy: Privacy) -> None:
    """So that it can be thought over, and called off."""
    ledger = privacy.ledger
    await ledger.grants.add(ANA, 30, actor=OPERATOR, reason="", key="g1")
    asked = await privacy.erasures.ask(ANA)
    ledger.clock.move(hours=1)
    again = await privacy.erasures.ask(ANA)
    await privacy.erasures.cancel(ANA)
    ledger.clock.move(days=8)

    assert (asked.lost, asked.due_ms) == (
        {"requests": 30},
        ledger.clock() - HOUR_MS - 8 * DAY_MS + THINK_OVER_MS,
    )
    assert again.due_ms == asked.due_ms
    assert await privacy.erasures.carry_out_due() == 0
    assert not (await privacy.erasures.outlook(ANA)).asked


@pytest.mark.parametrize("reason", ["debt", "blocked", "payment"])
async def test_something_must_end_first(privacy: Privacy, reason: str) -> None:
    """Else debts and blocks would be left behind with the name, and a payment would find nobody."""
    ledger = privacy.ledger
    await ledger.quota.consume(ANA, 1, key="a1")
    if reason == "debt":
        await owe_units(ledger, ANA, "requests", 3)
    elif reason == "blocked":
        await ledger.execute("UPDATE accounts SET status = 'blocked'")
    else:
        opened = await ledger.purchases.begin(ANA, "five", buyer=ANA, locale="en")
        order = await ledger.purchases.order(opened.order_id)
        await ledger.settlements.settle(payment_of(order, str(order.reference), "pending"))

    with pytest.raises(ErasureRefusedError) as refused:
        await privacy.erasures.ask(ANA)
    assert refused.value.reason == reason
    assert not await privacy.erasures.forget(ANA)
    assert privacy.tombstones.all() == {}


async def test_nobody_is_forgotten_while_they_can_still_pay(privacy: Privacy) -> None:
    """The plan waits for the end of the page, and of one that was opened after it was made."""
    ledger = privacy.ledger
    opened = await ledger.purchases.begin(ANA, "five", buyer=ANA, locale="en")
    asked = await privacy.erasures.ask(ANA)
    ledger.clock.move(ms=asked.due_ms - ledger.clock())
    again = await ledger.purchases.begin(ANA, "eight", buyer=ANA, locale="en")
    early = await privacy.erasures.carry_out_due()
    order = await ledger.purchases.order(again.order_id)
    await ledger.settlements.settle(payment_of(order, str(order.reference)))

    assert asked.due_ms == opened.expires_ms
    assert early == 0
    assert (await ledger.balances.of(ANA)).metrics[0].expiring_left == 8
    assert await privacy.erasures.carry_out_due() == 0
    ledger.clock.move(days=1)
    assert await privacy.erasures.carry_out_due() == 1
    assert await is_sound(ledger)


async def test_those_who_must_wait_keep_nobody_from_their_turn(privacy: Privacy) -> None:
    """However many they are."""
    ledger = privacy.ledger
    people = [AccountRef("user", str(number)) for number in range(1000, 1101)]
    await ledger.quota.consume_many([ledger.quota.operation(one, 1, key=str(one)) for one in people])
    for one in people:
        await privacy.erasures.ask(one)
    await ledger.execute("UPDATE accounts SET status = 'blocked' WHERE external_id <> '1100'")
    ledger.clock.move(days=1)

    assert await privacy.erasures.carry_out_due() == 1
    assert await ledger.rows("SELECT 1 FROM accounts WHERE external_id = '1100'") == []


async def test_units_that_came_after_the_wish_are_not_lost_at_once(privacy: Privacy) -> None:
    """Who buys after all may call it off for a week more."""
    ledger = privacy.ledger
    await ledger.quota.consume(ANA, 7, key="a1")
    await privacy.erasures.ask(ANA)
    ledger.clock.move(hours=6)
    await ledger.grants.add(ANA, 30, actor=OPERATOR, reason="", key="g1")
    ledger.clock.move(days=6)
    within = await privacy.erasures.carry_out_due()
    ledger.clock.move(days=1)

    assert (within, await privacy.erasures.carry_out_due()) == (0, 1)


async def test_a_payment_that_finds_nobody_any_more_is_held(privacy: Privacy) -> None:
    """Reported after its payer was forgotten: operators are told, and can give the money back."""
    ledger = privacy.ledger
    paid = await ledger.purchases.begin(ANA, "five", buyer=ANA, locale="en")
    before = await ledger.purchases.order(paid.order_id)
    await ledger.settlements.settle(payment_of(before, str(before.reference)))
    late = await ledger.purchases.begin(ANA, "eight", buyer=ANA, locale="en")
    ledger.clock.move(hours=1)
    await privacy.erasures.forget(ANA)
    order = await ledger.purchases.order(late.order_id)
    outcome = await ledger.settlements.settle(payment_of(order, str(order.reference)))
    repeated = await ledger.settlements.settle(payment_of(before, str(before.reference)))
    [(facts,)] = await ledger.rows("SELECT facts FROM notices WHERE kind = 'payment_held'")

    assert (outcome, repeated) == (Settlement.MISMATCH, Settlement.ALREADY_CREDITED)
    assert json.loads(facts)["difference"] == "whoever bought was erased since"
    assert await is_sound(ledger)


async def test_who_cannot_be_forgotten_again_at_once_is_when_it_is_over(privacy: Privacy) -> None:
    """A back-up may bring back a hold or a payment under way with the name."""
    ledger = privacy.ledger
    await ledger.quota.hold(ANA, 1, key="h1", ttl_seconds=60)
    ledger.clock.move(seconds=1)
    privacy.tombstones.add(ANA, ledger.clock())
    at_once = await forget_again(ledger.database, privacy.erasures, privacy.tombstones)
    await ledger.quota.release(ANA, key="h1")

    assert at_once == 0
    assert await privacy.erasures.carry_out_due() == 1
    assert await ledger.rows("SELECT 1 FROM accounts WHERE external_id = '1'") == []


async def test_a_restored_ledger_forgets_again(privacy: Privacy) -> None:
    """Whom the file names, unless the account is a new one of the same person."""
    ledger = privacy.ledger
    await ledger.quota.consume(ANA, 1, key="a1")
    await ledger.quota.consume(BEN, 1, key="b1")
    # As a back-up of the day before: the file says that Ana is forgotten, the database knows her.
    ledger.clock.move(days=1)
    privacy.tombstones.add(ANA, ledger.clock())
    privacy.tombstones.add(CARL, ledger.clock())
    ledger.clock.move(days=1)
    await ledger.quota.consume(CARL, 1, key="c1")

    assert await forget_again(ledger.database, privacy.erasures, privacy.tombstones) == 1
    assert await forget_again(ledger.database, privacy.erasures, privacy.tombstones) == 0
    names = [row[0] for row in await ledger.rows("SELECT external_id FROM accounts ORDER BY id")]
    assert ("1" in names, "2" in names, "3" in names) == (False, True, True)
    assert await is_sound(ledger)


async def test_the_file_of_the_forgotten_names_nobody(privacy: Privacy, tmp_path: Path) -> None:
    """Only its owner reads it, it says nothing without the secret, and a line that was cut off does no harm."""
    privacy.tombstones.add(ANA, 5)
    file = tmp_path / FILE
    text = file.read_text()
    with file.open("a") as stream:
        stream.write('{"subject": "ab')

    assert file.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(text)) == {"subject", "at_ms"}
    assert "user:1" not in text
    assert privacy.tombstones.all() == {privacy.tombstones.subject_of(ANA): 5}
    assert TombstoneFile(tmp_path, b"t" * 32).subject_of(ANA) != privacy.tombstones.subject_of(ANA)


async def test_a_name_that_is_put_back_by_hand_is_found(privacy: Privacy) -> None:
    """And so is an account that only pretends to be erased."""
    ledger = privacy.ledger
    await ledger.quota.consume(ANA, 1, key="a1")
    await ledger.quota.consume(BEN, 1, key="b1")
    await privacy.erasures.forget(ANA)
    await ledger.execute("UPDATE accounts SET kind = 'user', external_id = '1' WHERE beginning IS NOT NULL")
    named = (await Proof(ledger.database).verify()).problems
    await ledger.execute("UPDATE accounts SET beginning = $1 WHERE external_id = '2'", b"x" * 16)
    pretended = (await Proof(ledger.database).verify()).problems

    assert any("has a name all the same" in problem for problem in named)
    assert any("as if it were erased" in problem for problem in pretended)


async def test_all_that_is_kept_is_handed_out(ledger: OpenLedger) -> None:
    """To the person, table by table, with the signed statement; of others there is nothing in it."""
    await lived_in(ledger)
    key = SigningKey.new()
    data = PersonalData(
        ledger.database, Statements(ledger.database, key, clock=ledger.clock), clock=ledger.clock
    )
    content = await data.of(ANA)
    assert content is not None
    document = json.loads(content)

    assert document["account"] == "user:1"
    assert document["kept"]["accounts"][0]["external_id"] == "1"
    assert {order["package"] for order in document["kept"]["orders"]} >= {"five", "eight"}
    assert document["statement"]["account"]["external_id"] == "1"
    assert len(document["statement"]["entries"]) > 5
    assert {deed["reason"] for deed in document["kept"]["audit"]} >= {"thanks", "too many", "less"}
    assert key_bytes("b1").hex() not in content.decode()
    assert not {"spam", "spam too", "bonus"} & {deed["reason"] for deed in document["kept"]["audit"]}
    assert await data.of(AccountRef("user", "404")) is None


async def test_every_table_about_a_person_is_thought_of(ledger: OpenLedger) -> None:
    """A new column that refers to accounts belongs to what is handed out, or its reason stands here."""
    elsewhere = {
        "api_keys": "listed by the outer name",
        "entries": "in the signed statement",
        "erasures": "the wish itself",
        "pools": "what a server set, about nobody",
        "pool_caps": "the same",
    }
    if isinstance(ledger.place, Path):
        tables = [row[0] for row in await ledger.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = [
            (table, row[1]) for table in tables for row in await ledger.rows(f"PRAGMA table_info({table})")
        ]
    else:
        columns = await ledger.rows(
            "SELECT table_name::text, column_name::text FROM information_schema.columns"
            " WHERE table_schema = current_schema()"
        )
    about = {
        table for table, column in columns if column in ("account", "buyer", "external_id", "guild", "owner")
    }

    assert about - set(personal.TABLES) == set(elsewhere) & about
