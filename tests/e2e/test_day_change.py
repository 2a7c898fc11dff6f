"""The day changes while people use their quota; time is moved, not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
import yarl

from cogs.connection import point_at
from quota_core.catalog_file import load
from quota_core.proof import Proof
from quota_core.statements import Row, Work, fetch
from quota_core.store.states import windows_in
from sandbox.places import ADMIN_ID, FRIEND_ID, MEMBER_ID
from sandbox.server import Sandbox, serve
from tests.cogs.stack import opened_core, running_bot
from tests.cogs.talk import Talk, title_of
from tests.sandbox.people import UNHURRIED_MS

DAY_MS = 86_400_000
PEOPLE = (MEMBER_ID, FRIEND_ID, ADMIN_ID)
LIMIT = 50


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """Return a world in this process that discord.py is pointed at until the test ends."""
    for holder, name in (
        (discord.http.Route, "BASE"),
        (discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY"),
        (discord.asset.Asset, "BASE"),
    ):
        monkeypatch.setattr(holder, name, getattr(holder, name))
    async with serve() as running:
        running.world.answer_within_ms = UNHURRIED_MS
        point_at(running.api_url, running.gateway_url)
        assert yarl.URL(running.gateway_url) == discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
        yield running


class Asking(Talk):
    """People who ask a lot at once."""

    async def ask(self, count: int) -> list[str]:
        """Let everybody ask `count` questions at once; return the ids of the questions."""
        questions = [self.say(f"!ask {number}", as_=who) for number in range(count) for who in PEOPLE]
        return list(await asyncio.gather(*questions))

    async def titles(self, count: int) -> dict[str, str]:
        """Return the title of each question's first answer, once so many questions have one."""
        async with asyncio.timeout(120), self.changes(MEMBER_ID) as changes:
            while True:
                answers = [one for one in await self.seen() if one["reference"]]
                titles = {one["reference"]["message_id"]: title_of(one) for one in reversed(answers)}
                if len(titles) >= count:
                    return titles
                await changes.next("message_create")


async def test_exactly_the_limit_is_used_on_each_day_when_the_day_changes_under_load(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Three people ask without end; none gets a question more than the plan gives on either day."""
    catalog = load("quota-manager")
    async with opened_core(tmp_path / "quota.db", catalog=catalog) as core, Asking(sandbox.url) as people:
        # From noon, whatever the time is: midnight then comes when the test says so, and at no other time.
        core.clock.ahead_ms = DAY_MS * 3 // 2 - core.clock() % DAY_MS
        async with running_bot(core.parts):
            asked = await people.ask(LIMIT + 10)
            await people.titles(len(asked))
            during = asyncio.create_task(people.ask(LIMIT))
            await people.titles(len(asked) + LIMIT // 2)
            core.clock.ahead_ms += DAY_MS
            asked += await during
            asked += await people.ask(LIMIT)
            titles = await people.titles(len(asked))

        answered = [title for title in titles.values() if not title.startswith("⛔")]
        windows = await core.database.read(_windows)
        verdict = await Proof(core.database).verify()

        assert len(titles) == len(asked) == len(PEOPLE) * (3 * LIMIT + 10)
        assert len(answered) == len(PEOPLE) * 2 * LIMIT
        assert [used for _, _, used in windows] == [LIMIT] * len(PEOPLE) * 2
        assert len({period for _, period, _ in windows}) == 2
        assert verdict.sound, verdict.problems


def _windows() -> Work[list[Row]]:
    closed = yield fetch("SELECT account, period, used FROM allowances")
    balances = yield fetch("SELECT account, windows FROM balances")
    opened = [
        (account, place.partition("/")[2], counts[0])
        for account, text in balances
        for place, counts in windows_in(text).items()
    ]
    return sorted([*closed, *opened])
