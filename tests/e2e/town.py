"""What buyers, Stripe and an operator do and see around the running program, and what must hold after it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import aiohttp

from quota_core.catalog import Catalog
from sandbox.places import ADMIN_ID, FRIEND_ID, GENERAL_ID, MEMBER_ID, OPERATOR_ID
from sandbox.stripe_delivery import signature
from terminal import local_socket
from tests.cogs.talk import Talk, buttons_of, text_of
from tests.e2e.program import STRIPE_KEY, Bot, Sandbox

Json = dict[str, Any]
HOOK = "/webhooks/stripe"
PEOPLE = (MEMBER_ID, FRIEND_ID, ADMIN_ID, OPERATOR_ID)
FIRST_NEWCOMER_ID = 1101500000000001000
PATIENCE_SECONDS = 120
WAIT_SECONDS = 5
LOOK_SECONDS = 0.1
ORDER = re.compile(r"ord_[0-9a-f]+")
# Titles of the message that confirms a purchase.
CONFIRMED = ("✅ Quota added!", "✅ Quota ajouté !")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """How much was paid at Stripe, and how much the bot says it has credited."""

    paid_sessions: int
    paid_units: int
    credited_orders: int
    credited_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A payment page as its buyer is offered it."""

    message: Json
    url: str
    checkout: str
    order: str


@dataclass(slots=True)
class Held:
    """The sessions that were falsified, which must never be credited."""

    checkouts: set[str] = field(default_factory=set)


