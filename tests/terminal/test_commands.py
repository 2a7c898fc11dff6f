"""The commands as processes: beside the running bot and without it, cut off, and short of disk."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.places import MEMBER_ID, OPERATOR_ID
from tests.program.place import Place, opened_place
from tests.program.process import KEPT, PATIENCE_SECONDS, PROGRAM, finished
from tests.terminal.ledgers import make_large_ledger, make_ledger, names_in, proved
from tests.terminal.on_terminal import on_terminal

IN_USE = 75
CTRL_C = "\x03"
LARGE = 400_000


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """Return a world with no bot in it yet."""
    async with opened_place(tmp_path) as opened:
        yield opened


@pytest.fixture
async def large(tmp_path: Path) -> Path:
    """Return a data folder with a ledger that takes seconds to read."""
    await make_large_ledger(tmp_path / "data" / "quota.db", LARGE)
    return tmp_path / "data"


async def shell(script: str, *, cwd: Path) -> tuple[int, str, str]:
    """Run a line of bash in which $BOT is the program; return exit code, output and errors."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", script),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=kept | {"BOT": f"{sys.executable} {PROGRAM}"},
        cwd=cwd,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_ledger_is_backed_up_and_exported_beside_the_bot_and_restored_without_it(
    place: Place,
) -> None:
    """The whole round, as an operator goes it; restoring under a running bot is refused."""
    async with place.bot() as bot:
        await place.people.answer_to(f"!admin_quota add <@{MEMBER_ID}> 250 welcome", as_=OPERATOR_ID)
        backed_up, said, _ = await place.command("ledger", "backup", "copy.db")
        await place.people.answer_to(f"!admin_quota add <@{MEMBER_ID}> 10 later", as_=OPERATOR_ID)
        exported, lines, note = await place.command("ledger", "export", "--format", "jsonl")
        to_file, nothing, _ = await place.command("ledger", "export", "--out", "all.csv")
        under_way, _, reason = await place.command("ledger", "restore", "copy.db", "--yes")
        stopped = await bot.program.stop()
    restored, told, _ = await place.command("ledger", "restore", "copy.db", "--yes")
    verified, verdict, _ = await place.command("ledger", "verify")
    alone, lines_after, _ = await place.command("ledger", "export", "--format", "jsonl")

    assert (backed_up, exported, to_file, under_way, stopped) == (0, 0, 0, IN_USE, 0)
    assert "checked" in said
    assert [json.loads(line)["units"] for line in lines.splitlines()] == [250, 10]
    assert "2 entries exported" in note
    assert nothing == ""
    assert len((place.cwd / "all.csv").read_text("utf-8").splitlines()) == 3
    assert "stop that one first" in reason
    assert (restored, verified, alone) == (0, 0, 0)
    assert "the ledger is sound" in told
    assert "the ledger is sound" in verdict
    assert lines_after.splitlines() == lines.splitlines()[:1]


async def test_the_bot_makes_backups_by_itself(place: Place) -> None:
    """Set a folder, and the first one is there; where the folder fails, the bot is ready all the same."""
    folder = place.cwd / "copies"
    async with place.bot(BACKUP_FOLDER=str(folder)) as bot:
        await bot.program.log.first(r"back-up .*copies/quota-\d{8}T\d{6}Z\.db: \d+ bytes")
    async with place.bot(BACKUP_FOLDER="/dev/null/nowhere") as bot:
        await bot.program.log.first("no back-up was made, trying again in 60 s")
        ready = await bot.status("/readyz")

    [made] = names_in(folder)
    assert await proved(folder / made) == []
    assert ready == 200


async def test_ctrl_c_beside_the_bot_ends_the_work_there_too(place: Place) -> None:
    """Back-up, proof and export: exit code 130, a clear last line, nothing half left, and the bot goes on."""
    await make_large_ledger(place.data / "quota.db", LARGE)
    endings = []
    async with place.bot():
        for command, shown in (
            (("ledger", "backup", "copy.db"), r"copying: \d+%"),
            (("ledger", "verify"), r"counting: \d+%"),
            (("ledger", "export", "--out", "all.csv"), r"exporting: \d+%"),
        ):
            arguments = (*command, "--data", str(place.data))
            async with on_terminal(*arguments, settings=place.settings, cwd=place.cwd) as terminal:
                await terminal.shows(shown)
                terminal.press(CTRL_C)
                code, _ = await terminal.ended()
                endings.append((code, terminal.last_line))
        left = names_in(place.cwd)
        after, _, _ = await place.command("keys", "list")

    assert endings == [
        (130, "interrupted: no back-up was made"),
        (130, "interrupted: nothing was changed"),
        (130, "interrupted: the export is not complete"),
    ]
    assert left == {"data"}
    assert after == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
