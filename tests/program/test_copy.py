"""`ledger copy`: from the bot's file to PostgreSQL, and the bot goes on there."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quota_core.postgres_database import PostgresDatabase
from quota_core.proof import Proof
from sandbox.places import MEMBER_ID, OPERATOR_ID
from tests.postgres_server import PostgresServer
from tests.program.place import Place, text_of
from tests.program.shared_rows import rows_of
from tests.terminal.ledgers import make_large_ledger, make_ledger

EXIT_IN_USE, EXIT_CONFIG, INTERRUPTED = 75, 78, 130
LARGE = 150_000
PATIENCE_SECONDS = 300


@pytest.fixture
async def url(postgres: PostgresServer) -> AsyncIterator[str]:
    """Return the address of a database without a schema."""
    address = await postgres.new_database(template="template0")
    yield address
    await postgres.drop(address)


async def some_entries(url: str) -> None:
    """Wait until a part of the entries is in the target."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                found = await rows_of(url, "SELECT count(*) FROM entries")
            except LookupError:
                continue  # no table yet
            if found[0][0]:
                assert found[0][0] < LARGE
                return


async def test_the_bot_goes_on_where_the_copy_ends(place: Place, url: str) -> None:
    """Balances, purchases and history are those of the file; the copied ledger is sound, before and after."""
    async with place.bot():
        await place.people.answer_to(f"!admin_quota add <@{MEMBER_ID}> 250 welcome", as_=OPERATOR_ID)
        await place.pay(await place.buy())
        await place.direct_message()
    code, out, err = await place.command("ledger", "copy", "--to", url)
    again, refusal, _ = await place.command("ledger", "copy", "--to", url)
    async with place.bot(DATABASE_URL=url) as bot:
        verified = await bot.status("/readyz")
        quota = await place.people.answer_to("!quota")
        key = (await rows_of(url, "SELECT count(*) FROM entries"))[0][0]
    database = PostgresDatabase(url)
    await database.open()
    verdict = await Proof(database).verify()
    await database.close()

    assert code == 0, out + err
    assert "2 entries proved: the ledger is sound" in out
    assert "set DATABASE_URL" in out
    assert again == 1
    assert "holds another ledger already" in refusal
    assert verified == 200
    assert "1,250" in text_of(quota)
    assert key == 2
    assert verdict.problems == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_a_copy_that_is_cut_off_keeps_bots_away_and_goes_on(
    place: Place, url: str, number: signal.Signals
) -> None:
    """No bot starts on a half ledger; and a ledger that is not sound never becomes one that can be used."""
    await make_large_ledger(place.cwd / "large" / "quota.db", LARGE)
    settings = {"DATABASE_URL": f"sqlite:///{place.cwd / 'large' / 'quota.db'}"}
    command = ("ledger", "copy", "--to", url)
    async with place.program(*command, **settings) as program:
        await some_entries(url)
        program.signal(number)
        code = await program.ended()
    first = (await rows_of(url, "SELECT count(*) FROM entries"))[0][0]
    async with place.program("run", "--only", "http", DATABASE_URL=url) as bot:
        refused = await bot.ended()
    async with place.program(*command, **settings) as program:
        ended = await program.ended()
    second = (await rows_of(url, "SELECT count(*) FROM entries"))[0][0]

    assert code == (INTERRUPTED if number is signal.SIGINT else -signal.SIGKILL)
    assert refused == EXIT_CONFIG
    assert "a copy that is not complete" in str(bot.log)
    assert first < second == LARGE
    assert ended == 1
    assert "the copy is not sound" in str(program.out)


async def test_a_running_bot_is_not_copied_from_under_its_feet(place: Place, url: str) -> None:
    """It has to stop first, and goes on undisturbed."""
    async with place.bot() as bot:
        code, _, err = await place.command("ledger", "copy", "--to", url)
        alive = await bot.status("/healthz")

    assert code == EXIT_IN_USE
    assert "in use by another process; stop that one first" in err
    assert alive == 200


async def test_what_cannot_be_copied_is_named(place: Place, tmp_path: Path, url: str) -> None:
    """No ledger, no PostgreSQL, or a setting that leads to PostgreSQL already."""
    nothing = await place.command("ledger", "copy", "--to", url)
    await make_ledger(place.data / "quota.db")
    wrong = await place.command("ledger", "copy", "--to", f"sqlite:///{tmp_path / 'other.db'}")
    away = await place.command("ledger", "copy", "--to", "postgresql://me@127.0.0.1:9/ledger")

    assert nothing[0] == 1
    assert "there is no ledger" in nothing[1]
    assert wrong[0] == 2
    assert "--to takes the address of a PostgreSQL database" in wrong[2]
    assert away[0] == 1
    assert "the same command goes on" in away[1]
    assert not (tmp_path / "other.db").exists()


async def test_on_postgresql_backups_are_its_own(shared: Place, tmp_path: Path) -> None:
    """The commands say which program does it, and change nothing."""
    saved = await shared.command("ledger", "backup", str(tmp_path / "copy.db"))
    restored = await shared.command("ledger", "restore", str(tmp_path / "copy.db"), "--yes")
    moved = await shared.command("ledger", "copy", "--to", shared.more["DATABASE_URL"])
    async with shared.program("run", BACKUP_FOLDER=str(tmp_path)) as program:
        scheduled = await program.ended()

    assert saved[0] == 1
    assert "pg_dump" in saved[1]
    assert restored[0] == 1
    assert "pg_restore" in restored[2]
    assert moved[0] == EXIT_CONFIG
    assert "names PostgreSQL" in moved[2]
    assert scheduled == EXIT_CONFIG
    assert "BACKUP_FOLDER: " in str(program.log)
    assert not (tmp_path / "copy.db").exists()
