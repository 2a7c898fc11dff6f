"""A world that outlives the bot, and the bot as its operator runs it: settings, data folder, commands."""

import asyncio
import re
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from sandbox.faults import Fault, Faults
from sandbox.places import MEMBER_ID, OPERATOR_ID
from sandbox.server import Sandbox, serve
from tests.noon import catalog_at_noon
from tests.program.process import PATIENCE_SECONDS, Program, finished
from tests.sandbox.people import UNHURRIED_MS, WAIT_SECONDS, People

Json = dict[str, Any]
TOKEN = "canary-of-the-discord-token.MTEwMTUwMDAw.x"
STRIPE_KEY = "sk_test_canaryOfTheStripeKey"
WEBHOOK_SECRET = "whsec_canaryOfTheWebhookSecret"
SECRETS = (TOKEN, STRIPE_KEY, WEBHOOK_SECRET)
LOOK_SECONDS = 0.05
SESSION_ID = re.compile(r"cs_test_\w+")


class Spied:
    """What reached the two providers: each request that could have met a fault, and each fault that struck."""

    def __init__(self, faults: Faults) -> None:
        self.requests: list[tuple[str, str]] = []
        self._strikes: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._take = faults.take
        # The sandbox asks here on every request, so this is where all of them can be counted.
        faults.take = self._noted  # type: ignore[method-assign]  # looks on, and changes nothing

    def _noted(self, where: str, *kinds: str, path: str = "", method: str = "") -> Fault | None:
        self.requests.append((method, path))
        fault = self._take(where, *kinds, path=path, method=method)
        if fault is not None:
            self._strikes[id(fault)].set()
        return fault

    async def struck(self, fault: Fault) -> None:
        """Wait until a fault met its request."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.event(fault).wait()

    def event(self, fault: Fault) -> asyncio.Event:
        """Return what is set once a fault met its request."""
        return self._strikes[id(fault)]

    def count(self, method: str, path: str) -> int:
        """Return how many requests came to a path that ends so."""
        return sum(one == method and where.endswith(path) for one, where in self.requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One world, one data folder."""

    sandbox: Sandbox
    people: People
    spied: Spied
    cwd: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """Where the bot keeps its run-time files."""
        return self.cwd / "data"

    @property
    def settings(self) -> dict[str, str]:
        """The settings of the bot: everything leads to this world."""
        return {
            "DISCORD_TOKEN": TOKEN,
            "DISCORD_API_URL": self.sandbox.api_url,
            "DISCORD_GATEWAY_URL": self.sandbox.gateway_url,
            "OPERATOR_IDS": str(OPERATOR_ID),
            "STRIPE_API_KEY": STRIPE_KEY,
            "STRIPE_API_URL": self.sandbox.url,
            "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            "HTTP_PORT": "0",
            **self.more,
        }

    def program(self, *arguments: str, **settings: str) -> Program:
        """Return the program, to be started with `async with`; it begins on this data folder."""
        return Program(*arguments, "--data", str(self.data), settings=self.settings | settings, cwd=self.cwd)

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command beside the bot, or without it; return exit code, output and errors."""
        return await finished(*arguments, "--data", str(self.data), settings=self.settings, cwd=self.cwd)

    @asynccontextmanager
    async def bot(self, *arguments: str, **settings: str) -> AsyncIterator["Bot"]:
        """
        Run the bot until the block ends, with its webhook endpoint known to Stripe.

        It says that it is ready after two seconds, whether or not it is connected by then; the block begins when
        people can use it.
        """
        async with self.shut_out_bot(*arguments, **settings) as bot:
            if "--only" not in arguments:
                await bot.connected()
            yield bot

    @asynccontextmanager
    async def shut_out_bot(self, *arguments: str, **settings: str) -> AsyncIterator["Bot"]:
        """Do the same with a bot that cannot reach Discord."""
        async with self.program("run", *arguments, **settings) as program:
            facts = await program.ready()
            async with Bot(self, program, facts["http"]) as bot:
                yield bot

    async def sold(self) -> list[str]:
        """Return the ids of all sessions that somebody paid."""
        headers = {"Authorization": f"Bearer {STRIPE_KEY}"}
        async with (
            aiohttp.ClientSession(self.sandbox.url) as session,
            session.get("/v1/checkout/sessions?limit=100", headers=headers) as answer,
        ):
            rows = (await answer.json())["data"]
        return [row["id"] for row in rows if row["payment_status"] == "paid"]

    async def buy(self, package: str = "quota_1000") -> str:
        """Have the member press a package and return the id of the payment page's session."""
        shop = await self.people.answer_to("!buy_quota")
        button = next(
            one["custom_id"]
            for one in buttons(shop)
            if one.get("custom_id", "").startswith(f"v1:buy:{package}:")
        )
        await self.people.press(shop, button)
        card = await self.people.next_message(shop["id"])
        return session_in(card)

    async def pay(self, checkout: str) -> None:
        """Pay a session, and wait until the bot took the event."""
        taken = self._completions(await self._attempts())
        await self.people.post("stripe/pay", checkout=checkout, outcome="paid")
        await self.took(taken + 1)

    async def took(self, completions: int) -> None:
        """Wait until the bot answered so many completed sessions with 200."""
        seen: list[Json] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self._completions(seen) < completions:
                seen = await self._attempts(beyond=len(seen), wait_s=WAIT_SECONDS)

    async def _attempts(self, **waiting: int) -> list[Json]:
        return list((await self.people.get("stripe/deliveries", **waiting))["deliveries"])

    def _completions(self, attempts: list[Json]) -> int:
        kinds = [one["type"] for one in attempts if one["status"] == HTTPStatus.OK]
        return kinds.count("checkout.session.completed")

    async def direct_message(self, *, after: str = "0") -> Json:
        """Return the member's next direct message."""
        return await self.people.next_message(after, channel="dm")


