"""What a person at the page of a paid checkout can let happen later: refunds, disputes, and how they end."""

from collections.abc import Sequence

from sandbox import stripe_page_html as html
from sandbox.stripe_after_sale import AfterSaleControl
from sandbox.stripe_cashier import Cashier
from sandbox.stripe_disputes import ENDED
from sandbox.stripe_page_html import Choice, choice_of
from sandbox.stripe_page_text import words
from sandbox.stripe_state import StripeObject

STEPS = {"escalated": "bad", "closed": "good", "won": "good", "lost": "bad"}
LATER = frozenset({"refund_all", "refund_half", "refund_fails", "inquiry", "chargeback", *STEPS})


class LaterPage:
    """Shows a paid checkout, and does what its buttons say."""

    def __init__(self, cashier: Cashier, after_sale: AfterSaleControl) -> None:
        self._cashier = cashier
        self._after_sale = after_sale

    def page(self, session: StripeObject, language: str, *, links: Sequence[tuple[str, str]]) -> str:
        """Return the page: where money and dispute stand, what can happen now, the receipt, and `links`."""
        charge = self._cashier.charge_of(session)
        receipt = (words(language, "see_receipt"), charge["receipt_url"] if charge else "")
        return html.state(
            "paid",
            language=language,
            mark="good",
            facts=self._facts(charge, language) if charge else (),
            choices=self._choices(charge, language) if charge else (),
            links=[receipt, *links],
        )

    def do(self, choice: str, session: StripeObject) -> None:
        """
        Do what a button says; one that is not offered any more does nothing.

        Raises:
            StripeRefusal: Stripe does not do that now.

        """
        charge = self._cashier.charge_of(session)
        if charge is None or choice not in {one.name for one in self._choices(charge, "en")}:
            return
        dispute = self._after_sale.dispute_of(charge)
        if choice in STEPS and dispute is not None:
            self._after_sale.dispute_moves(dispute["id"], choice)
        elif choice in ("inquiry", "chargeback"):
            self._after_sale.dispute(session, choice)
        elif choice == "refund_fails":
            self._after_sale.refund_ends(self._after_sale.refunds_of(charge)[0]["id"], paid=False)
        else:
            self._after_sale.refund(session, _half_of(charge) if choice == "refund_half" else None)

    def _facts(self, charge: StripeObject, language: str) -> list[tuple[str, str]]:
        facts = []
        if charge["amount_refunded"]:
            facts.append(
                (words(language, "fact_refunded"), _money(charge, charge["amount_refunded"], language))
            )
        dispute = self._after_sale.dispute_of(charge)
        if dispute is not None:
            facts.append((words(language, "fact_dispute"), words(language, f"dispute_{dispute['status']}")))
        return facts

    def _choices(self, charge: StripeObject, language: str) -> list[Choice]:
        """Return what Stripe would let happen now."""
        made = []
        left_minor = charge["amount_captured"] - charge["amount_refunded"]
        dispute = self._after_sale.dispute_of(charge)
        if left_minor and (dispute is None or dispute["is_charge_refundable"]):
            made.append(
                choice_of("refund_all", "back", language, amount=_money(charge, left_minor, language))
            )
            if half_minor := _half_of(charge):
                amount = _money(charge, half_minor, language)
                made.append(choice_of("refund_half", "back", language, amount=amount))
        refunds = self._after_sale.refunds_of(charge)
        if refunds and refunds[0]["status"] == "succeeded":
            amount = _money(charge, refunds[0]["amount"], language)
            made.append(choice_of("refund_fails", "bad", language, amount=amount))
        if dispute is None and left_minor:
            made += [choice_of("inquiry", "ask", language), choice_of("chargeback", "bad", language)]
        elif dispute is not None and dispute["status"] not in ENDED:
            is_inquiry = dispute["status"].startswith("warning_")
            steps = ("escalated", "closed") if is_inquiry else ("won", "lost")
            made += [choice_of(step, STEPS[step], language) for step in steps]
        return made


def _half_of(charge: StripeObject) -> int:
    return int((charge["amount_captured"] - charge["amount_refunded"]) // 2)


def _money(charge: StripeObject, amount_minor: int, language: str) -> str:
    return html.money(amount_minor, charge["currency"], language)
