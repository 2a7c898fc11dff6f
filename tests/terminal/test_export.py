import csv
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from terminal.desk import Desk
from terminal.exports import COLUMNS
from terminal.progress import Progress
from tests.core.opened_ledger import NOON_MS, OpenLedger, SteerableClock, open_ledger, owe_units
from tests.terminal.ledgers import ANA, live, make_large_ledger


class Paper:
    """Where an export lands: output, remarks and progress, each by itself."""

    def __init__(self) -> None:
        self.text = ""
        self.notes: list[str] = []
        self.steps: list[Progress] = []

    def tell(self, line: str) -> None:
        raise AssertionError(f"a line between the output: {line}")

    def note(self, line: str) -> None:
        self.notes.append(line)

    def step(self, progress: Progress) -> None:
        self.steps.append(progress)

    async def write(self, text: str) -> None:
        self.text += text


async def exported(ledger: OpenLedger, **options: str) -> tuple[int, Paper]:
    """Export and return the exit code with all that came."""
    paper = Paper()
    desk = Desk(ledger.database, ledger.keys, clock=ledger.clock)
    code = await desk.do("ledger export", {"format": "jsonl"} | options, paper)
    return code, paper


def objects(paper: Paper) -> list[dict[str, Any]]:
    """Return the entries of an export as JSON lines."""
    return [json.loads(line) for line in paper.text.splitlines()]


async def test_json_lines_have_names_instead_of_numbers(ledger: OpenLedger) -> None:
    """Account, kind, metric, pots and times as the outside knows them; digests and keys in hex."""
    await live(ledger)
    code, paper = await exported(ledger)
    found = objects(paper)
    entries = await ledger.entries()

    assert code == 0
    assert paper.notes == ["36 entries exported"]
    assert [row["entry"] for row in found] == list(range(1, 37))
    assert [bytes.fromhex(row["digest"]) for row in found] == [entry.digest for entry in entries]
    assert found[0] | {"key": "", "digest": ""} == {
        "entry": 1,
        "time": "2026-11-20T12:00:00.000Z",
        "account": "user:1",
        "kind": "spend",
        "metric": "requests",
        "units": 1,
        "parts": [{"pot": "window", "name": "2026-11-20", "units": 1}],
        "allowance_left": 49,
        "purchased_left": 0,
        "key": "",
        "version": 1,
        "previous": 0,
        "digest": "",
    }
    lot = found[30]["parts"][0]["name"]
    assert found[31]["parts"] == [
        {"pot": "window", "name": "2026-11-20", "units": 20},
        {"pot": "lot", "name": lot, "units": -30},
    ]
    assert found[34]["kind"] == "plan"
    assert found[34]["parts"] == [{"pot": "plan", "name": "pro", "until": None}]


