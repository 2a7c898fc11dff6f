"""Payment methods: the test cards and test bank accounts that Stripe publishes, and how each behaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stripe.params import PaymentMethodAttachParams, PaymentMethodCreateParams

from sandbox.stripe_api import Call, Endpoint
from sandbox.stripe_errors import StripeRefusal, missing, not_simulated
from sandbox.stripe_events import EventLog
from sandbox.stripe_forms import merged_metadata
from sandbox.stripe_objects import new_id, random_text, shaped
from sandbox.stripe_params import members_of
from sandbox.stripe_state import StripeObject, StripeState

PATH = "/v1/payment_methods"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCard:
    """
    A card of https://docs.stripe.com/testing.

    Attributes:
        number: as a buyer types it.
        decline_code: why a charge of it is declined; empty when it is paid.
        afterwards: what happens to a paid charge of it later, if anything.

    """

    __test__ = False  # pytest takes the name for a test

    number: str
    brand: str = "visa"
    decline_code: str = ""
    afterwards: str = ""


DISPUTE, INQUIRY, PENDING_REFUND, REFUND_FAILS = "dispute", "inquiry", "pending refund", "refund fails"
# By the names that follow `pm_card_` and `tok_`.
CARDS = {
    "visa": TestCard(number="4242424242424242"),
    "visa_debit": TestCard(number="4000056655665556"),
    "mastercard": TestCard(number="5555555555554444", brand="mastercard"),
    "amex": TestCard(number="378282246310005", brand="amex"),
    "discover": TestCard(number="6011111111111117", brand="discover"),
    "chargeDeclined": TestCard(number="4000000000000002", decline_code="generic_decline"),
    "visa_chargeDeclined": TestCard(number="4000000000000002", decline_code="generic_decline"),
    "chargeDeclinedInsufficientFunds": TestCard(number="4000000000009995", decline_code="insufficient_funds"),
    "visa_chargeDeclinedInsufficientFunds": TestCard(
        number="4000000000009995", decline_code="insufficient_funds"
    ),
    "chargeDeclinedLostCard": TestCard(number="4000000000009987", decline_code="lost_card"),
    "chargeDeclinedStolenCard": TestCard(number="4000000000009979", decline_code="stolen_card"),
    "chargeDeclinedExpiredCard": TestCard(number="4000000000000069", decline_code="expired_card"),
    "chargeDeclinedIncorrectCvc": TestCard(number="4000000000000127", decline_code="incorrect_cvc"),
    "chargeDeclinedProcessingError": TestCard(number="4000000000000119", decline_code="processing_error"),
    "createDispute": TestCard(number="4000000000000259", afterwards=DISPUTE),
    "createDisputeInquiry": TestCard(number="4000000000001976", afterwards=INQUIRY),
    "pendingRefund": TestCard(number="4000000000007726", afterwards=PENDING_REFUND),
    "refundFail": TestCard(number="4000000000005126", afterwards=REFUND_FAILS),
}
# These codes stand for themselves; every other decline has the code `card_declined`.
# https://docs.stripe.com/declines/codes
OWN_CODES = frozenset({"expired_card", "incorrect_cvc", "processing_error"})
# Accounts whose bank says no, as published and as the CLI's `async_payment_failed` uses them.
FAILING_IBANS = frozenset({"AT861904300235473202", "DE62370400440532013001", "IT60X0542811101000000123456"})
FAIL = "the bank refuses"


class PaymentMethods:
    """The account's payment methods."""

    def __init__(self, state: StripeState, events: EventLog) -> None:
        self._state = state
        self._events = events
        # What a method does when it is charged: a decline code, FAIL, or nothing.
        self._behaviour: dict[str, str] = state.shelf("behaviour")
        self._afterwards: dict[str, str] = state.shelf("afterwards")

    def endpoints(self) -> list[Endpoint]:
        """Return the methods that make, read and attach payment methods."""
        create, attach = members_of(PaymentMethodCreateParams), members_of(PaymentMethodAttachParams)
        one = f"{PATH}/{{id}}"
        return [
            Endpoint(method="POST", path=PATH, handle=self._create, params=create),
            Endpoint(method="GET", path=one, handle=self._retrieve),
            Endpoint(method="POST", path=f"{one}/attach", handle=self._attach, params=attach),
        ]

    def decline_code(self, method_id: str) -> str:
        """Return why a charge of this method is declined, FAIL for a bank that says no later, or empty."""
        return self._behaviour.get(method_id, "")

    def afterwards(self, method_id: str) -> str:
        """Return what happens to a paid charge of this method later, or nothing."""
        return self._afterwards.get(method_id, "")

    def resolve(self, method_id: str, *, live: bool, param: str) -> StripeObject:
        """Return the method of this id; `pm_card_visa` and its like make a new one on each use."""
        card = CARDS.get(method_id.removeprefix("pm_card_")) if method_id.startswith("pm_card_") else None
        if card is not None:
            return self.card(card, live=live)
        return self._state.get("payment_method", method_id, live=live, param=param)

    def card(self, card: TestCard, *, live: bool, **values: Any) -> StripeObject:
        """Return a new payment method for a test card."""
        details = shaped("card", brand=card.brand, display_brand=card.brand, last4=card.number[-4:])
        details |= {
            "fingerprint": random_text(16),
            "networks": {"available": [card.brand], "preferred": None},
        }
        made = self._keep("card", details, card.decline_code, live=live, **values)
        self._afterwards[made["id"]] = card.afterwards
        return made

    def bank_debit(self, iban: str, *, live: bool, **values: Any) -> StripeObject:
        """Return a new payment method that debits the bank account `iban`, which takes days."""
        details = shaped(
            "sepa_debit",
            bank_code=iban[4:9],
            country=iban[:2],
            fingerprint=random_text(16),
            last4=iban[-4:],
        )
        behaviour = FAIL if iban in FAILING_IBANS else ""
        return self._keep("sepa_debit", details, behaviour, live=live, **values)

    def _keep(
        self, kind: str, details: Mapping[str, Any], behaviour: str, *, live: bool, **values: Any
    ) -> StripeObject:
        made = shaped("payment_method", id=new_id("pm"), type=kind, **values) | {kind: dict(details)}
        self._behaviour[made["id"]] = behaviour
        return self._state.add(made, live=live)

    def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        if "type" not in params:
            raise missing("type")
        values = {
            "metadata": merged_metadata({}, params.get("metadata")),
            "billing_details": _billing(params),
        }
        if params["type"] == "card":
            return self.card(_card(params.get("card")), live=call.live, **values)
        if params["type"] == "sepa_debit":
            iban = params.get("sepa_debit", {}).get("iban")
            if iban is None:
                raise missing("sepa_debit[iban]")
            return self.bank_debit(iban.replace(" ", "").upper(), live=call.live, **values)
        raise not_simulated(f"payment methods of the type {params['type']}", param="type")

    def _retrieve(self, call: Call) -> dict[str, Any]:
        return self._state.get("payment_method", call.ids["id"], live=call.live)

    def _attach(self, call: Call) -> dict[str, Any]:
        if "customer" not in call.params:
            raise missing("customer")
        customer = self._state.get("customer", call.params["customer"], live=call.live, param="customer")
        method = self.resolve(call.ids["id"], live=call.live, param="")
        if method["customer"] not in (None, customer["id"]):
            raise StripeRefusal("The payment method you provided has already been attached to a customer.")
        method["customer"] = customer["id"]
        self._events.emit("payment_method.attached", method, call)
        return method


def _card(data: Mapping[str, Any] | str | None) -> TestCard:
    """Return the test card that a number or a token names."""
    if not isinstance(data, Mapping) or not ("token" in data or "number" in data):
        raise missing("card[token]")
    if "token" in data:
        card = CARDS.get(data["token"].removeprefix("tok_"))
        if card is None:
            raise StripeRefusal(
                f"No such token: '{data['token']}'", code="resource_missing", param="card[token]"
            )
        return card
    number = data["number"].replace(" ", "")
    for card in CARDS.values():
        if card.number == number:
            return card
    raise StripeRefusal(
        "Your card number is incorrect.",
        status=402,
        kind="card_error",
        code="incorrect_number",
        param="card[number]",
    )


def _billing(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return complete billing details from those given."""
    empty: dict[str, Any] = shaped("payment_method")["billing_details"]
    given = params.get("billing_details", {})
    address = empty["address"] | {key: value or None for key, value in (given.get("address") or {}).items()}
    return empty | {key: value or None for key, value in given.items()} | {"address": address}
