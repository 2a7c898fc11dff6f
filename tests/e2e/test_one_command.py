"""`python bot.py sandbox`: everything in one process; what metered commands do at their limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from quota_core.catalog_file import load
from sandbox.places import OPERATOR_ID
from tests.cogs.talk import labels_of, text_of
from tests.e2e.conftest import TROUBLE
from tests.e2e.program import Sandbox
from tests.e2e.town import PATIENCE_SECONDS, Held, Town, confirmed_orders, heading_of, shape_of

REFUSED = {
    "en-US": """\
⛔ Not enough quota
This needs **1 request**, and you have **0 requests** left.
• Daily: 50 / 50 used, resets <t:…:R> (<t:…:t>)

**What you can do:**
1. ⏰ Wait for the reset (<t:…:t>)
2. 💎 Upgrade to **Pro** (1,000 requests a day)
3. 📊 Buy more (never expires): `/buy_quota`""",
    "fr": """\
⛔ Quota insuffisant
Il faut **1 requête**, et il vous reste **0 requête**.
• Quotidien : 50 / 50, réinitialisation <t:…:R> (<t:…:t>)

**Ce que vous pouvez faire :**
1. ⏰ Attendre la réinitialisation (<t:…:t>)
2. 💎 Passer à **Pro** (1 000 requêtes par jour)
3. 📊 Acheter du quota (n'expire jamais) : `/buy_quota`""",
}
LOW = {"en-US": "📊 Quota almost used up!", "fr": "📊 Quota presque épuisé !"}
LABELS = {"en-US": ["See the options", "Upgrade to Pro"], "fr": ["Voir les options", "Passer à Pro"]}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return the running program, which must stop in order."""
    with Sandbox(tmp_path_factory.mktemp("one")) as started:
        yield started
    assert started.exit_status == 0, started.log[-4000:]


@pytest.fixture(scope="module")
def newcomers() -> list[int]:
    """Return the ids of those who joined this sandbox in any of these tests."""
    return []


@pytest.fixture
async def one(program: Sandbox, newcomers: list[int]) -> AsyncIterator[Town]:
    """Return the people of the sandbox; afterwards its books agree."""
    async with Town(
        program.facts["sandbox"],
        bot=program,
        api_key=program.facts["key"],
        secret="",
        catalog=load("quota-manager"),
        held=Held(),
        newcomers=newcomers,
    ) as people:
        written = len(program.log)
        yield people
        await people.settle()
        await people.check()
        trouble = [line for line in program.log[written:].splitlines() if TROUBLE.search(line)]
        assert not people.unexpected(trouble), program.log[written:]


async def answered(town: Town, who: int, asked: list[str], *, after: str) -> tuple[int, int]:
    """Wait until every question has its answer; return how many were answered and how many refused."""
    async with asyncio.timeout(PATIENCE_SECONDS), town.changes(who) as changes:
        while True:
            seen = await town.seen(viewer=who, after=after)
            firsts = {
                one["reference"]["message_id"]: heading_of(one) for one in reversed(seen) if one["reference"]
            }
            if firsts.keys() >= set(asked):
                break
            await changes.next("message_create")
    refused = [one for one in asked if firsts[one].startswith("⛔")]
    return len(asked) - len(refused), len(refused)


@pytest.mark.parametrize("locale", ["en-US", "fr"])
async def test_the_fiftieth_question_is_answered_and_the_next_one_refused(one: Town, locale: str) -> None:
    """The notice comes once, at 95 %; the refusal says what can be done, and what is bought is used then."""
    who = await one.newcomer(locale)
    first = await one.say("!ask 1", as_=who)
    asked = [first, *[await one.say(f"!ask {number}", as_=who) for number in range(2, 50)]]
    outcome = await answered(one, who, asked, after=first)
    low = await low_notices(one, who, after=first)

    fiftieth = await one.answer_to("!ask 50", as_=who)
    refused = await one.answer_to("!ask 51", as_=who)
    after_refusal = await one.quota(who)
    bought = await one.buy("quota_100", as_=who)
    beyond = await one.answer_to("!ask 52", as_=who)
    at_last = await one.quota(who)
    seen = await one.seen(viewer=who, after=first)

    assert outcome == (49, 0)
    assert [heading_of(message) for message in low] == [LOW[locale]]
    assert heading_of(fiftieth)[0] in "🤔💡✨"
    assert shape_of(refused) == REFUSED[locale]
    assert labels_of(refused) == LABELS[locale]
    assert (after_refusal["daily_used"], after_refusal["total_remaining"]) == (50, 0)
    assert confirmed_orders(bought) != []
    assert "99" in text_of(beyond)
    assert (at_last["daily_used"], at_last["purchased_used"], at_last["total_remaining"]) == (50, 1, 99)
    assert len([message for message in seen if is_low(message)]) == 1


async def low_notices(town: Town, who: int, *, after: str) -> list[dict[str, object]]:
    """Return the notices of little quota after a message, once there is one."""
    async with asyncio.timeout(PATIENCE_SECONDS), town.changes(who) as changes:
        while not (found := [one for one in await town.seen(viewer=who, after=after) if is_low(one)]):
            await changes.next("message_create")
    return found


def is_low(message: dict[str, object]) -> bool:
    """Tell whether a message is the notice of little quota."""
    return bool(message["embeds"]) and heading_of(message).startswith("📊 Quota ")


async def test_eighty_questions_at_once_are_answered_fifty_times(one: Town) -> None:
    """However they race, exactly what the plan gives is used."""
    who = await one.newcomer()
    after = await one.latest_id(viewer=who)

    asked = await asyncio.gather(*(one.say(f"!ask {number}", as_=who) for number in range(80)))
    outcome = await answered(one, who, list(asked), after=after)

    assert outcome == (50, 30)
    assert (await one.quota(who))["daily_used"] == 50


@pytest.mark.parametrize("form", ["prefix", "slash"])
async def test_a_command_that_fails_gives_back_what_it_took(one: Town, form: str) -> None:
    """The user is told that it was our fault and that nothing was charged, with an id that the log knows."""
    who = await one.newcomer()
    await one.answer_to("!ask first", as_=who)
    one.expected = f"stumbled over {who}|error [0-9a-f]+ in stumble|Traceback"

    answer = await (one.slash("stumble", as_=who) if form == "slash" else one.answer_to("!stumble", as_=who))
    facts = await one.quota(who)

    assert heading_of(answer) == "💥 That was our mistake"
    assert answer["embeds"][0]["footer"]["text"].lower() in one.bot.log.lower()
    assert (facts["daily_used"], facts["daily_remaining"]) == (1, 49)


async def test_what_was_bought_is_used_after_the_day_s_quota_only(one: Town) -> None:
    """First the day, then, once that is agreed to, what was given or bought: from both, or refused whole."""
    who = await one.newcomer()
    await one.answer_to(f"!admin_quota add <@{who}> 30 gift", as_=OPERATOR_ID)

    await one.answer_to("!spend 45", as_=who)
    day = await one.quota(who)
    cover = await one.answer_to("!spend 10", as_=who)
    question = await one.press_label(cover, "Show it to me only", as_=who)
    after = await one.latest_id(viewer=who)
    await one.press_id(question, f"v1:paid_use:requests:{who}", as_=who)
    await one.several(after=after, count=2, as_=who)
    both = await one.quota(who)
    refused = await one.answer_to("!spend 26", as_=who)
    at_last = await one.quota(who)

    assert (day["daily_used"], day["purchased_used"]) == (45, 0)
    assert (both["daily_used"], both["purchased_used"]) == (50, 5)
    assert heading_of(refused) == "⛔ Not enough quota"
    assert at_last == both
