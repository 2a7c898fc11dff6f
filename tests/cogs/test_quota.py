"""`quota` in its three forms and two languages."""

import pytest

from tests.cogs.reading import buttons_of, text_of
from tests.cogs.stack import Core
from tests.sandbox.people import People

pytestmark = pytest.mark.usefixtures("running")


async def test_prefix_form_answers_in_the_channel(people: People, core: Core) -> None:
    """The card has the bar of the day and three buttons."""
    await core.spend(40)

    answer = await people.answer_to("!quota")

    assert not answer["ephemeral"]
    assert "`████████░░` 40 / 50" in text_of(answer)
    assert [label for label, _ in buttons_of(answer)] == ["Buy", "History", "Refresh"]
