"""The official Stripe CLI, the local Stripe and the bot: what it triggers arrives, signed, and is taken."""

from pathlib import Path

import pytest

from tests.e2e.town import Town
from tests.sandbox.stripe_cli import program, trigger


@pytest.mark.parametrize(
    "event",
    [
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    ],
)
async def test_a_triggered_event_reaches_the_bot_and_credits_nobody(
    town: Town, tmp_path: Path, event: str
) -> None:
    """The bot believes the signature (200), and knows that the session is none of its own."""
    program()
    before = await town.deliveries()

    run = await trigger(event, api_base=str(town.client._base_url), home=tmp_path)
    await town.all_delivered()
    attempts = (await town.deliveries())[len(before) :]

    assert run.status == 0, run.output
    assert [attempt["status"] for attempt in attempts if attempt["type"] == event] == [200]
