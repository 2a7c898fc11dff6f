"""The part of the control API that plays buyers, banks and networks around the sandbox's Stripe."""

import asyncio
import contextlib
import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.stripe_after_sale import AfterSaleControl
from sandbox.stripe_api import StripeApi
from sandbox.stripe_cashier import Cashier, Outcome
from sandbox.stripe_delivery import Deliverer
from sandbox.stripe_disputes import STEPS
from sandbox.stripe_errors import StripeRefusal
from sandbox.stripe_sessions import KIND, Sessions
from sandbox.stripe_state import StripeObject, StripeState

TAMPERABLE = {
    "amount_subtotal": int,
    "amount_total": int,
    "amount_discount": int,
    "currency": str,
    "livemode": bool,
    "mode": str,
    "client_reference_id": str,
}
PREFIX = "/control/stripe"
MAX_WAIT_SECONDS = 30


class StripeControl:
    """
    Answers `/control/stripe/…`; errors are 400 or 404 with `{"error": "…"}`.

    Args:
        state: the sessions and events.
        sessions, cashier, after_sale, deliverer, api: what is played with.

    """

    def __init__(
        self,
        state: StripeState,
        *,
        sessions: Sessions,
        cashier: Cashier,
        after_sale: AfterSaleControl,
        deliverer: Deliverer,
        api: StripeApi,
    ) -> None:
        self._state = state
        self._sessions = sessions
        self._cashier = cashier
        self._after_sale = after_sale
        self._deliverer = deliverer
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, deliveries by GET and the rest by POST."""
        posts: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "pay": self.pay,
            "settle": self.settle,
            "expire": self.expire,
            "tamper": self.tamper,
            "deliver": self.deliver,
            "fail": self.fail,
            "refund": self.refund,
            "refund_ends": self.refund_ends,
            "dispute": self.dispute,
            "dispute_moves": self.dispute_moves,
        }
        return [
            web.get(f"{PREFIX}/deliveries", self._deliveries),
            *(web.post(f"{PREFIX}/{name}", self._posted(handle)) for name, handle in posts.items()),
        ]

    def pay(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Let the buyer of `checkout` try to pay, with the `outcome` paid, declined or delayed."""
        _only(body, "checkout", "outcome")
        outcome = _choice(body, "outcome", *Outcome)
        return self._cashier.pay(self._session(body), Outcome(outcome))

    def settle(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Let the bank of `checkout` answer, with the `outcome` succeeded or failed."""
        _only(body, "checkout", "outcome")
        outcome = _choice(body, "outcome", "succeeded", "failed")
        return self._cashier.settle(self._session(body), paid=outcome == "succeeded")

    def expire(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Expire `checkout` before its time."""
        _only(body, "checkout")
        return self._sessions.expire(self._session(body))

    def tamper(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        Falsify values of `checkout`, so that it no longer matches what was ordered.

        `amount_subtotal` moves the total with it, `amount_discount` lowers the total.
        """
        _only(body, "checkout", *TAMPERABLE)
        session = self._session(body)
        changes = {name: value for name, value in body.items() if name in TAMPERABLE}
        for name, value in changes.items():
            kind = TAMPERABLE[name]
            if type(value) is not kind and not (name == "client_reference_id" and value is None):
                raise web.HTTPBadRequest(text=f"{name} must be {kind.__name__}")
        if "amount_subtotal" in changes:
            session["amount_total"] += changes["amount_subtotal"] - session["amount_subtotal"]
        if "amount_discount" in changes:
            discount_minor = changes.pop("amount_discount")
            session["amount_total"] -= discount_minor - session["total_details"]["amount_discount"]
            session["total_details"]["amount_discount"] = discount_minor
        session |= changes
        return session

    def deliver(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send `event` again to every endpoint, as the Dashboard's button does."""
        _only(body, "event")
        event = self._state.find(_text(body, "event"))
        if event is None or event["object"] != "event":
            raise web.HTTPNotFound(text=f"no event {body['event']}")
        self._deliverer.deliver(event, live=self._state.is_live(event["id"]))
        return event

    def fail(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the next `times` POSTs to /v1 with a 500 that their idempotency keys keep."""
        _only(body, "times")
        times = body.get("times", 1)
        if type(times) is not int or times < 0:
            raise web.HTTPBadRequest(text="times must be a whole number from 0")
        self._api.fail_next(times)
        return {"times": times}

    def refund(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Refund `amount` minor units of the paid `checkout`, all of it unless given, as the Dashboard does."""
        _only(body, "checkout", "amount")
        amount_minor = body.get("amount")
        if amount_minor is not None and type(amount_minor) is not int:
            raise web.HTTPBadRequest(text="amount must be a whole number")
        return self._after_sale.refund(self._session(body), amount_minor)

    def refund_ends(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Let the bank answer a `refund`, with the `outcome` succeeded or failed; it may fail later too."""
        _only(body, "refund", "outcome")
        outcome = _choice(body, "outcome", "succeeded", "failed")
        return self._after_sale.refund_ends(_text(body, "refund"), paid=outcome == "succeeded")

    def dispute(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Let the buyer of the paid `checkout` dispute it: `kind` inquiry, chargeback, or one without money yet."""
        _only(body, "checkout", "kind")
        kind = _choice(body, "kind", "inquiry", "chargeback", "chargeback_without_money")
        return self._after_sale.dispute(self._session(body), kind)

    def dispute_moves(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Take a `dispute` further: `step` review, escalated, withdrawn, won, lost, or closed (an inquiry)."""
        _only(body, "dispute", "step")
        return self._after_sale.dispute_moves(_text(body, "dispute"), _choice(body, "step", *STEPS))

    async def _deliveries(self, request: web.Request) -> web.Response:
        """Answer every attempt; with `beyond` and `wait_s`, wait for more than `beyond` of them first."""
        try:
            beyond = int(request.query.get("beyond", "-1"))
            wait_seconds = min(max(float(request.query.get("wait_s", "0")), 0), MAX_WAIT_SECONDS)
        except ValueError:
            return web.json_response({"error": "beyond and wait_s must be numbers"}, status=400)
        if wait_seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await self._deliverer.wait_beyond(beyond)
        rows = [attempt.as_json() for attempt in self._deliverer.attempts]
        return web.json_response({"deliveries": rows})

    def _session(self, body: Mapping[str, Any]) -> StripeObject:
        self._sessions.expire_due()
        found = self._state.find(_text(body, "checkout"))
        if found is None or found["object"] != KIND:
            raise web.HTTPNotFound(text=f"no checkout {body['checkout']}")
        return found

    def _posted(self, handle: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:
        async def serve(request: web.Request) -> web.Response:
            try:
                answer = handle(_object(await request.read()))
            except (web.HTTPBadRequest, web.HTTPNotFound) as error:
                return web.json_response({"error": error.text}, status=error.status)
            except StripeRefusal as refusal:
                return web.json_response({"error": refusal.message}, status=400)
            return web.json_response(copy.deepcopy(answer))

        return serve


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise web.HTTPBadRequest(text="the body is not JSON") from error
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return body


def _only(body: Mapping[str, Any], *names: str) -> None:
    if unknown := set(body) - set(names):
        raise web.HTTPBadRequest(text=f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(names)}")


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise web.HTTPBadRequest(text=f"{name} must be a string")
    return value


def _choice(body: Mapping[str, Any], name: str, *choices: str) -> str:
    value = _text(body, name)
    if value not in choices:
        raise web.HTTPBadRequest(text=f"{name} must be one of {', '.join(choices)}")
    return value
