"""What documents say of tests and of each other is true."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
DOCUMENTS = [PROJECT / "README.md", PROJECT / "SECURITY.md", *sorted((PROJECT / "docs").glob("*.md"))]
TESTS = {
    name
    for file in (PROJECT / "tests").rglob("*.py")
    for name in re.findall(r"def (test_\w+)", file.read_text("utf-8"))
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_is_named_exists(document: Path) -> None:
    """A promise that points at a test that is gone is no promise."""
    named = set(re.findall(r"`(test_\w+)`", document.read_text("utf-8")))
    modules = {file.stem for file in (PROJECT / "tests").rglob("test_*.py")}

    assert named - TESTS - modules == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_inside_the_project_leads_somewhere(document: Path) -> None:
    """To a file that exists, and to a heading in it."""
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", document.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        file = document if not path else (document.parent / path).resolve()

        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, target


def test_every_threat_has_a_row() -> None:
    """T01 to T50, each once."""
    rows = re.findall(r"^\| T(\d\d) ", (PROJECT / "docs/security.md").read_text("utf-8"), re.MULTILINE)

    assert rows == [f"{number:02}" for number in range(1, 51)]
