"""The commands that prove the ledger, as an operator goes from one to the next."""

import argparse
import stat
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from quota_core.account_statement import Statements
from quota_core.signing import SigningKey
from terminal.desk import Desk
from terminal.progress import Meter, Progress
from terminal.proof_arguments import verify_statement
from terminal.proofs import Proofs
from terminal.reply import Console
from tests.core.opened_ledger import OpenLedger, SteerableClock
from tests.terminal.ledgers import ANA, live, make_ledger
from tests.terminal.test_commands import shell

KEY = SigningKey.new()


class Stages:
    """A meter that remembers which stages it was told of."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def show(self, progress: Progress) -> None:
        """Remember."""
        self.seen.add(progress.stage)

    def clear(self) -> None:
        """Leave it."""


@pytest.fixture
def desk(ledger: OpenLedger, clock: SteerableClock) -> Desk:
    """Return a desk with a key to sign with."""
    proofs = Proofs(database=ledger.database, key=KEY, zone=ZoneInfo("UTC"), clock=clock)
    return Desk(ledger.database, ledger.keys, clock=clock, proofs=proofs)


class Paper:
    """Files that stand for a terminal."""

    def __init__(self, folder: Path) -> None:
        self.out, self.err = folder / "out.txt", folder / "err.txt"
        self.stages = Stages()

    async def run(self, desk: Desk, command: str, **options: object) -> tuple[int, str]:
        """Run a command and return its exit code and output."""
        meter: Meter = self.stages
        with self.out.open("w", encoding="utf-8") as out, self.err.open("w", encoding="utf-8") as err:
            code = await desk.do(command, options, Console(out, err, meter))
        return code, self.out.read_text(encoding="utf-8")


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    """Return paper in a folder of its own."""
    (tmp_path / "paper").mkdir()
    return Paper(tmp_path / "paper")


async def test_verify_shows_what_became_of_the_units(ledger: OpenLedger, desk: Desk, paper: Paper) -> None:
    """100 given, 10 taken back, none spent for good: 90 are held."""
    await live(ledger)

    code, text = await paper.run(desk, "ledger verify")

    assert code == 0
    assert "36 entries checked" in text
    lines = [line.split() for line in text.splitlines() if line.startswith(("units in lots", "requests"))]
    assert lines == [
        ["units", "in", "lots", "granted", "bought", "spent", "expired", "taken", "back", "held"],
        ["requests", "100", "0", "0", "0", "10", "90"],
    ]
    assert "the ledger is sound" in text


async def test_an_anchor_is_kept_and_proved_later(
    ledger: OpenLedger, desk: Desk, paper: Paper, tmp_path: Path
) -> None:
    """What was there is still there; a file that was touched, or another's, is refused."""
    await live(ledger)
    code, text = await paper.run(desk, "ledger anchor")
    anchor, forged = tmp_path / "anchor", tmp_path / "forged"
    anchor.write_text(text, encoding="utf-8")
    forged.write_text(text.replace('"entries": 36', '"entries": 37'), encoding="utf-8")
    await ledger.quota.consume(ANA, 1, key="later")

    kept = await paper.run(desk, "ledger verify", anchor=[str(anchor), str(anchor)])
    touched = await paper.run(desk, "ledger verify", anchor=[str(forged)])
    absent = await paper.run(desk, "ledger verify", anchor=[str(tmp_path / "none")])

    assert code == 0
    assert kept[0] == 0
    assert "unchanged since the anchor of 2026-11-20T12:00:00.000Z: 36 entries" in kept[1]
    assert touched[0] == absent[0] == 1
    assert "signature does not fit" in touched[1]
    assert paper.stages.seen == {"counting", "anchoring"}


async def test_the_anchor_stands_in_the_log_too(
    ledger: OpenLedger, desk: Desk, paper: Paper, caplog: pytest.LogCaptureFixture
) -> None:
    """Its digest and signature, so that a log alone is a witness."""
    await live(ledger)
    with caplog.at_level("INFO"):
        _, text = await paper.run(desk, "ledger anchor")

    assert any("heads" in line and line.split("signature ")[1] in text for line in caplog.messages)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"account": "user:1"}, (0, "90 left in lots")),
        ({"account": "1", "at": "2026-11-19"}, (0, "nothing used or held")),
        (
            {"account": "user:1", "at": "2026-11-20T12:00:00Z", "metric": "requests"},
            (0, "window 2026-11-20: 30 used"),
        ),
        ({"account": "user:1", "metric": "renders"}, (0, "nothing used or held of renders")),
        ({"account": "user:404"}, (1, "no account user:404")),
        ({"account": "user:1", "at": "yesterday"}, (2, "is no time")),
        ({"account": "user:x"}, (2, "")),
    ],
)
async def test_the_balance_of_any_moment(
    ledger: OpenLedger, desk: Desk, paper: Paper, options: dict[str, str], expected: tuple[int, str]
) -> None:
    """By day or by time; what was asked wrongly is told."""
    await live(ledger)

    ended, text = await paper.run(desk, "ledger balance", **options)

    assert ended == expected[0]
    assert expected[1] in text


async def test_the_public_key_is_shown(desk: Desk, paper: Paper) -> None:
    """And nothing of the private one."""
    assert await paper.run(desk, "ledger key") == (0, f"{KEY.public_key}\n")


async def test_a_statement_is_checked_with_nothing_but_the_file(
    ledger: OpenLedger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sound, of another's key, altered, or no statement."""
    await live(ledger)
    statement = await Statements(ledger.database, KEY, clock=ledger.clock).of(ANA)
    assert statement is not None
    file, altered = tmp_path / "statement.json", tmp_path / "altered.json"
    file.write_bytes(statement.content)
    altered.write_bytes(statement.content.replace(b'"units": 100', b'"units": 900'))

    codes = [
        await verify_statement(argparse.Namespace(file=path, public_key=key))
        for path, key in (
            (file, KEY.public_key),
            (file, SigningKey.new().public_key),
            (altered, None),
            (tmp_path / "none", None),
        )
    ]
    told = capsys.readouterr().out

    assert codes == [0, 1, 1, 2]
    assert "the statement is sound" in told
    assert "entry 31: its digest does not fit" in told


async def test_the_commands_as_they_are_typed(tmp_path: Path) -> None:
    """From the making of the key to the proof, each its own process."""
    data = tmp_path / "data"
    await make_ledger(data / "quota.db")

    code, told, _ = await shell(
        "$BOT ledger key --data data && $BOT ledger anchor --out a.anchor --data data"
        " && $BOT ledger verify --anchor a.anchor --data data"
        " && $BOT ledger balance user:1 --at 2099-11-21 --data data",
        cwd=tmp_path,
    )

    assert code == 0
    assert stat.S_IMODE((data / "signing.key").stat().st_mode) == 0o600
    assert "unchanged since the anchor" in told
    assert "user:1 at 2099-11-21T00:00:00.000Z, after 34 entries" in told
