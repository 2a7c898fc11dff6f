"""The shape of the project: imports point inwards, modules stay small, and SQL stays where it belongs."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PROGRAM = (
    *(
        "assembly",
        "bot",
        "channels",
        "client",
        "cogs",
        "core_parts",
        "desks",
        "doctor",
        "duties",
        "error_reports",
        "journal",
        "ledger_file",
        "monitoring",
        "outgoing",
        "quota_core",
        "sandbox",
        "sandbox_run",
    ),
    *("chaos", "selling", "settings", "stopping", "stripe_commands", "terminal", "webhooks", "wording"),
)
# Which packages of the program a package may import; bot.py wires everything and may import all.
ARROWS = {
    "client": set(),  # files for other people's services
    "channels": {"channels", "quota_core", "wording"},
    "cogs": {"cogs", "quota_core", "wording"},
    "desks": {"ledger_file", "quota_core", "settings", "terminal"},
    "outgoing": {"channels", "core_parts", "ledger_file", "settings"},
    "webhooks": {"webhooks", "quota_core", "wording"},
    "monitoring": {"monitoring", "quota_core"},
    "wording": {"wording", "quota_core"},
    "quota_core": {"quota_core"},
    "sandbox": {"sandbox"},
    "terminal": {"terminal", "quota_core", "settings"},
    "settings": {"settings", "quota_core"},
    "journal": {"journal", "quota_core"},
    "error_reports": {"quota_core", "settings"},
    "ledger_file": {"quota_core", "settings"},
    "stopping": {"stopping"},
    # The bot that sells for real never loads its stand-in: only sandbox_run knows both.
    "assembly": {
        *("cogs", "core_parts", "duties", "ledger_file", "quota_core", "settings", "stopping", "terminal"),
        *("desks", "monitoring", "outgoing", "selling", "webhooks"),
    },
    "core_parts": {"cogs", "ledger_file", "monitoring", "quota_core", "settings", "webhooks"},
    # Drives the program from outside, with the worlds and the processes that the tests drive it with.
    "chaos": set(PROGRAM),
    "selling": {"core_parts", "ledger_file", "quota_core", "settings", "webhooks"},
    "stripe_commands": {"quota_core", "settings", "webhooks"},
    "doctor": {"cogs", "quota_core", "settings", "stripe_commands", "terminal", "webhooks"},
    "duties": {"cogs", "settings"},
    "sandbox_run": {"assembly", "quota_core", "sandbox", "settings"},
}
EDGES_LIBRARIES = {
    "quota_core": {"aiohttp", "discord", "prometheus_client", "stripe"},
    "wording": {"aiohttp", "discord", "stripe", "aiosqlite"},
    "channels": {"discord", "stripe"},
    "cogs": {"stripe"},
    "webhooks": {"discord", "prometheus_client"},
}
DRIVERS = {"sqlite3", "aiosqlite", "asyncpg"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "tools"}
# Beside quota_core/store: small readers whose one query is what they are about.
SQL_PLACES = (
    "quota_core/store/",
    "quota_core/sqlite_database.py",
    "quota_core/sqlite_backup.py",
    "quota_core/sqlite_connection.py",
    "quota_core/postgres_",
    "quota_core/statements.py",
    "quota_core/migrations/",
    "quota_core/history.py",
    "quota_core/stats.py",
    "quota_core/access_keys.py",
    "benchmarks/",  # baselines, and what is counted past every object of the core
    "chaos/",  # what is counted past every object of the core
)
SQL = re.compile(
    r"\b(SELECT\s[^;]+\sFROM\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX)|PRAGMA\s)"
)
MODULE_LINES, TEST_LINES, FUNCTION_LINES = 300, 600, 60


def modules() -> list[str]:
    """Return every Python file of the program and of its tests, by its path in the project."""
    roots = [PROJECT / name for name in (*PROGRAM, "benchmarks", "tests")]
    files = [file for root in roots for file in root.rglob("*.py")]
    files += [root.with_suffix(".py") for root in roots if root.with_suffix(".py").exists()]
    return sorted(str(file.relative_to(PROJECT)) for file in files)


MODULES = modules()
PROGRAM_MODULES = [path for path in MODULES if not path.startswith("tests/")]


def tree_of(path: str) -> ast.Module:
    """Return a module's syntax."""
    return ast.parse((PROJECT / path).read_text(encoding="utf-8"))


def package_of(path: str) -> str:
    """Return the top package, or the name of a module that is none's."""
    return path.split("/", maxsplit=1)[0].removesuffix(".py")


def imported(path: str) -> set[str]:
    """Return the top names of everything a module imports, at any depth of its code."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where an arrow points"
            found.add(str(node.module).split(".")[0])
    return found


def functions(path: str) -> Iterator[tuple[str, int]]:
    """Yield each function with its number of lines."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def texts(path: str) -> Iterator[str]:
    """Yield every string of a module but its docstrings, with the parts of an f-string joined."""
    tree = tree_of(path)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else " x " for part in node.values]
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docstrings:
            yield node.value


@pytest.mark.parametrize("path", PROGRAM_MODULES)
def test_imports_point_inwards(path: str) -> None:
    """Edges import the core and the words, the core nobody; sandbox and bot only meet over sockets."""
    package = package_of(path)
    ours = imported(path) & set(PROGRAM)

    assert package == "bot" or ours <= ARROWS.get(package, set(PROGRAM))
    assert not imported(path) & EDGES_LIBRARIES.get(package, set())
    assert package == "chaos" or "tests" not in imported(path)


def test_every_arrow_is_drawn() -> None:
    """A new package says here what it may import."""
    there = {package_of(path) for path in PROGRAM_MODULES}

    assert there - set(ARROWS) <= {"bot", "benchmarks"}


DRIVER_MODULES = [path for path in PROGRAM_MODULES if imported(path) & DRIVERS]


@pytest.mark.parametrize("path", DRIVER_MODULES)
def test_one_module_knows_a_driver(path: str) -> None:
    """Another engine is another file beside it, and no other change; baselines are made of the bare driver."""
    assert path.startswith(("quota_core/sqlite_", "quota_core/postgres_", "benchmarks/", "chaos/"))


def test_sql_stays_in_the_core() -> None:
    """Every statement is in the store or in one of the few readers named above."""
    strangers = [
        path
        for path in PROGRAM_MODULES
        if not path.startswith(SQL_PLACES) and any(SQL.search(text) for text in texts(path))
    ]

    assert strangers == []


def test_the_search_for_sql_finds_it() -> None:
    """A detector that never fired is unproven."""
    for place in SQL_PLACES:
        found = [path for path in PROGRAM_MODULES if path.startswith(place)]

        assert any(SQL.search(text) for path in found for text in texts(path))


@pytest.mark.parametrize("path", MODULES)
def test_modules_and_functions_stay_small(path: str) -> None:
    """300 lines a module (600 a test file), 60 a function, by what they hold and not by chance."""
    lines = len((PROJECT / path).read_text(encoding="utf-8").splitlines())
    long = [f"{name}: {size}" for name, size in functions(path) if size > FUNCTION_LINES]

    assert lines <= (TEST_LINES if path.startswith("tests/") else MODULE_LINES)
    assert long == []


def test_modules_are_named_after_what_they_know() -> None:
    """No module or folder has a name under which anything could stand."""
    vague = [path for path in MODULES if set(Path(path).with_suffix("").parts) & VAGUE_NAMES]

    assert vague == []


def test_no_module_hides_another() -> None:
    """A file of ours that is named like one of the standard library's is imported in its place."""
    top = {package_of(path) for path in MODULES}

    assert not top & sys.stdlib_module_names
