"""Holds over HTTP: placed, settled, released, once each."""

from typing import Any

import pytest

from tests.webhooks.running import ANA, Running

HOLD = {"user_id": ANA.external_id, "module": "requests", "units": 10, "ttl_seconds": 60, "request_id": "job"}


async def asked(bot: Running, what: str, **body: Any) -> tuple[int, Any]:
    """Hold, or end a hold, of Ana's."""
    facts = {"user_id": ANA.external_id, "request_id": "job"} | body
    status, answer, _ = await bot.ask("POST", f"/api/credits/{what}", json=facts, headers=await bot.key())
    return status, answer


async def test_what_was_used_is_settled_and_the_rest_comes_back(alone: Running) -> None:
    """Each call again is a replay of the first answer."""
    alone.watch.to_noon()
    first, again = await asked(alone, "hold", **HOLD), await asked(alone, "hold", **HOLD)
    settled, twice = await asked(alone, "settle", units=4), await asked(alone, "settle", units=4)

    assert first[0] == 200
    assert (first[1]["held"]["allowance"], first[1]["left"]["allowance"]) == (10, 40)
    assert again == (200, first[1] | {"replayed": True})
    assert (settled[1]["status"], settled[1]["units"], settled[1]["units_held"]) == ("settled", 4, 10)
    assert settled[1]["left"]["allowance"] == 46
    assert twice == (200, settled[1] | {"replayed": True})


async def test_a_hold_ends_once(alone: Running) -> None:
    """Another end, more than was held, and a name that nothing is held under are refused."""
    await asked(alone, "hold", **HOLD)
    more = await asked(alone, "settle", units=11)
    released = await asked(alone, "release")
    after = await asked(alone, "settle", units=1)
    unknown = await asked(alone, "release", request_id="other")

    assert (more[0], released[0], released[1]["status"]) == (422, 200, "released")
    assert (after[0], after[1]["type"]) == (409, "urn:jauge:problem:hold-ended")
    assert (unknown[0], unknown[1]["type"]) == (404, "urn:jauge:problem:unknown-hold")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"units": 51}, 429),
        ({"ttl_seconds": 0}, 422),
        ({"ttl_seconds": 86_401}, 422),
        ({"module": "bananas"}, 404),
        ({"units": 0}, 422),
        ({"metric": "requests"}, 422),
    ],
)
async def test_what_cannot_be_held_is_refused(alone: Running, body: dict[str, Any], status: int) -> None:
    """As `consume` refuses it; nothing is held."""
    answered = await asked(alone, "hold", **(HOLD | body))

    assert answered[0] == status
    assert await alone.rows("SELECT * FROM holds") == []
