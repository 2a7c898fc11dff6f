"""docs/reliability.md names what exists, and leaves out nothing."""

import ast
import re
from pathlib import Path

from chaos.stages import STAGES

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docs" / "reliability.md").read_text("utf-8")
ROW = re.compile(r"^\| ([A-Z][0-9 A-Z]*) \| (.*) \| (.*) \|$", re.MULTILINE)
NAMED = re.compile(r"`([a-z_/0-9]+\.py)::(\w+)`")
STAGE = re.compile(r"`chaos ([a-z]+)`")


def numbered(letter: str, *ranges: tuple[int, int]) -> set[str]:
    """Return ids such as F01 to F09."""
    width = 1 if letter != "F" else 2
    return {f"{letter}{number:0{width}}" for first, last in ranges for number in range(first, last + 1)}


EXPECTED = (
    numbered("P", (1, 10))
    | numbered("L", (1, 19))
    | numbered("D", (1, 7))
    | numbered("A", (1, 5))
    | numbered("S", (1, 7))
    | numbered("F", (1, 23), (30, 44), (50, 56), (60, 64), (70, 73), (80, 85), (90, 95))
)


def test_every_promise_invariant_and_fault_has_a_row() -> None:
    """Each says what shows it, or why nothing does."""
    rows = [(identifier, row[3]) for row in ROW.finditer(TEXT) for identifier in row[1].split()]

    assert sorted(identifier for identifier, _ in rows) == sorted(EXPECTED)
    assert [identifier for identifier, shown in rows if len(shown) < 10] == []


def test_every_test_that_is_named_exists() -> None:
    """A test that was renamed or removed shows nothing any more."""
    missing = []
    for file, name in NAMED.findall(TEXT):
        tree = ast.parse((PROJECT / "tests" / file).read_text("utf-8"))
        names = {
            node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        if name not in names:
            missing.append(f"{file}::{name}")

    assert missing == []


def test_every_stage_that_is_named_exists_and_is_explained() -> None:
    """Both ways."""
    explained = {
        row.split("`")[1]
        for row in TEXT.splitlines()
        if row.startswith("| `") and "." not in row.split("`")[1]
    }

    assert set(STAGE.findall(TEXT)) <= set(STAGES)
    assert explained == set(STAGES)