async def test_csv_says_the_same_in_columns(ledger: OpenLedger) -> None:
    """A heading, then a line for each entry; parts in words."""
    await live(ledger)
    _, lines = await exported(ledger)
    _, table = await exported(ledger, format="csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))

    assert table.text.splitlines()[0] == ",".join(COLUMNS)
    for row, found in zip(rows, objects(lines), strict=True):
        plain = {name: str(fact) for name, fact in found.items() if name != "parts"}
        assert {name: row[name] for name in plain} == plain
    assert rows[0]["parts"] == "window 2026-11-20 +1"
    assert rows[31]["parts"].startswith("window 2026-11-20 +20; lot ")
    assert rows[34]["parts"] == "plan pro"


async def test_an_outer_name_with_commas_and_accents_comes_through(ledger: OpenLedger) -> None:
    """Both formats can be read back by their own libraries."""
    strange = AccountRef.parse('projét:"a",b;c')
    await ledger.quota.consume(strange, 1, key="strange")
    _, lines = await exported(ledger)
    _, table = await exported(ledger, format="csv")

    assert objects(lines)[0]["account"] == str(strange)
    assert next(csv.DictReader(io.StringIO(table.text)))["account"] == str(strange)


@pytest.mark.parametrize("mark", list("=+-@\uff1d\uff0b\uff0d\uff20"))
async def test_no_name_is_a_formula_in_a_spreadsheet(ledger: OpenLedger, mark: str) -> None:
    """Whoever names an account must not run anything on the operator's machine; JSON says it as it is."""
    strange = AccountRef.parse(f'{mark}HYPERLINK("https://evil.example"):x')
    await ledger.quota.consume(strange, 1, key="strange")
    _, lines = await exported(ledger)
    _, table = await exported(ledger, format="csv")

    assert next(csv.DictReader(io.StringIO(table.text)))["account"] == f"'{strange}"
    assert objects(lines)[0]["account"] == str(strange)


async def test_debt_and_its_account_are_spelled(ledger: OpenLedger) -> None:
    """A pot that has no name of its own."""
    await owe_units(ledger, ANA, "requests", 5)
    _, paper = await exported(ledger)

    assert objects(paper)[0]["parts"] == [{"pot": "debt", "units": 5}]


@pytest.mark.parametrize(
    ("options", "entries"),
    [
        ({"account": "user:2"}, [35, 36]),
        ({"account": "2", "format": "jsonl"}, [35, 36]),
        ({"since": "2026-11-21"}, [37]),
        ({"since": "2026-11-20T12:00:00Z", "until": "2026-11-21"}, list(range(1, 37))),
        ({"until": "2026-11-20T13:00:00+01:00"}, []),
        ({"account": "user:1", "since": "2026-11-20T12:00:01"}, [37]),
    ],
)
async def test_an_export_can_be_narrowed(
    ledger: OpenLedger, clock: SteerableClock, options: dict[str, str], entries: list[int]
) -> None:
    """By account, from a time on, and before one."""
    await live(ledger)
    clock.move(days=1)
    await ledger.quota.consume(ANA, 1, key="tomorrow")
    code, paper = await exported(ledger, **options)

    assert clock.now_ms > NOON_MS
    assert code == 0
    assert [row["entry"] for row in objects(paper)] == entries


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        ({"account": "user:999"}, 1, "no account user:999"),
        ({"account": "user:x"}, 2, "Discord id"),
        ({"since": "yesterday"}, 2, "2026-11-20T12:00:00Z"),
    ],
)
async def test_a_wrong_question_is_answered_beside_the_output(
    ledger: OpenLedger, options: dict[str, str], code: int, reason: str
) -> None:
    """A file that the output goes to holds entries or nothing."""
    answer, paper = await exported(ledger, **options)

    assert answer == code
    assert paper.text == ""
    assert reason in paper.notes[0]


class Counter(Paper):
    """Counts what comes and keeps nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0
        self.characters = 0

    def step(self, progress: Progress) -> None:
        self.steps[:] = [progress]

    async def write(self, text: str) -> None:
        self.lines += text.count("\n")
        self.characters += len(text)


async def peak_bytes(file: Path, catalog: Catalog, form: str, entries: int) -> int:
    """Return the most memory that exporting a ledger of so many entries took."""
    await make_large_ledger(file, entries)
    ledger = await open_ledger(file, catalog=catalog, clock=SteerableClock())
    desk, counter = Desk(ledger.database, ledger.keys, clock=ledger.clock), Counter()
    tracemalloc.start()
    try:
        code = await desk.do("ledger export", {"format": form}, counter)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        await ledger.close()
    assert (code, counter.lines) == (0, entries + (form == "csv"))
    assert counter.steps[0].part == 1
    assert counter.characters > 150 * entries
    return peak


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_memory_does_not_grow_with_the_ledger(tmp_path: Path, catalog: Catalog, form: str) -> None:
    """Twelve times the entries, the same few megabytes, far less than the output."""
    small = await peak_bytes(tmp_path / "small.db", catalog, form, 2_000)
    large = await peak_bytes(tmp_path / "large.db", catalog, form, 24_000)

    assert large < small * 1.25 + 200_000
    assert large < 6_000_000
