"""What each error of Discord means for an owed message, and how fast channels are opened."""

import asyncio
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from cogs.deliveries import Fate, verdict_on
from cogs.opening_pace import BURST, FIRST_PAUSE_SECONDS, LONG_SECONDS, MAX_IN_LONG, OpeningPace


def refusal(status: int, code: int = 0, **headers: str) -> discord.HTTPException:
    """Return the error that discord.py makes of an answer."""
    answer: Any = SimpleNamespace(
        status=status, reason="", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    kinds = {403: discord.Forbidden, 404: discord.NotFound}
    kind = discord.DiscordServerError if status >= 500 else kinds.get(status, discord.HTTPException)
    return kind(answer, {"code": code, "message": "so it is"})


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (refusal(403, 50007), Fate.KEEP),
        (refusal(403, 50278), Fate.KEEP),
        (refusal(403, 50001), Fate.KEEP),
        (refusal(400, 50035), Fate.KEEP),
        (refusal(404, 10013), Fate.GIVE_UP),
        (refusal(400, 50033), Fate.GIVE_UP),
        (refusal(404, 10003), Fate.REOPEN),
        (refusal(403, 40003), Fate.SLOW_DOWN),
        (refusal(403, 20026), Fate.SLOW_DOWN),
        (refusal(401), Fate.STOP),
        *[(refusal(status), Fate.LATER) for status in (429, 500, 502, 503, 504, 520, 522, 524, 529)],
        (TimeoutError(), Fate.LATER),
        (ConnectionResetError(), Fate.LATER),
        (TypeError("an answer that is no JSON"), Fate.LATER),
        (asyncio.IncompleteReadError(b"", 1), Fate.LATER),
    ],
)
def test_every_error_has_one_meaning(error: Exception, fate: Fate) -> None:
    """Final refusals are never repeated; what may have arrived always is."""
    assert verdict_on(error).fate is fate


@pytest.mark.parametrize(
    ("said", "waited"), [("2.5", 2.5), ("600", 600), ("99999999", 3600), ("-3", 0), ("soon", None)]
)
def test_discord_says_how_long_within_reason(said: str, waited: float | None) -> None:
    """An hour at most, whatever the header holds."""
    assert verdict_on(refusal(429, Retry_After=said)).after_seconds == waited


def test_a_rate_limit_that_discord_py_would_not_wait_out() -> None:
    """It tells the pause, and the message is put off by it."""
    assert verdict_on(discord.RateLimited(120)).after_seconds == 120


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_burst_then_one_in_two_seconds() -> None:
    """Five people at once are answered at once; the sixth waits two seconds."""
    hands = Hands()
    pace = OpeningPace(monotonic=hands)
    waits = []
    for _ in range(BURST + 1):
        waits.append(pace.wait_seconds())
        pace.opens()
        hands.seconds += waits[-1]

    assert waits == [0] * BURST + [2]


def test_twenty_in_ten_minutes() -> None:
    """However slowly they come."""
    hands = Hands()
    pace = OpeningPace(monotonic=hands)
    for _ in range(MAX_IN_LONG):
        assert pace.wait_seconds() == 0
        pace.opens()
        hands.seconds += 10

    assert pace.wait_seconds() == LONG_SECONDS - 10 * MAX_IN_LONG


def test_a_complaint_closes_for_longer_each_time() -> None:
    """Until one goes well again."""
    pace = OpeningPace(monotonic=Hands())

    assert pace.trip() == FIRST_PAUSE_SECONDS
    assert pace.trip() == 2 * FIRST_PAUSE_SECONDS
    assert pace.wait_seconds() == 2 * FIRST_PAUSE_SECONDS
    pace.went_well()
    assert pace.trip() == FIRST_PAUSE_SECONDS
