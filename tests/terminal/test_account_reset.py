"""`account reset`, beside the running bot and without it."""

from pathlib import Path

from tests.program.place import Place, opened_place


async def test_an_account_is_prepared_beside_the_bot_and_without_it(tmp_path: Path) -> None:
    """The quota shows it at once; the ledger stays sound; nonsense is told in a line."""
    async with opened_place(tmp_path) as place:
        async with place.bot() as bot:
            typo, warned, _ = await reset(place, "--account", "user:1", "--target", "90")
            code, said, _ = await reset(
                place, "--account", "user:1", "--metric", "requests", "--target", "90", "--new"
            )
            key = await bot.key("quota:read")
            shown = await bot.json("/api/quota/1", headers=key)
        later, emptied, _ = await reset(place, "--account", "1")
        sound, _, _ = await place.command("ledger", "verify")
        wrong, why, _ = await reset(place, "--account", "user:", "--target", "5")
        beyond, bounds, _ = await reset(place, "--account", "user:1", "--target", "101")
        strange, unknown, _ = await reset(place, "--account", "user:1", "--metric", "teapots")

    assert (typo, code, later, sound) == (1, 0, 0, 0)
    assert "nothing is known of user:1" in warned
    assert "--new" in warned
    assert said == "this day: 0 used before, 45 of 50 now"
    assert (shown["daily_used"], shown["daily_remaining"]) == (45, 5)
    assert emptied == "this day: 45 used before, 0 of 50 now"
    assert (wrong, beyond, strange) == (2, 2, 1)
    assert "user:1" in why
    assert "0 to 100" in bounds
    assert "no such metric" in unknown


async def reset(place: Place, *arguments: str) -> tuple[int, str, str]:
    """Run the command."""
    return await place.command("account", "reset", *arguments)
