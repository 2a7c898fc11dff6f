"""What is kept of a person, and being forgotten, through a real client."""

import json

import aiohttp
import pytest

from quota_core.accounts import AccountRef
from sandbox.places import FRIEND_ID, MEMBER_ID
from tests.cogs.stack import Core
from tests.cogs.talk import Talk, labels_of, text_of, title_of

DAY_MS = 86_400_000
pytestmark = pytest.mark.usefixtures("running")


async def test_in_a_server_only_a_button_is_public(talk: Talk) -> None:
    """What is kept is its owner's business."""
    public = await talk.answer_to("!privacy")
    private = await talk.press_label(public, "Show it to me only")

    assert "identifier" not in text_of(public)
    assert not public["ephemeral"]
    assert private["ephemeral"]
    assert labels_of(private) == ["Get my data", "Forget me"]


async def test_everything_that_is_kept_comes_as_a_file(talk: Talk, core: Core) -> None:
    """Of oneself, and of nobody else."""
    await core.spend(2)
    await core.spend(5, user_id=FRIEND_ID, key="a friend's")
    answer = await talk.press_label(await talk.slash("privacy"), "Get my data")
    [file] = answer["attachments"]
    async with aiohttp.ClientSession() as http, http.get(file["url"]) as response:
        content = await response.read()

    assert answer["ephemeral"]
    assert json.loads(content)["account"] == f"user:{MEMBER_ID}"
    assert str(FRIEND_ID) not in content.decode()


async def test_being_forgotten_is_asked_twice_and_can_be_called_off(talk: Talk, core: Core) -> None:
    """With what would be lost in between."""
    await core.spend(2)
    asked = await talk.press_label(await talk.slash("privacy"), "Forget me")
    planned = await talk.press_label(asked, "Yes, forget me")
    again = await talk.slash("privacy")
    stays = await talk.press_label(again, "Keep my account")
    core.clock.ahead_ms += 40 * DAY_MS
    done = await core.parts.erasures.carry_out_due()

    assert "cannot be undone" in text_of(asked)
    assert title_of(planned) == "🗑️ You will be forgotten"
    assert labels_of(again) == ["Get my data", "Keep my account"]
    assert title_of(stays) == "✅ You stay"
    assert (done, await core.used()) == (0, 0)


async def test_once_it_is_due_the_account_is_gone(talk: Talk, core: Core) -> None:
    """The next command finds somebody new."""
    await core.spend(2)
    await talk.press_label(await talk.press_label(await talk.slash("privacy"), "Forget me"), "Yes, forget me")
    core.clock.ahead_ms += 2 * DAY_MS
    done = await core.parts.erasures.carry_out_due()

    assert done == 1
    assert await core.parts.personal_data.of(AccountRef("user", str(MEMBER_ID))) is None


async def test_french(talk: Talk) -> None:
    """Card and buttons."""
    await talk.speaks("fr")
    answer = await talk.slash("privacy")

    assert title_of(answer) == "🔐 Vos données"
    assert labels_of(answer) == ["Recevoir mes données", "M'oublier"]
