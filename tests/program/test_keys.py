from sandbox.places import MEMBER_ID
from tests.program.place import Place


async def test_keys_made_and_revoked_beside_the_running_bot_count_at_once(place: Place) -> None:
    """No restart: the command asks the process that owns the database."""
    async with place.bot() as bot:
        path = f"/api/quota/{MEMBER_ID}"
        before = await bot.status(path)
        key = await bot.key("quota:read")
        allowed = await bot.status(path, headers=key)
        key_id = key["Authorization"].split("_")[1]
        listed, lines, _ = await place.command("keys", "list")
        revoked, _, _ = await place.command("keys", "revoke", key_id)
        after = await bot.status(path, headers=key)

    assert (before, allowed, after) == (401, 200, 401)
    assert (listed, revoked) == (0, 0)
    assert key_id in lines
    assert key["Authorization"].split("_", 2)[2] not in lines  # it may hold that character itself


async def test_keys_are_made_and_revoked_without_the_bot_too(place: Place) -> None:
    """What was done while it was down holds when it comes up."""
    made, out, _ = await place.command("keys", "create", "cron", "--scopes", "quota:read")
    gone, out_gone, _ = await place.command("keys", "create", "old", "--scopes", "quota:read")
    revoked, _, _ = await place.command("keys", "revoke", out_gone.split("_")[1])
    async with place.bot() as bot:
        path = f"/api/quota/{MEMBER_ID}"
        kept = await bot.status(path, headers={"Authorization": f"Bearer {out.splitlines()[0]}"})
        lost = await bot.status(path, headers={"Authorization": f"Bearer {out_gone.splitlines()[0]}"})

    assert (made, gone, revoked) == (0, 0, 0)
    assert (kept, lost) == (200, 401)


async def test_a_key_of_one_account_sees_that_account_alone(place: Place) -> None:
    """Bound at the command line, held at the API; its own account is found as anybody's."""
    _, out, _ = await place.command(
        "keys", "create", "mine", "--scopes", "quota:read", "--account", str(MEMBER_ID)
    )
    key = {"Authorization": f"Bearer {out.splitlines()[0]}"}
    async with place.bot() as bot:
        own = await bot.status(f"/api/quota/{MEMBER_ID}", headers=key)
        other = await bot.status("/api/quota/1", headers=key)

    assert own == 200
    assert other in {403, 404}


async def test_a_wrong_command_is_explained_and_changes_nothing(place: Place) -> None:
    """An unknown scope lists the known ones; an unknown key id is bad news."""
    unknown, out, err = await place.command("keys", "create", "x", "--scopes", "everything")
    absent, _, _ = await place.command("keys", "revoke", "000000000000")
    _, listed, _ = await place.command("keys", "list")

    assert (unknown, absent) == (2, 1)
    assert "no scope is called everything; there are quota:read, " in out + err
    assert "Traceback" not in err
    assert "no keys yet" in listed


async def test_the_ledger_is_verified_beside_the_running_bot_and_without_it(place: Place) -> None:
    """The same figures either way."""
    async with place.bot():
        await place.people.answer_to("!quota")
        beside, beside_out, _ = await place.command("ledger", "verify")
    alone, alone_out, _ = await place.command("ledger", "verify")

    assert (beside, alone) == (0, 0)
    assert "the ledger is sound" in beside_out
    assert beside_out.split(" entries")[0] == alone_out.split(" entries")[0]
