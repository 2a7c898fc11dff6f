"""`python bot.py sandbox`, stopped and started again: what a person bought stays bought, and can be refunded."""

from __future__ import annotations

from pathlib import Path

from quota_core.catalog_file import load
from sandbox.places import OPERATOR_ID
from tests.cogs.talk import buttons_of
from tests.e2e.program import Sandbox
from tests.e2e.town import Held, Town, heading_of
from tests.program.process import finished


def people_of(program: Sandbox) -> Town:
    """Return the people of a running sandbox."""
    return Town(
        program.facts["sandbox"],
        bot=program,
        api_key=program.facts["key"],
        secret="",
        catalog=load("quota-manager"),
        held=Held(),
        newcomers=[],
    )


async def test_a_purchase_is_refunded_after_a_restart_and_commands_find_the_sandbox(tmp_path: Path) -> None:
    """Also after a kill; the doctor is content, and the prices can be compared, with `--data` alone."""
    with Sandbox(tmp_path) as program:
        async with people_of(program) as town:
            who = await town.newcomer()
            after = await town.last_dm(who)
            offer = await town.offer("quota_1000", as_=who)
            await town.pay(offer.checkout)
            await town.next_dm(after, who)
            await town.settle()
        program.stop()
        program.start()
        place = ("--data", str(program.data))
        doctor, said, _ = await finished("doctor", *place, settings={}, cwd=tmp_path)
        verify, compared, _ = await finished("stripe", "verify", *place, settings={}, cwd=tmp_path)
        async with people_of(program) as town:
            card = await town.slash("admin_quota refund", as_=OPERATOR_ID, order=offer.order)
            ((_, custom_id),) = buttons_of(card)
            answer = await town.press_id(card, custom_id, as_=OPERATOR_ID, force=True)
            await town.settle()
            left = (await town.quota(who))["purchased_quota"]
    hidden = (program.data / ".env").stat().st_mode & 0o777

    assert (doctor, "TO DO" in said) == (0, False), said
    assert (verify, "catalog and Stripe agree" in compared) == (0, True), compared
    assert heading_of(answer) == "✅ Refunded"
    assert left == 0
    assert hidden == 0o600
