"""The page behind a Checkout Session's `url`, on which a person pays, is declined, or promises a debit."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web
from yarl import URL

from sandbox import stripe_page_html as html
from sandbox.stripe_after_sale import AfterSaleControl
from sandbox.stripe_cashier import Cashier, Outcome
from sandbox.stripe_errors import StripeRefusal
from sandbox.stripe_later_page import LATER, LaterPage
from sandbox.stripe_page_text import language_of, words
from sandbox.stripe_sessions import KIND, Sessions
from sandbox.stripe_state import StripeObject, StripeState

OUTCOMES = {"pay": Outcome.PAID, "decline": Outcome.DECLINED, "delay": Outcome.DELAYED}
MAX_LISTED = 50
BANK_ANSWERS = {"bank_yes": True, "bank_no": False}
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"


class PaymentPage:
    """
    Serves payment pages and receipts.

    Args:
        state: sessions, line items, products and charges.
        sessions: for their expiry.
        cashier: takes the money.
        after_sale: gives it back, when a person wants to see that.

    """

    def __init__(
        self, state: StripeState, *, sessions: Sessions, cashier: Cashier, after_sale: AfterSaleControl
    ) -> None:
        self._state = state
        self._sessions = sessions
        self._cashier = cashier
        self._later = LaterPage(cashier, after_sale)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the page, its style and the receipts."""
        return [
            web.get("/c/payments", self._list),
            web.get("/c/pay/{id}", self._show),
            web.post("/c/pay/{id}", self._choose),
            web.get("/c/assets/stripe_page.css", self._style),
            web.get("/receipts/payment/{secret}", self._receipt),
        ]

    async def _style(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.FileResponse(Path(__file__).with_name("stripe_page.css"))

    async def _show(self, request: web.Request) -> web.Response:
        session = self._session(request)
        if session is None:
            return self._unknown(request)
        alert = "declined" if "declined" in request.query else ""
        return self._page(session, request, alert=alert)

    async def _choose(self, request: web.Request) -> web.Response:
        """Do what the pressed button says; an unknown or late press only shows where things stand."""
        _refuse_strangers(request)
        session = self._session(request)
        if session is None:
            return self._unknown(request)
        form = await request.post()
        choice, here = str(form.get("choice", "")), request.path
        try:
            if choice in BANK_ANSWERS:
                self._cashier.settle(session, paid=BANK_ANSWERS[choice])
            elif choice in LATER:
                self._later.do(choice, session)
            elif choice in OUTCOMES:
                if html.needs_terms(session) and form.get("terms") != "yes":
                    return self._page(session, request, alert="terms_missing")
                self._cashier.pay(session, OUTCOMES[choice])
                if session["status"] == "open":
                    here = f"{request.path}?declined=1"
                elif self._cashier.waiting(session) is None:
                    here = _after(session) or here
        except StripeRefusal:
            # Pressed twice, or in two tabs: the page that follows says how it stands.
            here = request.path
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={**HEADERS, "Location": here})

    def _session(self, request: web.Request) -> StripeObject | None:
        self._sessions.expire_due()
        found = self._state.find(request.match_info["id"])
        return found if found is not None and found["object"] == KIND else None

    def _page(self, session: StripeObject, request: web.Request, *, alert: str) -> web.Response:
        language = language_of(session["locale"], request.headers.get("Accept-Language", ""))
        if session["status"] != "open":
            return _answer(self._closed(session, language), session)
        items = self._state.items(session["id"])
        products = {item["price"]["product"]: self._product(item) for item in items}
        return _answer(html.checkout(session, items, products, language=language, alert=alert), session)

    def _product(self, item: StripeObject) -> StripeObject:
        product = self._state.find(item["price"]["product"])
        assert product is not None
        return product

    def _closed(self, session: StripeObject, language: str) -> str:
        back = words(language, "back", merchant=html.MERCHANT)
        amount = html.money(session["amount_total"], session["currency"], language)
        done = (back, _after(session) or "")
        cancelled = (back, session["cancel_url"] or "")
        if session["status"] == "expired":
            return html.state("expired", language=language, mark="wait", links=[cancelled])
        if self._cashier.waiting(session) is not None:
            choices = html.bank_choices(language)
            return html.state(
                "waiting", language=language, mark="wait", amount=amount, choices=choices, links=[done]
            )
        if session["payment_status"] == "unpaid":
            return html.state("failed", language=language, mark="bad", links=[cancelled])
        return self._later.page(session, language, links=[done])

    def _unknown(self, request: web.Request) -> web.Response:
        language = language_of(None, request.headers.get("Accept-Language", ""))
        page = html.state("unknown", language=language, mark="bad")
        return _answer(page, None, status=HTTPStatus.NOT_FOUND)

    async def _list(self, request: web.Request) -> web.Response:
        """Answer the paid checkouts, newest first, so that a person finds them again."""
        language = language_of(None, request.headers.get("Accept-Language", ""))
        paid = [one for one in self._state.newest_first(KIND) if one["payment_status"] == "paid"]
        rows = [(self._line(one, language), f"/c/pay/{one['id']}") for one in paid[:MAX_LISTED]]
        kind = "payments" if rows else "payments_none"
        return _answer(html.state(kind, language=language, mark="good" if rows else "wait", links=rows), None)

    def _line(self, session: StripeObject, language: str) -> str:
        what = self._state.items(session["id"])[0]["description"]
        amount = html.money(session["amount_total"], session["currency"], language)
        return f"{html.when(session['created'], language)} · {what} · {amount}"

    async def _receipt(self, request: web.Request) -> web.Response:
        language = language_of(None, request.headers.get("Accept-Language", ""))
        for charge in self._state.newest_first("charge"):
            if URL(charge["receipt_url"] or "").path == request.path:
                return _answer(_receipt_page(charge, language), None)
        return self._unknown(request)


def _receipt_page(charge: StripeObject, language: str) -> str:
    if charge["status"] != "succeeded":
        return html.state("not_yet", language=language, mark="wait")
    details = charge["payment_method_details"]
    kind = "card" if details["type"] == "card" else "debit"
    facts = {
        "amount": html.money(charge["amount"], charge["currency"], language),
        "date": html.when(charge["created"], language),
        "method": words(language, kind, last4=details[details["type"]]["last4"]),
        "reference": charge["payment_intent"],
    }
    rows = [(words(language, name), value) for name, value in facts.items()]
    return html.state("receipt_from", language=language, mark="good", facts=rows)


def _after(session: StripeObject) -> str | None:
    """Return where the buyer goes once paid. https://docs.stripe.com/payments/checkout/custom-success-page."""
    url = session["success_url"] or session.get("return_url")
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"]) if url else None


def _answer(page: str, session: StripeObject | None, *, status: int = HTTPStatus.OK) -> web.Response:
    policy = POLICY
    after = _after(session) if session is not None else None
    if after is not None:
        # Browsers hold a form to this list through the redirect that follows it.
        policy += f" {URL(after).origin()}"
    headers = {**HEADERS, "Content-Security-Policy": policy}
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)


def _refuse_strangers(request: web.Request) -> Any:
    """Refuse a press that another site's page sent."""
    origin = request.headers.get("Origin")
    if origin is not None and URL(origin).authority != request.host:
        raise web.HTTPForbidden(text="this form belongs to the sandbox's own page")
