"""A story is decided the same whether its batches go the short way, before their transaction, or the long one."""

import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from quota_core.accounts import AccountRef
from quota_core.answers import Spend
from quota_core.consumes import Consume
from quota_core.decisions import Decisions
from quota_core.errors import QuotaError
from quota_core.quota import Quota
from tests.core.catalogs import everything
from tests.core.opened_ledger import HOUR_MS, OPERATOR, OpenLedger, SteerableClock, open_ledger
from tests.core.recounting import assert_sound

PEOPLE = [AccountRef("user", str(number)) for number in range(1, 7)]
TEAM, PROJECTS = AccountRef("external", "team:a"), [AccountRef("external", f"project:{one}") for one in "ab"]
EVERYBODY = [*PEOPLE, TEAM, *PROJECTS]
STORIES, TURNS = 12, 14


@pytest.fixture
def engine() -> str:
    """Run on SQLite alone: only there is anything decided in memory."""
    return "sqlite"


async def told(ledger: OpenLedger, chance: random.Random, turn: int) -> Any:
    """Let something happen, and return what came of it."""
    quota, grants, who = ledger.quota, ledger.grants, chance.choice(EVERYBODY)
    by: dict[str, Any] = {"actor": OPERATOR, "reason": "", "key": f"{turn}"}
    ttl_seconds, until_ms = chance.choice([(60, None), (7200, ledger.clock() + HOUR_MS)])
    plan, project, payer = (
        chance.choice(sorted(ledger.catalog.plans)),
        chance.choice(PROJECTS),
        chance.choice([TEAM, None]),
    )
    happens: list[Callable[[], Awaitable[Any]]] = [
        lambda: grants.add(who, chance.randint(1, 20), **by),
        lambda: grants.set_plan(who, plan, until_ms=until_ms, **by),
        lambda: (grants.block if chance.random() < 0.5 else grants.unblock)(who, **by),
        lambda: grants.set_parent(project, payer, **by),
        lambda: quota.hold(who, chance.randint(1, 4), key=f"h{turn}", ttl_seconds=ttl_seconds),
        lambda: quota.set_level(who, chance.randint(0, 9), metric="space", key=f"l{turn}"),
    ]
    place = chance.randrange(20)
    if place < len(happens):
        return await happens[place]()
    if place == len(happens):
        ledger.clock.move(hours=chance.choice([1, 1, 5, 13, 24 * 9, -2]))
        return None
    few = chance.sample(EVERYBODY, chance.randint(1, 9))
    asked = [operation(quota, chance, few, f"{turn}.{number}") for number in range(chance.randint(1, 24))]
    return await quota.consume_many(asked)


def operation(quota: Quota, chance: random.Random, few: list[AccountRef], fresh: str) -> Consume:
    """Return an operation, whose key was used before now and then."""
    named: dict[str, Any] = {}
    if chance.random() < 0.15:
        named = chance.choice([{"metric": "renders"}, {"service": "search"}, {"service": "chat"}])
    return quota.operation(
        chance.choice(few),
        chance.choice([1, 1, 1, 2, 3, 9]),
        key=f"k{chance.randrange(60)}" if chance.random() < 0.4 else fresh,
        payers=[chance.choice(EVERYBODY)] if chance.random() < 0.1 else [],
        **named,
    )


def shown(outcome: Any) -> Any:
    """Return an outcome as it can be compared."""
    if isinstance(outcome, list):
        return [shown(one) for one in outcome]
    if isinstance(outcome, QuotaError):
        return type(outcome), vars(outcome)
    return (
        {**outcome._asdict(), "entry_ids": len(outcome.entry_ids)} if isinstance(outcome, Spend) else outcome
    )


async def story(place: Path, number: int) -> tuple[list[Any], Any]:
    """Tell a story one way."""
    chance, clock, found = random.Random(number), SteerableClock(), list[Any]()
    ledger = await open_ledger(place, catalog=everything(), clock=clock)
    for turn in range(TURNS):
        try:
            found.append(shown(await told(ledger, chance, turn)))
        except QuotaError as error:
            found.append((type(error), vars(error)))
    await assert_sound(ledger)
    entries = sorted(
        (one.account, one.version, one.kind, one.metric, one.units, one.parts, one.at_ms, one.key)
        for one in await ledger.entries()
    )
    balances = [await ledger.balances.of(who) for who in EVERYBODY]
    crossings = sorted(await ledger.rows("SELECT account, metric, period, percent FROM crossings"))
    await ledger.close()
    return found, (entries, balances, crossings)


@pytest.mark.parametrize("number", range(STORIES))
async def test_each_way_decides_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Outcomes, entries, balances and crossed thresholds."""
    short = await story(tmp_path / "short.db", number)
    monkeypatch.setattr(Decisions, "at_once", lambda *_: None)
    long = await story(tmp_path / "long.db", number)

    for turn, (one, other) in enumerate(zip(short[0], long[0], strict=True)):
        assert one == other, f"turn {turn}"
    assert short[1] == long[1]