class Bot:
    """A bot that is ready, and a client of its API that may do everything."""

    def __init__(self, place: Place, program: Program, url: str) -> None:
        self.place = place
        self.program = program
        self.url = url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        hook = f"{self.url}/webhooks/stripe"
        if hook not in {one["url"] for one in await self._endpoints()}:
            self.place.sandbox.stripe.add_endpoint(hook)
        self._session = aiohttp.ClientSession(self.url)
        return self

    @property
    def http(self) -> aiohttp.ClientSession:
        """A client of the bot's server."""
        assert self._session is not None
        return self._session

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.http.close()

    async def _endpoints(self) -> list[Json]:
        headers = {"Authorization": f"Bearer {STRIPE_KEY}"}
        async with (
            aiohttp.ClientSession(self.place.sandbox.url) as session,
            session.get("/v1/webhook_endpoints", headers=headers) as answer,
        ):
            return list((await answer.json())["data"])

    async def connected(self) -> None:
        """Wait until Discord shows it to people, with its slash commands."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._trouble() or not await self._commands():
                # It tells nobody that it is connected; so look again now and then.
                await self.place.people.get("stripe/deliveries", beyond=1_000_000, wait_s=LOOK_SECONDS)

    async def _trouble(self) -> bool:
        checks = {one["name"]: one["status"] for one in (await self.json("/readyz"))["checks"]}
        return bool(checks["discord"] != "ok")

    async def _commands(self) -> list[Json]:
        found = await self.place.people.get("commands", viewer=OPERATOR_ID)
        return list(found["commands"])

    async def key(self, *scopes: str) -> dict[str, str]:
        """Make an API key by the program's own command and return the header that shows it."""
        code, out, err = await self.place.command("keys", "create", "test", "--scopes", *scopes)
        assert code == 0, out + err
        return {"Authorization": f"Bearer {out.splitlines()[0]}"}

    async def status(self, path: str, **options: Any) -> int:
        """Return the status of a GET."""
        async with self.http.get(path, **options) as answer:
            await answer.read()
            return answer.status

    async def json(self, path: str, **options: Any) -> Json:
        """Return the body of a GET."""
        async with self.http.get(path, **options) as answer:
            found: Json = await answer.json()
            return found

    async def checkout(self, key: dict[str, str], package: str = "quota_1000") -> str:
        """Open a payment page for the member by the API and return its session's id."""
        asked = {"user_id": str(MEMBER_ID), "package_id": package}
        async with self.http.post("/api/quota/checkout", json=asked, headers=key) as answer:
            body = await answer.json()
            assert answer.status == 200, body
            return str(body["session_id"])


def buttons(message: Json) -> list[Json]:
    """Return the buttons of a message."""
    return [one for row in message["components"] for one in row["components"]]


def labels(message: Json) -> list[str]:
    """Return what the buttons of a message say."""
    return [one["label"] for one in buttons(message)]


def text_of(message: Json) -> str:
    """Return all that a message says, cards included."""
    parts = [message["content"]]
    for embed in message["embeds"]:
        parts += [
            embed.get("title", ""),
            embed.get("description", ""),
            embed.get("footer", {}).get("text", ""),
        ]
        for one in embed.get("fields", []):
            parts += [one["name"], one["value"]]
    return "\n".join(part for part in parts if part)


def session_in(card: Json) -> str:
    """Return the id of the session that a card's link leads to."""
    found = SESSION_ID.search(next(one["url"] for one in buttons(card) if "url" in one))
    assert found is not None
    return found[0]


@asynccontextmanager
async def opened_place(cwd: Path, *, shards: int = 1, **more: str) -> AsyncIterator[Place]:
    """Run a world until the block ends; `shards` is how many connections Discord asks for, `more` are settings."""
    async with (
        serve(webhook_secret=WEBHOOK_SECRET, shards=shards) as sandbox,
        People(sandbox.url) as people,
    ):
        sandbox.world.answer_within_ms = UNHURRIED_MS
        # Not in the folder that the bot runs in, where tests look at what it leaves.
        with tempfile.TemporaryDirectory() as elsewhere:
            more = {"CATALOG": str(catalog_at_noon(Path(elsewhere))), **more}
            yield Place(sandbox=sandbox, people=people, spied=Spied(sandbox.faults), cwd=cwd, more=more)