async def test_a_bot_that_stops_does_not_wait_for_commands_and_they_say_so(
    place: Place, number: signal.Signals, code: int
) -> None:
    """Its end is what counts; who asked learns that there is no answer, and no copy."""
    await make_large_ledger(place.data / "quota.db", LARGE)
    arguments = ("ledger", "backup", "copy.db", "--data", str(place.data))
    async with (
        place.bot() as bot,
        on_terminal(*arguments, settings=place.settings, cwd=place.cwd) as terminal,
    ):
        await terminal.shows(r"copying: \d+%")
        bot.program.signal(number)
        answer, out = await terminal.ended()
        ending = await bot.program.ended()

    assert (answer, ending) == (1, code)
    assert out == "the bot stopped before it had answered\n"
    assert not (place.cwd / "copy.db").exists()
    assert number == signal.SIGKILL or names_in(place.cwd) == {"data"}


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
async def test_a_signal_without_the_bot_leaves_nothing_half(
    large: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """The process that is told to end does the work itself, and cleans up."""
    arguments = ("ledger", "backup", "copy.db", "--data", str(large))
    async with on_terminal(*arguments, settings={}, cwd=tmp_path) as terminal:
        await terminal.shows(r"copying: \d+%")
        terminal.signal(number)
        ending, out = await terminal.ended()

    assert (ending, out) == (code, "")
    assert terminal.last_line == "interrupted: no back-up was made"
    assert names_in(tmp_path) == {"data"}
    assert names_in(large) == {"quota.db"}


async def test_a_restoration_can_be_refused_or_cut_off_at_its_question(tmp_path: Path) -> None:
    """Only a plain yes goes on; until then the ledger is as it was."""
    await make_ledger(tmp_path / "copy.db")
    ledger = tmp_path / "data" / "quota.db"
    await make_ledger(ledger)
    endings = []
    for keys in ("n\n", "\n", CTRL_C, "yes\n"):
        arguments = ("ledger", "restore", "copy.db", "--data", str(ledger.parent))
        async with on_terminal(*arguments, settings={}, cwd=tmp_path) as terminal:
            await terminal.shows(r"36 entries, sound\)\? \[y/N\] ")
            before = names_in(ledger.parent)
            terminal.press(keys)
            endings.append((await terminal.ended())[0])
        assert any(name.endswith(".part") for name in before)
        if keys == CTRL_C:
            assert terminal.last_line == "interrupted: the ledger is as it was"
        if keys != "yes\n":
            assert names_in(ledger.parent) == {"quota.db"}
    unasked, _, reason = await finished(*arguments, settings={}, cwd=tmp_path)

    assert endings == [1, 1, 130, 0]
    assert (unasked, "say --yes" in reason) == (1, True)
    assert len(names_in(ledger.parent)) == 2


async def test_a_reader_that_has_seen_enough_ends_the_export_quietly(place: Place) -> None:
    """`… | head -2`: two lines, no complaint, beside the bot and without it."""
    await make_large_ledger(place.data / "quota.db", 50_000)
    script = f"$BOT ledger export --data {place.data} | head -2; exit ${{PIPESTATUS[0]}}"
    alone = await shell(script, cwd=place.cwd)
    async with place.bot():
        beside = await shell(script, cwd=place.cwd)
        after, _, _ = await place.command("keys", "list")

    for code, out, err in (alone, beside):
        assert (code, err) == (141, "")
        assert [line.split(",")[0] for line in out.splitlines()] == ["entry", "1"]
    assert after == 0


async def test_a_disk_that_fills_up_is_named_and_leaves_nothing(large: Path, tmp_path: Path) -> None:
    """By a limit on the size of files: an error that a person understands, exit code 1, the ledger as it was."""
    size_kib = (large / "quota.db").stat().st_size // 1024
    limit = f"ulimit -f {size_kib // 2}; "
    backup = await shell(f"{limit} $BOT ledger backup copy.db --data {large}", cwd=tmp_path)
    export = await shell(
        f"{limit} $BOT ledger export --out all.jsonl --format jsonl --data {large}", cwd=tmp_path
    )
    (tmp_path / "full.db").write_bytes((large / "quota.db").read_bytes())
    restore = await shell(f"{limit} $BOT ledger restore full.db --yes --data {large}", cwd=tmp_path)

    assert (backup[0], export[0], restore[0]) == (1, 1, 1)
    assert "no back-up was made: the back-up failed: disk I/O error" in backup[1]
    assert "Nothing was exported" in export[2]
    assert "nothing was restored: [Errno 27] File too large" in restore[1]
    assert not any("Traceback" in text for result in (backup, export, restore) for text in result[1:])
    assert names_in(tmp_path) == {"data", "full.db"}
    assert names_in(large) == {"quota.db"}


async def test_without_a_terminal_progress_is_a_line_every_few_seconds(large: Path, tmp_path: Path) -> None:
    """A cron job's mail has no bars in it, and output stays apart from what is said beside it."""
    code, out, err = await finished("ledger", "verify", "--data", str(large), settings={}, cwd=tmp_path)

    assert code == 1
    assert "\x1b" not in out + err
    assert out.splitlines()[0].startswith(f"{LARGE:,} entries checked in ")
    assert all(line.startswith("counting: ") for line in err.splitlines())
