"""Checkout Sessions: created, read, expired by hand or by the clock."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from stripe.params.checkout import (
    SessionCreateParams,
    SessionLineItemListParams,
    SessionListParams,
)

from sandbox import stripe_session_rules as rules
from sandbox.stripe_api import Call, Endpoint
from sandbox.stripe_catalogue import Catalogue
from sandbox.stripe_errors import StripeRefusal
from sandbox.stripe_events import EventLog
from sandbox.stripe_line_items import items_from
from sandbox.stripe_lists import matching, page
from sandbox.stripe_money import check_charge
from sandbox.stripe_objects import random_text, session_id, shaped
from sandbox.stripe_params import members_of
from sandbox.stripe_state import StripeObject, StripeState

KIND = "checkout.session"
PATH = "/v1/checkout/sessions"
PAGING = frozenset({"limit", "starting_after", "ending_before", "created"})


class Sessions:
    """
    The account's Checkout Sessions.

    Args:
        state: where they are kept.
        events: told when one expires.
        catalogue: what is sold.
        page_url: the address of a session's page, by its id.
        url_length: how long a session's `url` is made, in characters; real ones come to 335 to 390.

    """

    def __init__(
        self,
        state: StripeState,
        events: EventLog,
        catalogue: Catalogue,
        *,
        page_url: Callable[[str], str],
        url_length: int = 360,
    ) -> None:
        self._state = state
        self._events = events
        self._catalogue = catalogue
        self._page_url = page_url
        self._url_length = url_length
        self._intent_data: dict[str, dict[str, Any]] = state.shelf("intent_data")

    def endpoints(self) -> list[Endpoint]:
        """Return the methods on Checkout Sessions."""
        one = f"{PATH}/{{id}}"
        create, rows = members_of(SessionCreateParams), members_of(SessionListParams)
        items = members_of(SessionLineItemListParams)
        return [
            Endpoint(method="POST", path=PATH, handle=self._create, params=create, before=rules.BEFORE),
            Endpoint(method="GET", path=PATH, handle=self._list, params=rows),
            Endpoint(method="GET", path=one, handle=self._retrieve),
            Endpoint(method="POST", path=f"{one}/expire", handle=self._expire),
            Endpoint(method="GET", path=f"{one}/line_items", handle=self._line_items, params=items),
        ]

    def intent_data(self, checkout: str) -> dict[str, Any]:
        """Return what the session's payment intent is to carry."""
        return copy.deepcopy(self._intent_data.get(checkout, {}))

    def expire_due(self) -> None:
        """Expire every open session whose time has come."""
        now_seconds = self._state.now()
        for session in reversed(self._state.newest_first(KIND)):
            if session["status"] == "open" and session["expires_at"] <= now_seconds:
                self.expire(session)

    def expire(self, session: StripeObject, call: Call | None = None) -> StripeObject:
        """
        End an open session unpaid.

        Raises:
            StripeRefusal: it is not open.

        """
        if session["status"] != "open":
            raise StripeRefusal(
                f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
                f"status of `{session['status']}`."
            )
        session |= {"status": "expired", "url": None}
        self._events.emit("checkout.session.expired", session, call)
        return session

    def _create(self, call: Call) -> StripeObject:
        params, now_seconds = call.params, self._state.now()
        rules.check(params, now_seconds=now_seconds)
        values = rules.shown(params)
        if "customer" in params:
            self._state.get("customer", params["customer"], live=call.live, param="customer")
        items = items_from(
            params.get("line_items", []), live=call.live, state=self._state, catalogue=self._catalogue
        )
        total_minor, currency = sum(item["amount_subtotal"] for item in items), items[0]["currency"]
        if total_minor:
            check_charge(total_minor, currency, param="line_items")
        checkout = session_id(live=call.live)
        session = shaped(
            KIND,
            id=checkout,
            amount_subtotal=total_minor,
            amount_total=total_minor,
            currency=currency,
            expires_at=params.get("expires_at", now_seconds + rules.MAX_LIFE_SECONDS),
            payment_status="unpaid" if total_minor else "no_payment_required",
            **values,
        )
        session |= self._where(session, params)
        self._state.set_items(checkout, items)
        self._intent_data[checkout] = dict(params.get("payment_intent_data", {}))
        return self._state.add(session, live=call.live)

    def _where(self, session: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the page's address, or the secret with which a site shows the form itself."""
        if session["ui_mode"] == "hosted_page":
            return {"url": self._long_url(session["id"])}
        secret = f"{session['id']}_secret_{random_text(48)}"
        redirect = {"redirect_on_completion": params.get("redirect_on_completion", "always")}
        return {"client_secret": secret, "return_url": params.get("return_url")} | redirect

    def _long_url(self, checkout: str) -> str:
        """Return the page's address with a fragment as long as real ones, which buttons must make room for."""
        url = f"{self._page_url(checkout)}#fid"
        return url + random_text(max(0, self._url_length - len(url)))

    def _retrieve(self, call: Call) -> StripeObject:
        return self._state.get(KIND, call.ids["id"], live=call.live)

    def _list(self, call: Call) -> dict[str, Any]:
        rows = self._state.newest_first(KIND, live=call.live)
        wanted = {name: value for name, value in call.params.items() if name not in PAGING}
        return page(matching(rows, wanted), call.params, url=PATH)

    def _expire(self, call: Call) -> StripeObject:
        return self.expire(self._retrieve(call), call)

    def _line_items(self, call: Call) -> dict[str, Any]:
        session = self._retrieve(call)
        url = f"{PATH}/{session['id']}/line_items"
        return page(self._state.items(session["id"]), call.params, url=url)
