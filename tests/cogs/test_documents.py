"""The documents about Discord, held against the bot."""

import re
import sys
from pathlib import Path

import pytest

from sandbox.server import Sandbox
from tests.cogs.stack import Running, opened_core, running_bot
from tests.cogs.talk import Talk, title_of

DOCS = Path(__file__).resolve().parents[2] / "docs"


async def test_every_command_is_documented(running: Running) -> None:
    """docs/commands.md has a row for each command that does something, and no row for another."""
    documented = set(
        re.findall(r"^\| `!([a-z_]+(?: [a-z]+)?)", (DOCS / "commands.md").read_text("utf-8"), re.MULTILINE)
    )
    commands = {
        command.qualified_name for command in running.bot.walk_commands() if not hasattr(command, "commands")
    }

    assert documented == commands


async def test_the_cog_of_the_metering_guide_works_as_it_stands(
    sandbox: Sandbox, talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever copies the ten lines has a metered command."""
    guide = (DOCS / "metering.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", guide, re.DOTALL)
    assert code is not None
    (tmp_path / "echo_cog.py").write_text(code[1], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert sandbox.url

    async with (
        opened_core(tmp_path / "quota.db", extensions=["echo_cog"]) as core,
        running_bot(core.parts),
    ):
        answer = await talk.answer_to("!echo hello there")
        used = await core.used()
        await core.spend(49)
        refused = await talk.answer_to("!echo once more")
    sys.modules.pop("echo_cog", None)

    assert answer["content"] == "hello there"
    assert used == 1
    assert "hello" not in title_of(refused)
    assert "50 / 50" in str(refused["embeds"])


async def test_help_does_not_list_what_is_not_loaded(sandbox: Sandbox, talk: Talk, tmp_path: Path) -> None:
    """`!ask` is a sample that a bot in real use does not have."""
    assert sandbox.url
    async with opened_core(tmp_path / "quota.db", with_ask=False) as core, running_bot(core.parts):
        answer = await talk.answer_to("!help")

    assert "!quota" in str(answer["embeds"])
    assert "!ask" not in str(answer["embeds"])