class Town(Talk):
    """
    The people of one world with one bot in it.

    Args:
        url: of the world.
        http_url: of the bot.
        api_key: for the bot's API.
        secret: what signs webhooks.
        bot: the bot's process.
        catalog: what it sells.
        held, newcomers: of all tests in this world.

    """

    def __init__(
        self,
        url: str,
        *,
        bot: Bot | Sandbox,
        api_key: str,
        secret: str,
        catalog: Catalog,
        held: Held,
        newcomers: list[int],
    ) -> None:
        super().__init__(url)
        self.url = url
        self.bot = bot
        self.held = held
        self._secret = secret
        self._units = {package.price_minor: package.units for package in catalog.packages.values()}
        self._web = aiohttp.ClientSession()
        self._api = {"Authorization": f"Bearer {api_key}"}
        self._stripe = aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {STRIPE_KEY}"})
        self.newcomers = newcomers
        # What the log of the bot may complain of in this test, as a regular expression.
        self.expected = ""
        self._foreign: set[int] = set()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._web.close()
        await self._stripe.close()
        await super().__aexit__(kind, error, traceback)

    def unexpected(self, complaints: list[str]) -> list[str]:
        """Return the lines of the log that this test did not provoke."""
        return [line for line in complaints if not self.expected or not re.search(self.expected, line)]

    async def speaks(self, locale: str, *, user: int = MEMBER_ID) -> None:
        """Switch a user's Discord to another language, and let the bot notice; a message would not tell it."""
        await super().speaks(locale, user=user)
        self._foreign.add(user)
        await self.slash("quota", as_=user)

    # The bot's life

    async def end_bot(self, how: str) -> None:
        """End the bot by a signal."""
        await asyncio.to_thread(self.bot.end, how)

    async def start_bot(self) -> None:
        """Start the bot again on the same data."""
        await asyncio.to_thread(self.bot.start)

    async def logged(self, pattern: str, *, after: int = 0) -> None:
        """Wait until the bot wrote something beyond a length of its log, and has done what follows at once."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while re.search(pattern, self.bot.log[after:]) is None:
                # The log tells nobody that it grew; and a key has no more than so many requests a minute.
                await self.get("stripe/deliveries", beyond=1_000_000, wait_s=LOOK_SECONDS)
        # Database work is done in the order in which it was asked for, so this answer comes after it.
        await self.quota()

    async def answer_to(self, content: str, *, as_: int = MEMBER_ID, channel: int | str = GENERAL_ID) -> Json:
        """Write a message and return the first answer to it, whatever else is said meanwhile."""
        asked = await self.say(content, as_=as_, channel=channel)
        return (await self.answers(asked, as_=as_, channel=channel))[0]

    async def answers(
        self, asked: str, *, count: int = 1, as_: int = MEMBER_ID, channel: int | str = GENERAL_ID
    ) -> list[Json]:
        """Return the answers to a message, once there are so many."""
        async with asyncio.timeout(PATIENCE_SECONDS), self.changes(as_) as changes:
            while True:
                seen = await self.seen(viewer=as_, channel=channel, after=asked)
                found = [one for one in seen if (one["reference"] or {}).get("message_id") == asked]
                if len(found) >= count:
                    return found
                await changes.next("message_create")

    # Buying

    async def open_shop(self, form: str = "prefix", *, as_: int = MEMBER_ID) -> Json:
        """Open the shop by `!buy_quota` or `/buy_quota`."""
        if form == "slash":
            return await self.slash("buy_quota", as_=as_)
        return await self.answer_to("!buy_quota", as_=as_)

    async def press_package(
        self, shop: Json, package: str = "quota_1000", *, as_: int = MEMBER_ID, presser: int | None = None
    ) -> Json:
        """Press the button of a package in the shop of `as_`, and return the answer."""
        who = as_ if presser is None else presser
        return await self.press_id(shop, f"v1:buy:{package}:{as_}", as_=who, force=True)

    async def offer(
        self, package: str = "quota_1000", *, as_: int = MEMBER_ID, form: str = "prefix"
    ) -> Offer:
        """Open the shop, press a package, and return the payment page that is offered."""
        shop = await self.open_shop(form, as_=as_)
        return offer_in(await self.press_package(shop, package, as_=as_))

    async def pay(self, checkout: str, outcome: str = "paid") -> Json:
        """Let the buyer pay, be declined, or promise to pay."""
        return await self.post("stripe/pay", checkout=checkout, outcome=outcome)

    async def bank_says(self, checkout: str, outcome: str) -> Json:
        """Let the buyer's bank answer, succeeded or failed."""
        return await self.post("stripe/settle", checkout=checkout, outcome=outcome)

    async def last_dm(self, who: int = MEMBER_ID) -> str:
        """Return the id of the newest direct message."""
        return await self.latest_id(viewer=who, channel="dm")

    async def next_dm(self, after: str, who: int = MEMBER_ID) -> Json:
        """Return the first direct message after one."""
        return await self.next_message(after, viewer=who, channel="dm")

    async def dms(self, after: str = "0", who: int = MEMBER_ID) -> list[Json]:
        """Return the direct messages after one, as they are now."""
        return await self.seen(viewer=who, channel="dm", after=after)

    async def buy(self, package: str = "quota_1000", *, as_: int = MEMBER_ID) -> Json:
        """Buy a package and return the message that confirms it."""
        after = await self.last_dm(as_)
        offer = await self.offer(package, as_=as_)
        await self.pay(offer.checkout)
        return await self.next_dm(after, as_)

    async def newcomer(self, locale: str = "en-US") -> int:
        """Let somebody join whom the bot has never seen, and return their id."""
        user_id = FIRST_NEWCOMER_ID + len(self.newcomers)
        await self.post("users", id=str(user_id), name=f"Newcomer {len(self.newcomers)}", locale=locale)
        self.newcomers.append(user_id)
        if locale != "en-US":
            await self.slash("quota", as_=user_id)
        return user_id

    # Stripe's side

    async def stripe(self, path: str, **params: str) -> Any:
        """Return the answer of a GET of Stripe's API."""
        async with self._stripe.get(path, params=params) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def sessions(self) -> list[Json]:
        """Return every Checkout Session, newest first."""
        return await self._all("/v1/checkout/sessions")

    async def sessions_of(self, order: str) -> list[Json]:
        """Return the sessions that were opened for an order."""
        return [one for one in await self.sessions() if one["client_reference_id"] == order]

    async def events_of(self, checkout: str) -> list[Json]:
        """Return the events about a session, oldest first."""
        events = await self._all("/v1/events")
        return [one for one in events[::-1] if one["data"]["object"].get("id") == checkout]

    async def _all(self, path: str, *, delivery_success: str | None = None) -> list[Json]:
        params = {"limit": "100"}
        if delivery_success is not None:
            params["delivery_success"] = delivery_success
        rows: list[Json] = []
        while True:
            page = await self.stripe(path, **params)
            rows += page["data"]
            if not page["has_more"]:
                return rows
            params["starting_after"] = rows[-1]["id"]

    async def deliveries(self, *, beyond: int = -1) -> list[Json]:
        """Return every attempt to deliver, after waiting for more than `beyond` of them."""
        waiting = {"beyond": beyond, "wait_s": WAIT_SECONDS} if beyond >= 0 else {}
        found = await self.get("stripe/deliveries", **waiting)
        rows: list[Json] = found["deliveries"]
        return rows

    async def delivered(self, checkout: str, kind: str, *, count: int = 1) -> list[Json]:
        """Return the attempts that delivered an event of a kind about a session, once there are `count`."""
        rows: list[Json] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                events = {one["id"] for one in await self.events_of(checkout) if one["type"] == kind}
                made = [one for one in rows if one["event"] in events and one["status"] == 200]
                if len(made) >= count:
                    return made
                rows = await self.deliveries(beyond=len(rows))

    async def all_delivered(self) -> None:
        """Wait until the bot took every event."""
        count = 0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._all("/v1/events", delivery_success="false"):
                count = len(await self.deliveries(beyond=count))

    async def post_event(self, event: Json, **forged: Any) -> tuple[int, Json]:
        """Post an event, signed as Stripe signs it unless `forged` says otherwise."""
        body = json.dumps(event).encode()
        return await self.post_raw(body, self.signed(body, **forged))

    def signed(self, body: bytes, *, secret: str = "", age_seconds: int = 0) -> str:
        """Return the signature of a body that Stripe signed some seconds ago."""
        signed_seconds = int(time.time()) - age_seconds
        return signature(body, secret=secret or self._secret, now_seconds=signed_seconds)

    async def post_raw(self, body: bytes, signed: str | None) -> tuple[int, Json]:
        """Post bytes to the webhook with a signature of any kind."""
        headers = {"Content-Type": "application/json"}
        if signed is not None:
            headers["Stripe-Signature"] = signed
        async with self._web.post(f"{self.bot.http_url}{HOOK}", data=body, headers=headers) as answer:
            return answer.status, await answer.json()

    # The bot's HTTP side

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Json]:
        """Call the bot's API."""
        url = f"{self.bot.http_url}{path}"
        async with self._web.request(method, url, headers=self._api, **options) as answer:
            body: Json = await answer.json()
            return answer.status, body

    async def quota(self, who: int = MEMBER_ID) -> Json:
        """Return what the API says that somebody has."""
        status, facts = await self.ask("GET", f"/api/quota/{who}")
        assert status == 200, facts
        return facts

    async def page(self, url: str) -> tuple[int, str]:
        """Return the status and text of a page, as a browser in English gets it."""
        async with self._web.get(url, headers={"Accept-Language": "en"}) as answer:
            return answer.status, await answer.text()

    async def redirect(self, url: str) -> tuple[int, str]:
        """Return the status of a page and where it leads."""
        async with self._web.get(url, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", "")

    # What must hold

    async def stats(self) -> str:
        """Return the operator's figures."""
        return text_of(await self.slash("admin_quota stats", as_=OPERATOR_ID))

    async def sums(self) -> Sums:
        """Return what was paid and what was credited."""
        paid = [
            one
            for one in await self.sessions()
            if one["payment_status"] == "paid" and one["id"] not in self.held.checkouts
        ]
        stats = await self.stats()
        return Sums(
            paid_sessions=len(paid),
            paid_units=sum(self._units[one["amount_subtotal"]] for one in paid),
            credited_orders=_number(re.search(r"paid orders: ([0-9,]+)", stats)),
            credited_units=_number(re.search(r"([0-9,]+) sold", stats)),
        )

    async def settle(self) -> None:
        """End what a test left open: troubles, closed doors, unpaid pages; and wait until the bot knows."""
        await self.call("DELETE", "faults")
        for who in PEOPLE:
            await self.post("users", id=str(who), locale="en-US", dms_open=True)
        for who in self._foreign:
            await self.slash("quota", as_=who)
        for session in await self.sessions():
            if session["status"] == "open":
                await self.post("stripe/expire", checkout=session["id"])
        await self.all_delivered()
        await self.all_told()

    async def all_told(self) -> None:
        """Wait until the bot owes nobody a message any more, as its operator's figures say."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while re.search(r"not read yet\n0(\n|$)", await self.stats()) is None:
                # What Discord does is no news for it when it drops a second copy; so look again now and then.
                await self.get("stripe/deliveries", beyond=1_000_000, wait_s=LOOK_SECONDS)

    async def verify(self) -> None:
        """Have the running program recount its ledger, over the socket that its command uses."""
        lines: list[str] = []
        status = await local_socket.ask(self.bot.data, "ledger verify", {}, lines.append)

        assert status == 0, lines

    async def check(self) -> None:
        """Compare both sides of the money: as many credits as paid sessions, and one message for each."""
        await self.verify()
        sums = await self.sums()

        assert sums.credited_orders == sums.paid_sessions
        assert sums.credited_units == sums.paid_units
        told = [
            order
            for who in (*PEOPLE, *self.newcomers)
            for message in await self.dms(who=who)
            for order in confirmed_orders(message)
        ]
        assert len(told) == len(set(told)), "a purchase was confirmed twice"


def offer_in(message: Json) -> Offer:
    """Return the payment page in the private answer to a press."""
    links = [target for _, target in buttons_of(message) if target.startswith("http")]
    assert len(links) == 1, text_of(message)
    url = links[0]
    order = ORDER.search(text_of(message))
    assert order is not None, text_of(message)
    checkout = re.search(r"cs_\w+", url)
    return Offer(message=message, url=url, checkout="" if checkout is None else checkout[0], order=order[0])


def confirmed_orders(message: Json) -> list[str]:
    """Return the orders that a message confirms as credited."""
    return [
        found[0]
        for embed in message["embeds"]
        if embed.get("title", "").replace("\u202f", " ").replace("\u00a0", " ") in CONFIRMED
        and (found := ORDER.search(embed.get("footer", {}).get("text", ""))) is not None
    ]


def heading_of(message: Json) -> str:
    """Return the title of a message's card, with plain blanks."""
    return text_of(message).splitlines()[0]


def shape_of(message: Json) -> str:
    """Return a message's card as text: title, description, each field's name and value, footer."""
    return re.sub(r"<t:[0-9]+:", "<t:…:", text_of(message))


def _number(match: re.Match[str] | None) -> int:
    return 0 if match is None else int(match[1].replace(",", ""))
