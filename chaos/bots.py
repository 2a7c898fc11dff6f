"""
Whole bots, killed: the real program against the sandbox's Discord and Stripe over real sockets, under load.

Every cycle starts the program with a plan, lets services spend in batches and people buy, and waits until the
process is dead. What was answered is kept here; callers ask again what got no answer, and Stripe delivers again.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from chaos.tally import Tally
from chaos.world_facts import direct_messages, events, facts, roomy_catalog
from quota_core.keys import key_bytes
from quota_core.postgres_database import PostgresDatabase
from quota_core.proof import Proof
from quota_core.sqlite_database import SqliteDatabase
from tests.program.place import STRIPE_KEY, Place, opened_place
from tests.program.process import Program

EDGE_POINTS = (
    "webhook.01.headers_in",
    "webhook.02.body_read",
    "webhook.03.signature_ok",
    "webhook.12.answer_made",
    "outbox.21.channel_opened",
    "outbox.22.channel_saved",
    "outbox.23.before_post",
    "outbox.24.posted",
    "checkout.33.link_shown",
)
"""The points that only the whole program passes."""
CORE_POINTS = (
    "webhook.10.before_commit",
    "webhook.11.committed",
    "outbox.20.claimed",
    "consume.45.committed",
)
BATCH, CLIENTS, PEOPLE = 400, 3, 300
NEWCOMERS = 2
NEW = ("outbox.21", "outbox.22")  # passed for newcomers alone
DEATH_SECONDS = 120.0  # how long a slow machine may take to pass a point
QUIET_SECONDS = 180.0
PRESS_SECONDS = 5.0
STRIPE = {"Authorization": f"Bearer {STRIPE_KEY}"}
SCOPES = ("quota:read", "quota:consume", "checkout:create")


@dataclass(slots=True)
class Asked:
    """What services asked for; `open` are the batches that got no answer yet."""

    asked: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    answered: set[bytes] = field(default_factory=set)
    open: list[list[dict[str, Any]]] = field(default_factory=list)


class BotStorm:
    """One world and one ledger, and bot after bot on it."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self._random = Random(seed)
        self._asked = Asked()
        self._numbers = iter(range(1, 10**9))
        self._port = "0"
        self._key: dict[str, str] = {}
        self._buyers: Counter[int] = Counter()
        self._paid: list[str] = []
        self._under_way: list[asyncio.Future[Any]] = []
        self.url = ""
        self.tally = Tally()

    async def prepare(self) -> None:
        """Make a key for the services, on a ledger that nobody runs on yet."""
        code, out, err = await self._place.command("keys", "create", "chaos", "--scopes", *SCOPES)
        assert code == 0, out + err
        self._key = {"Authorization": f"Bearer {out.splitlines()[0]}"}

    async def cycle(self, point: str | None) -> None:
        """Run a bot until it died at a point, or at a random moment when none is named."""
        plan = (
            {}
            if point is None
            else {
                "JAUGE_CRASH_PLAN": f"{point}=kill@{1 if point.startswith(NEW) else self._random.randint(1, 2)}"
            }
        )
        log = str(self._place.cwd / "points.log")
        began_seconds = time.monotonic()
        settings = plan | {"HTTP_PORT": self._port, "JAUGE_CRASH_LOG": log}
        async with self._place.program("run", **settings) as program:
            try:
                url = (await program.ready())["http"]
            except AssertionError:
                # What the one before left to do is done first: it may lead past the point.
                if await program.ended() != -signal.SIGKILL:
                    raise
                self.tally.faults["SIGKILL of a bot at a point"] += 1
                return
            self.tally.restarts_seconds.append(time.monotonic() - began_seconds)
            self._known_at(url)
            await self._until_death(program, url, DEATH_SECONDS if point else self._random.uniform(0.05, 1.5))

    @contextlib.asynccontextmanager
    async def under_load(self) -> AsyncIterator[Program]:
        """Run a bot under load; who leaves the block ends the load, and the bot if it runs still."""
        async with self._place.program("run", HTTP_PORT=self._port) as program:
            self.url = (await program.ready())["http"]
            self._known_at(self.url)
            load = [asyncio.ensure_future(one) for one in self._load(self.url)]
            self._under_way = load
            try:
                yield program
            finally:
                self.rest()
                await asyncio.gather(*load, return_exceptions=True)

    def rest(self) -> None:
        """Ask for nothing more."""
        for one in self._under_way:
            one.cancel()

    def _known_at(self, url: str) -> None:
        if self._port == "0":
            self._port = url.rpartition(":")[2]
            self._place.sandbox.stripe.add_endpoint(f"{url}/webhooks/stripe")

    async def _until_death(self, program: Program, url: str, patience_seconds: float) -> None:
        load = [asyncio.ensure_future(one) for one in self._load(url)]
        death = asyncio.ensure_future(program.ended())
        await asyncio.wait({death}, timeout=patience_seconds)
        if not death.done():
            program.signal(signal.SIGKILL)
            self.tally.faults["SIGKILL of a bot at random"] += 1
        else:
            self.tally.faults["SIGKILL of a bot at a point"] += 1
        await death
        for one in load:
            one.cancel()
        for outcome in await asyncio.gather(*load, return_exceptions=True):
            if isinstance(outcome, Exception) and not isinstance(outcome, aiohttp.ClientError | OSError):
                self.tally.found["drifted"].append(f"a client failed: {outcome!r}")

    def _load(self, url: str) -> Iterator[Any]:
        for _ in range(CLIENTS):
            yield self._spend(url)
        yield self._buy_by_api(url)
        yield self._press_for_a_link()

    async def _spend(self, url: str) -> None:
        async with aiohttp.ClientSession(url, headers=self._key) as session:
            while True:
                batch = self._asked.open.pop() if self._asked.open else self._batch()
                try:
                    async with session.post("/api/credits/batch", json={"operations": batch}) as answer:
                        assert answer.status == 200, await answer.text()
                        results = (await answer.json())["results"]
                except BaseException:
                    self._asked.open.append(batch)  # asked again, until it is answered
                    raise
                self._note(batch, results)

    def _note(self, batch: list[dict[str, Any]], results: list[dict[str, Any]]) -> None:
        for one, result in zip(batch, results, strict=True):
            assert result["status"] == 200, result
            self._asked.answered.add(key_bytes(one["request_id"]))

    def _batch(self) -> list[dict[str, Any]]:
        batch = [
            {
                "user_id": str(100_000 + self._random.randrange(PEOPLE)),
                "units": 1,
                "request_id": f"chaos-{next(self._numbers)}",
            }
            for _ in range(BATCH)
        ]
        for one in batch:
            self._asked.asked[key_bytes(str(one["request_id"]))] = (str(one["user_id"]), 1)
        return batch

    async def _buyer(self, newcomers: list[int]) -> int:
        """Return somebody who buys: at first people whom this bot never wrote to, whom it greets slowly."""
        if len(newcomers) == NEWCOMERS:
            return self._random.choice(newcomers)
        number = 5_000_000_000_000_000_000 + next(self._numbers)
        await self._place.people.post("users", id=str(number), name=f"Buyer {number}")
        newcomers.append(number)
        return number

    async def _buy_by_api(self, url: str) -> None:
        newcomers: list[int] = []
        async with aiohttp.ClientSession(url, headers=self._key) as session:
            while True:
                buyer = await self._buyer(newcomers)
                asked = {"user_id": str(buyer), "package_id": "quota_100"}
                async with session.post("/api/quota/checkout", json=asked) as answer:
                    if answer.status != 200:
                        await asyncio.sleep(0.05)
                        continue
                    checkout = str((await answer.json())["session_id"])
                self._paid.append(checkout)
                self._buyers[buyer] += 1
                await self._place.people.post("stripe/pay", checkout=checkout, outcome="paid")
                await asyncio.sleep(0.1)

    async def _press_for_a_link(self) -> None:
        """Open the shop as a person does and press a package; whoever answers may die over it."""
        while True:
            # What is said before the bot is connected is never answered; so it is said again.
            with contextlib.suppress(AssertionError, TimeoutError):
                async with asyncio.timeout(PRESS_SECONDS):
                    await self._place.buy()
            await asyncio.sleep(0.1)

    async def settle(self) -> None:
        """Run one more bot, in peace: ask again what is open, and wait until Stripe and Discord are done."""
        async with self._place.program("run", HTTP_PORT=self._port) as program:
            url = (await program.ready())["http"]
            async with aiohttp.ClientSession(url, headers=self._key) as session:
                for batch in self._asked.open:
                    async with session.post("/api/credits/batch", json={"operations": batch}) as answer:
                        self._note(batch, (await answer.json())["results"])
            await self._wait_for_messages()
            code = await program.stop()
            if code != 0:
                self.tally.found["drifted"].append(f"the last bot ended with {code}")

    async def _wait_for_messages(self) -> None:
        """Deliver again what Stripe gave up on, and wait until every payment was confirmed to its buyer."""
        world = self._place.sandbox.world
        taken = await self._taken()
        async with aiohttp.ClientSession(self._place.sandbox.url, headers=STRIPE) as session:
            for event in await events(session):
                if event["id"] not in taken:
                    await self._place.people.post("stripe/deliver", event=event["id"])
        news = asyncio.Event()
        stop_listening = world.subscribe(lambda _: news.set())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_SECONDS):
                while sum(direct_messages(world).values()) < len(self._paid):
                    news.clear()
                    await news.wait()
        stop_listening()

    async def _taken(self) -> set[str]:
        attempts = (await self._place.people.get("stripe/deliveries"))["deliveries"]
        return {one["event"] for one in attempts if one["status"] == 200}

    async def check(self) -> Tally:
        """Compare the ledger that is left with what services, Stripe and Discord know."""
        tally, asked = self.tally, self._asked
        log = self._place.cwd / "points.log"
        tally.points += Counter(log.read_text().split() if log.exists() else ())
        tally.acknowledged += len(asked.answered) + len(self._paid)
        url = self._place.more.get("DATABASE_URL")
        database = PostgresDatabase(url) if url else SqliteDatabase(self._place.data / "quota.db")
        await database.open()
        try:
            found = await database.read(facts)
            verdict = await Proof(database).verify()
        finally:
            await database.close()
        tally.found["drifted"] += verdict.problems
        spends = Counter(row[0] for row in found["entries"])
        tally.found["lost"] += [f"{len(asked.answered - spends.keys())} answers"] * bool(
            asked.answered - spends.keys()
        )
        tally.found["doubled"] += [f"{key!r}" for key, n in spends.items() if n > 1 or key not in asked.asked]
        credits_: dict[str, int] = dict(found["credits"])
        tally.found["lost"] += [one for one in self._paid if one not in credits_]
        tally.found["doubled"] += [one for one, n in credits_.items() if n > 1 or one not in self._paid]
        tally.found["negative"] += [str(row) for row in found["negative"]]
        seen = direct_messages(self._place.sandbox.world)
        told, bought = sorted(seen.values()), sorted(self._buyers.values())
        if told != bought:
            tally.found["untold"].append(f"purchases of each buyer {bought}, confirmations {told}")
        return tally


async def storm(folder: Path, seed: int, points: Sequence[str | None], **more: Any) -> Tally:
    """Kill a bot at each of these points (None: at a random moment), one after the other, on one ledger."""
    async with opened_place(folder, shards=1, CATALOG=str(roomy_catalog(folder)), **more) as place:
        bots = BotStorm(place, seed)
        await bots.prepare()
        for point in points:
            await bots.cycle(point)
        await bots.settle()
        return await bots.check()
