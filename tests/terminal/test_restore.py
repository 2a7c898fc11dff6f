import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.errors import DatabaseInUseError, SchemaError
from terminal.reply import OnlyLines
from terminal.restore import Agree, Restore
from tests.core.opened_ledger import OpenLedger, SteerableClock, open_ledger
from tests.core.test_database import other_process, told
from tests.terminal.ledgers import ANA, bytes_of, make_ledger, names_in, proved


async def yes(question: str) -> bool:
    """Agree."""
    assert question.endswith("sound)?")
    return True


async def no(question: str) -> bool:
    """Refuse."""
    del question
    return False


async def restore(source: Path, ledger: Path, agree: Agree = yes) -> tuple[int, str]:
    """Restore, and return the exit code and what was said."""
    lines: list[str] = []
    code = await Restore(
        source=source, ledger=ledger, agree=agree, reply=OnlyLines(lines.append), clock=SteerableClock()
    ).run()
    return code, "\n".join(lines)


@pytest.fixture
async def backup(tmp_path: Path) -> Path:
    """Return a back-up of 36 entries."""
    file = tmp_path / "backups" / "backup.db"
    await make_ledger(file)
    return file


@pytest.fixture
async def later(tmp_path: Path, catalog: Catalog, clock: SteerableClock) -> Path:
    """Return the file of a ledger with one entry, in a folder of its own."""
    file = tmp_path / "data" / "quota.db"
    file.parent.mkdir()
    ledger = await open_ledger(file, catalog=catalog, clock=clock)
    await ledger.quota.consume(AccountRef("user", "77"), 1, key="later")
    await ledger.close()
    return file


async def test_a_backup_takes_the_place_of_the_ledger_which_is_kept_aside(backup: Path, later: Path) -> None:
    """Both are sound afterwards, and the back-up itself is as it was to the byte."""
    before = bytes_of(backup)
    code, said = await restore(backup, later)
    aside = "quota-before-restore-20261120T120000000Z.db"

    assert code == 0
    assert "36 entries, the ledger is sound" in said
    assert aside in said
    assert names_in(later.parent) == {"quota.db", aside}
    assert len(await proved(later)) == 36
    assert len(await proved(later.with_name(aside))) == 1
    assert bytes_of(backup) == before
    assert names_in(backup.parent) == {"backup.db"}


async def test_a_ledger_that_is_gone_is_restored_too(backup: Path, tmp_path: Path) -> None:
    """The case for which back-ups are made; a log without its file is kept aside, never applied to another."""
    ledger = tmp_path / "new" / "quota.db"
    ledger.parent.mkdir()
    ledger.with_name("quota.db-wal").write_bytes(b"of a file that is gone")
    code, _ = await restore(backup, ledger)

    assert code == 0
    assert names_in(ledger.parent) == {"quota.db", "quota-before-restore-20261120T120000000Z.db-wal"}
    assert len(await proved(ledger)) == 36


async def test_a_damaged_ledger_is_kept_aside_with_all_that_stands_beside_it(
    backup: Path, later: Path
) -> None:
    """It is the evidence, and its log must not be applied to the file that takes its place."""
    ruin(later)
    code, _ = await restore(backup, later)
    aside = later.with_name("quota-before-restore-20261120T120000000Z.db")

    assert code == 0
    assert bytes_of(aside).startswith(b"not a database")
    assert bytes_of(aside.with_name(aside.name + "-wal")) == b"log"
    assert len(await proved(later)) == 36


async def test_a_ledger_that_a_process_holds_is_left_alone(backup: Path, tmp_path: Path) -> None:
    """Another process has it: refused before anything is copied."""
    ledger = tmp_path / "data" / "quota.db"
    ledger.parent.mkdir()
    async with other_process("hold", ledger) as process:
        assert await told(process) == {"opened": True}
        assert await told(process) == {"held": True}
        with pytest.raises(DatabaseInUseError, match="in use by another process"):
            await restore(backup, ledger)
        held = names_in(ledger.parent)
        code, said = await restore(ledger, tmp_path / "other.db")
        await process.communicate(b"\n")

    assert not any("restore" in name or "part" in name for name in held)
    assert (code, "a process works on" in said) == (1, True)
    assert len(await proved(ledger)) == 1


def ruin(file: Path) -> None:
    """Write nonsense over it, and beside it."""
    file.write_bytes(b"not a database at all" * 1000)
    file.with_name("quota.db-wal").write_bytes(b"log")


def cut(file: Path) -> None:
    """Lose the second half."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def forge(file: Path) -> None:
    """Change one entry."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TRIGGER entries_stay")
        connection.execute("UPDATE entries SET units = units + 1 WHERE id = 10")
        connection.commit()


def modernize(file: Path) -> None:
    """Make it a file of a program that is not written yet."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, '0099_future', 0)")
        connection.commit()


def replace_by_another(file: Path) -> None:
    """Make it the database of another program."""
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.commit()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (cut, "damaged|malformed|cannot be"),
        (forge, "WRONG entry 10"),
        (modernize, "start a newer program"),
        (replace_by_another, "another program"),
        (lambda file: file.write_bytes(b"text" * 5000), "no database"),
        (Path.unlink, "there is no file"),
    ],
)
async def test_what_does_not_prove_itself_is_refused_and_nothing_changes(
    backup: Path, later: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    """The ledger stays as it was, and no copy is left behind."""
    spoil(backup)
    before = bytes_of(later)
    code, said = await restore(backup, later)

    assert code == 1
    assert "nothing was restored" in said
    assert re.search(reason, said)
    assert names_in(later.parent) == {"quota.db"}
    assert bytes_of(later)[100:] == before[100:]


async def test_a_person_may_still_say_no(backup: Path, later: Path) -> None:
    """After the proof and before the swap."""
    code, said = await restore(backup, later, no)

    assert (code, said) == (1, "nothing was changed")
    assert names_in(later.parent) == {"quota.db"}
    assert len(await proved(later)) == 1


async def test_the_database_of_another_program_is_not_replaced(backup: Path, later: Path) -> None:
    """A wrong DATABASE_URL must not take somebody else's data away."""
    replace_by_another(later)
    before = bytes_of(later)
    with pytest.raises(SchemaError, match="another program"):
        await restore(backup, later)

    assert bytes_of(later) == before
    assert names_in(later.parent) == {"quota.db"}


async def test_a_ledger_is_not_restored_from_itself(later: Path) -> None:
    """Neither by its name nor by another one."""
    other = later.with_name("link.db")
    other.hardlink_to(later)

    for source in (later, other):
        code, said = await restore(source, later)
        assert (code, said) == (1, "nothing was restored: that is the ledger itself")


async def test_a_copy_with_its_log_beside_it_is_restored_whole(
    ledger: OpenLedger, later: Path, tmp_path: Path
) -> None:
    """Of a bot that was killed: the last transactions stand in the log alone."""
    for number in range(5):
        await ledger.quota.consume(ANA, 1, key=f"k{number}")
    copy = tmp_path / "killed"
    copy.mkdir()
    for name in ("quota.db", "quota.db-wal"):
        shutil.copy(tmp_path / name, copy)
    in_the_log = (copy / "quota.db-wal").stat().st_size
    code, _ = await restore(copy / "quota.db", later)

    assert in_the_log > 0
    assert code == 0
    assert len(await proved(later)) == 5
