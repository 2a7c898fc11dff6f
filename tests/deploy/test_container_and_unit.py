"""The container, the compose file and the systemd unit: linted, and holding what the program needs."""

import ast
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has no type hints

from settings import Settings
from tests.deploy.queries import ROOT

DEPLOY = ROOT / "deploy"
YAML_RULES = "{extends: default, rules: {line-length: {max: 140}, document-start: disable}}"


def run(*command: str) -> str:
    """Run a command in the project; return what it said, empty when it is content."""
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if found.returncode == 0 else found.stdout + found.stderr or "it failed"


def compose() -> dict[str, Any]:
    """Return the compose file."""
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text("utf-8"))
    return loaded


def imported_from(path: Path, seen: set[Path]) -> set[Path]:
    """Return the files of ours that a module imports, at any depth, itself included."""
    if path in seen:
        return seen
    seen.add(path)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            place = ROOT.joinpath(*name.split("."))
            for file in (place.with_suffix(".py"), place / "__init__.py"):
                if file.exists():
                    imported_from(file, seen)
    return seen


def test_the_image_holds_all_that_the_program_imports_and_nothing_else() -> None:
    """.dockerignore lets in by name, so a new package must be named there; secrets and tests never are."""
    let_in = [
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")
    ]
    needed = {str(file.relative_to(ROOT)) for file in imported_from(ROOT / "bot.py", set())}
    tops = {name.split("/")[0] for name in needed}

    assert {top for top in tops if not any(fnmatch(top, one) for one in let_in)} == set()
    assert "data/catalogs" in let_in
    assert not any(fnmatch(secret, one) for secret in (".env", "data", "tests", ".git") for one in let_in)


def test_the_dockerfile_is_sound() -> None:
    """By hadolint; and it runs as nobody special, with hashed dependencies."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")

    assert run(str(Path(sys.executable).with_name("hadolint")), "deploy/Dockerfile") == ""
    assert "--require-hashes" in text
    assert re.search(r"^USER 10001$", text, re.MULTILINE)


def test_the_yaml_is_sound() -> None:
    """By yamllint, strictly."""
    assert run(sys.executable, "-m", "yamllint", "--strict", "-d", YAML_RULES, "deploy") == ""


def test_the_composed_bot_can_change_nothing_but_its_data() -> None:
    """No privileges, a read-only root, and ports for this machine alone."""
    bot = compose()["services"]["jauge"]

    ports = [port for one in compose()["services"].values() for port in one.get("ports", [])]

    assert (bot["read_only"], bot["cap_drop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in bot["security_opt"]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_composed_settings_exist_and_images_are_pinned() -> None:
    """A misspelt setting would be ignored; `latest` would be another program every day."""
    services = compose()["services"]
    names = {name for name in services["jauge"]["environment"] if name != "PGPASSWORD"}
    images = [one["image"] for one in services.values() if "image" in one]

    assert names <= {name.upper() for name in Settings.model_fields}
    assert all(re.search(r":v?\d+", image) for image in images)


def test_every_file_that_is_mounted_is_there() -> None:
    """A path that does not exist becomes an empty folder, and a silent dashboard."""
    mounts = [
        volume.split(":")[0]
        for one in compose()["services"].values()
        for volume in one.get("volumes", [])
        if volume.startswith(".")
    ]

    assert mounts
    assert all((DEPLOY / mount).exists() for mount in mounts)


def test_the_unit_is_hardened() -> None:
    """By systemd's own measure: 1.2 of 10, where 0 is best."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    said = run("systemd-analyze", "security", "--offline=true", "--threshold=15", "deploy/jauge.service")

    assert said == ""
