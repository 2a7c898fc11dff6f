"""What events of refunds and disputes mean; whatever is strange in them means nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota_core.after_sale import DISPUTED, REFUND_FAILED, REFUND_STANDS, Movement, moved
from webhooks.stripe_reversals import TYPES, reversal_in

AT = 1_800_000_000
REFUND = {"id": "re_1", "amount": 500, "currency": "eur", "payment_intent": "pi_1", "status": "succeeded"}
CHARGE = {"id": "ch_1", "amount_refunded": 700, "currency": "eur", "payment_intent": {"id": "pi_1"}}
DISPUTE = {"id": "du_1", "amount": 1499, "currency": "eur", "payment_intent": "pi_1"}


def meaning(kind: str, subject: Any, **changes: Any) -> tuple[Any, ...] | None:
    """Return (kind, reference, amount, standing) of an event's meaning."""
    found = reversal_in("evt_1", kind, {**subject, **changes}, created_seconds=AT, livemode=False)
    if found is None:
        return None
    assert (found.payment, found.currency, found.livemode) == ("pi_1", "eur", False)
    return found.kind, found.reference, found.amount_minor, found.standing


@pytest.mark.parametrize(
    "kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"]
)
@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("pending", REFUND_STANDS),
        ("requires_action", REFUND_STANDS),
        ("succeeded", REFUND_STANDS),
        ("failed", REFUND_FAILED),
        ("canceled", REFUND_FAILED),
    ],
)
def test_a_refund_stands_until_it_failed(kind: str, status: str, standing: int) -> None:
    """Whichever event says so."""
    assert meaning(kind, REFUND, status=status) == ("refund", "re_1", 500, standing)


def test_a_charge_tells_the_sum_of_its_refunds() -> None:
    """Its own id is the payment's, of which there is one sum."""
    assert meaning("charge.refunded", CHARGE) == ("sum", "pi_1", 700, 0)


@pytest.mark.parametrize(
    ("kind", "status", "standing"),
    [
        ("created", "needs_response", DISPUTED),
        ("updated", "under_review", DISPUTED),
        ("funds_withdrawn", "needs_response", moved(AT, Movement.WITHDRAWN)),
        ("closed", "lost", moved(AT, Movement.LOST)),
        ("closed", "won", moved(AT, Movement.WON)),
        ("funds_reinstated", "won", moved(AT, Movement.REINSTATED)),
        ("funds_reinstated", "lost", moved(AT, Movement.REINSTATED)),
    ],
)
def test_a_dispute_is_where_its_money_is(kind: str, status: str, standing: int) -> None:
    """A closed one by its status, a movement by its event."""
    assert meaning(f"charge.dispute.{kind}", DISPUTE, status=status) == ("dispute", "du_1", 1499, standing)


@pytest.mark.parametrize(
    "status",
    [
        *("warning_needs_response", "warning_under_review", "warning_closed", "prevented"),
        *("appeal_needs_response", "something_new", "", None, 7),
    ],
)
def test_an_inquiry_and_an_unknown_status_change_nothing(status: Any) -> None:
    """Nothing is frozen, nothing is taken, nothing breaks."""
    assert meaning("charge.dispute.created", DISPUTE, status=status) is None


strange = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from(TYPES),
    st.dictionaries(
        st.sampled_from(["id", "amount", "amount_refunded", "currency", "payment_intent", "status"]), strange
    ),
    st.integers(),
)
def test_strange_objects_never_raise(kind: str, changes: dict[str, Any], created: int) -> None:
    """F35: a field that is no such thing is no report."""
    found = reversal_in("evt_1", kind, {**DISPUTE, **changes}, created_seconds=created, livemode=True)

    assert found is None or (found.amount_minor >= 0 and 0 <= found.standing < 2**63)
