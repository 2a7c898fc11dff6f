"""Every command of docs/http.md, run as it stands there: each answers 200, with the members that are shown."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.webhooks.running import Running

TEXT = Path("docs/http.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```sh\n(.*?)```(?:\n\n```json\n(.*?)```)?", re.DOTALL)


class Example(NamedTuple):
    """A command, and the members of the answer that is shown behind it, None when there is none."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None
    members: set[str] | None


def examples() -> Iterator[Example]:
    """Yield every command in order."""
    for block, shown in BLOCK.findall(TEXT):
        # A quoted body goes over several lines, so a command ends where the next one begins.
        for command in re.split(r"\n(?=curl )", block.replace("\\\n", " ")):
            words = shlex.split(command)
            if words[:1] != ["curl"]:
                continue
            options = {"-X": "GET", "-d": None}
            headers, address = {}, ""
            rest = iter(words[1:])
            for word in rest:
                if word == "-H":
                    name, _, value = next(rest).partition(": ")
                    headers[name] = value
                elif word in options:
                    options[word] = next(rest)
                else:
                    address = word
            assert address.startswith("$URL/")
            method = options["-X"] or "GET"
            members = set(json.loads(shown)) - {"…"} if shown else None
            yield Example(method, address.removeprefix("$URL"), headers, options["-d"], members)


ALL = list(examples())


@pytest.mark.parametrize("example", ALL, ids=lambda one: f"{one.method} {one.path}")
async def test_a_documented_command_answers_what_is_shown(bot: Running, example: Example) -> None:
    """With a key that may do everything."""
    key = (await bot.key())["Authorization"].removeprefix("Bearer ")
    headers = {name: value.replace("$KEY", key) for name, value in example.headers.items()}
    options: dict[str, Any] = {} if example.body is None else {"data": example.body}
    status, answer, _ = await bot.ask(example.method, example.path, headers=headers, **options)

    assert status == 200
    assert example.members is None or example.members <= set(answer)


def test_there_are_commands() -> None:
    """A pattern that finds nothing proves nothing."""
    assert len(ALL) > 8
    assert TEXT.count("\ncurl ") == len(ALL)
