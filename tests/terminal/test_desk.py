import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quota_core.access_keys import Scope
from quota_core.accounts import AccountRef
from terminal import local_socket
from terminal.desk import DAY_MS, Desk
from tests.core.opened_ledger import OpenLedger, SteerableClock


class Paper:
    """Where a command's lines land."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def desk(ledger: OpenLedger, clock: SteerableClock) -> Desk:
    return Desk(ledger.database, ledger.keys, clock=clock)


@pytest.fixture
async def data(desk: Desk, tmp_path: Path) -> AsyncIterator[Path]:
    async with local_socket.serve(desk, tmp_path):
        yield tmp_path


async def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(
    desk: Desk, ledger: OpenLedger
) -> None:
    """What `keys create` prints works; `keys list` cannot bring it back; `keys revoke` ends it at once."""
    made, listed, revoked = Paper(), Paper(), Paper()
    await desk.do("keys create", {"name": "billing", "scopes": ["quota:read"], "account": "7"}, made)
    token = made.lines[0]
    key = await ledger.keys.check(token)
    await desk.do("keys list", {}, listed)

    assert key is not None
    assert key.allows(Scope.QUOTA_READ, AccountRef("user", "7"))
    assert not key.allows(Scope.QUOTA_READ, AccountRef("user", "8"))
    assert key.id in listed.lines[0]
    assert token not in "\n".join(listed.lines)

    assert await desk.do("keys revoke", {"id": key.id}, revoked) == 0
    assert await ledger.keys.check(token) is None


async def test_a_key_with_an_end_stops_working_then(
    desk: Desk, ledger: OpenLedger, clock: SteerableClock
) -> None:
    """`--days 1` is one day."""
    paper = Paper()
    await desk.do("keys create", {"name": "guest", "scopes": ["quota:read"], "days": 1}, paper)

    assert await ledger.keys.check(paper.lines[0]) is not None
    clock.move(ms=DAY_MS)
    assert await ledger.keys.check(paper.lines[0]) is None


@pytest.mark.parametrize(
    ("command", "options", "code"),
    [
        ("keys create", {"name": "x", "scopes": ["quota:everything"]}, 2),
        ("keys create", {"name": "x", "scopes": ["quota:read"], "account": "user:x"}, 2),
        ("keys revoke", {"id": "000000000000"}, 1),
        ("keys forge", {}, 2),
    ],
)
async def test_a_wrong_command_says_what_is_wrong(
    desk: Desk, command: str, options: dict[str, object], code: int
) -> None:
    """Exit code 2 for a wrong question, 1 for bad news; never silence."""
    paper = Paper()

    assert await desk.do(command, options, paper) == code
    assert paper.lines


async def test_the_running_process_answers_on_its_socket(data: Path) -> None:
    """A command line beside the bot gets the same lines and the same exit code."""
    paper = Paper()

    assert await local_socket.ask(data, "keys list", {}, paper) == 0
    assert paper.lines == ["no keys yet: python bot.py keys create NAME --scopes quota:read"]
    assert await local_socket.ask(data, "keys revoke", {"id": "000000000000"}, paper) == 1


async def test_only_the_owner_may_open_the_socket(data: Path) -> None:
    """Whoever can speak to the socket can make keys, so its mode is 0600."""
    path = local_socket.socket_path(data)

    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_without_a_running_process_there_is_no_answer(tmp_path: Path) -> None:
    """None tells the command line to open the ledger itself; a socket left behind is no process."""
    assert await local_socket.ask(tmp_path, "keys list", {}, Paper()) is None

    (tmp_path / local_socket.NAME).touch()
    assert await local_socket.ask(tmp_path, "keys list", {}, Paper()) is None


async def test_junk_on_the_socket_is_answered_and_harms_nothing(data: Path) -> None:
    """A broken client gets exit code 1, and the next one is served."""
    path = local_socket.socket_path(data)
    assert path is not None
    for junk in (b"\n", b"{}\n", b"[1]\n", b"\xff\xfe\n", b'{"command": 1, "options": 2}\n'):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(junk)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

        assert b'"exit"' in answer
    assert await local_socket.ask(data, "keys list", {}, Paper()) == 0
