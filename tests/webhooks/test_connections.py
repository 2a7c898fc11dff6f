"""A request whose head was read before is answered past the server library, as the library would have it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from quota_core.access_keys import Scope
from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.consumes import Consume
from quota_core.waiting import Waiter
from tests.webhooks.running import ANA, PATIENCE_SECONDS, Running, closed, running
from tests.webhooks.test_credits_api import block
from webhooks.connections import Connection
from webhooks.consume_again import ConsumeAgain
from webhooks.known_heads import KnownHeads
from webhooks.ready_answer import Answer
from webhooks.server import Limits

CONSUME = "/api/credits/consume"
USER = ANA.external_id
BYTES = 300  # of every body here, so that every head is the same


@dataclass
class Ways:
    """Which way each request went that had a known head."""

    quick: list[bool] = field(default_factory=list)


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    """Note which way requests go; keys stay known, however long a test takes."""
    monkeypatch.setattr("webhooks.remembered_keys.MEMORY_SECONDS", 600)
    noted, begin = Ways(), ConsumeAgain.begin

    def note(self: ConsumeAgain, body: bytes, answer: Answer) -> bool:
        noted.quick.append(begin(self, body, answer))
        return noted.quick[-1]

    monkeypatch.setattr(ConsumeAgain, "begin", note)
    return noted


def body_of(request_id: str, **changes: Any) -> bytes:
    """Return an operation in as many bytes as every other."""
    wanted = {"user_id": USER, "module": "requests", "request_id": request_id} | changes
    text = json.dumps({name: value for name, value in wanted.items() if value is not None}).encode()
    return text[:-1] + b" " * (BYTES - len(text)) + text[-1:]


@dataclass
class Line:
    """A connection to the server, whose requests all have one head."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: bytes

    def send(self, body: bytes, *, extra: bytes = b"") -> None:
        """Send a request in one go."""
        self.writer.write(self.head.replace(b"\r\n\r\n", b"\r\n" + extra + b"\r\n") + body)

    async def answer(self) -> tuple[str, dict[str, str], Any]:
        """Read an answer: its first line, its headers and its document."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            return first, headers, json.loads(await self.reader.readexactly(int(headers["Content-Length"])))

    async def ask(self, body: bytes, *, extra: bytes = b"") -> tuple[str, dict[str, str], Any]:
        """Send a request and read its answer."""
        self.send(body, extra=extra)
        return await self.answer()

    async def ended(self) -> bytes:
        """Read what still comes, up to the end of the connection."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.reader.read()


@asynccontextmanager
async def line_to(bot: Running, *, key: dict[str, str] | None = None) -> AsyncIterator[Line]:
    """Open a connection, whose head is known once it has been answered."""
    key = key or await bot.key(Scope.QUOTA_CONSUME)
    head = f"POST {CONSUME} HTTP/1.1\r\nHost: x\r\nAuthorization: {key['Authorization']}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {BYTES}\r\n\r\n"
    host, port = bot.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Line(reader, writer, head.encode())
    finally:
        writer.close()


@pytest.fixture
async def line(alone: Running, ways: Ways) -> AsyncIterator[Line]:
    """Return a connection with a head that is known."""
    del ways  # before the key is looked up
    async with line_to(alone) as opened:
        await opened.ask(body_of("first"))
        yield opened


def alike(answer: tuple[str, dict[str, str], Any]) -> tuple[str, dict[str, str], Any]:
    """Return an answer without what differs between any two."""
    first, headers, document = answer
    assert headers.pop("X-Request-ID")
    assert headers.pop("RateLimit").startswith('"service";r=')
    assert headers.pop("Date").endswith(" GMT")
    if "Retry-After" in headers:
        headers["Retry-After"] = "some"
    headers.pop("Content-Length")  # follows from the document
    for own in ("request_id", "entry_ids", "left", "error_id"):
        document.pop(own, None)
    return first, headers, document


async def used(bot: Running) -> int:
    part = (await bot.balances.of(ANA)).of("requests")
    assert part is not None
    return part.windows[0].used


async def test_a_known_head_is_answered_the_quick_way(alone: Running, ways: Ways) -> None:
    """On its connection and on others, with the same headers and members as the usual way."""
    async with line_to(alone) as first:
        usual = await first.ask(body_of("r-1"))
        assert ways.quick == []
        again = await first.ask(body_of("r-2"))
        key = {"Authorization": first.head.split(b"Authorization: ")[1].split(b"\r\n")[0].decode()}
        async with line_to(alone, key=key) as other:
            elsewhere = await other.ask(body_of("r-3"))

    ids = {answer[1]["X-Request-ID"] for answer in (usual, again, elsewhere)}
    assert ways.quick == [True, True]
    assert len(ids) == 3
    assert [answer[2]["request_id"] for answer in (usual, again, elsewhere)] == ["r-1", "r-2", "r-3"]
    assert [answer[2]["left"]["allowance"] for answer in (usual, again, elsewhere)] == [49, 48, 47]
    assert alike(usual) == alike(again) == alike(elsewhere)
    assert await used(alone) == 3


@pytest.mark.parametrize(
    ("changes", "status", "way"),
    [
        ({"units": 2}, 200, "quick"),
        ({"user_id": "200", "metric": "requests", "module": None}, 200, "quick"),
        ({"request_id": "first"}, 200, "quick"),  # a replay
        ({"request_id": "first", "units": 2}, 409, "quick"),
        ({"units": 51}, 429, "quick"),
        ({"user_id": "300"}, 403, "quick"),  # blocked
        ({"units": 0}, 422, "usual"),
        ({"units": "1"}, 422, "usual"),
        ({"units": 10**17}, 422, "usual"),
        ({"module": "strange"}, 404, "usual"),
        ({"user_id": "a b"}, 400, "usual"),
        ({"user_id": None}, 422, "usual"),
        ({"strange": 1}, 422, "usual"),
        ({"request_id": "é"}, 200, "usual"),
    ],
)
async def test_either_way_gives_the_same_answer(  # noqa: PLR0917 - fixtures and cases
    alone: Running, ways: Ways, line: Line, changes: dict[str, Any], status: int, way: str
) -> None:
    """A spend, a replay, each kind of refusal; a request with an id of its own always goes the usual way."""
    alone.watch.to_noon()
    for account in ("200", "300"):
        await line.ask(body_of(f"first-{account}", user_id=account))
    await block(alone, AccountRef("user", "300"))
    ways.quick.clear()
    one = {"request_id": "r-1"} | changes
    two = one if one["request_id"] == "first" else one | {"request_id": f"{one['request_id']}-2"}
    answer = await line.ask(body_of(**one))
    usual = await line.ask(body_of(**two), extra=b"X-Request-ID: mine\r\n")

    assert ways.quick == [way == "quick"]
    assert int(answer[0].split()[1]) == status
    assert usual[1]["X-Request-ID"] == "mine"
    assert alike(answer) == alike(usual)


async def test_a_key_that_ended_is_refused_on_a_known_head(alone: Running, ways: Ways, line: Line) -> None:
    """Within the second that is promised; and one without the scope never was let in."""
    (key_id,) = [row[0] for row in await alone.rows("SELECT id FROM api_keys")]
    await alone.keys.revoke(key_id)
    alone.watch.ahead_ms += 600_000
    first, headers, answer = await line.ask(body_of("r-2"))

    assert (first.split()[1], answer["type"]) == ("401", "urn:jauge:problem:unauthorized")
    assert headers["WWW-Authenticate"].endswith('error="invalid_token"')
    assert ways.quick == [False]
    assert await used(alone) == 1


async def test_a_budget_counts_each_way_alike(tmp_path: Path, catalog: Catalog, ways: Ways) -> None:
    """And what is beyond it is refused with the words of the usual way."""
    async with running(tmp_path, catalog, limits=Limits(service=3)) as bot, line_to(bot) as line:
        answers = [await line.ask(body_of(f"r-{number}")) for number in range(4)]
        spent = await used(bot)

    assert [answer[0].split()[1] for answer in answers] == ["200", "200", "200", "429"]
    assert [answer[1]["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert ways.quick == [True, True, False]
    assert spent == 3


class Held:
    """The next operation, which a test keeps from being decided."""

    def __init__(self, bot: Running) -> None:
        self.begun = asyncio.Event()
        self._waiting: list[tuple[Consume, Waiter]] = []
        self._patch = pytest.MonkeyPatch()
        self._begin = bot.quota.begin
        self._patch.setattr(bot.quota, "begin", self._hold)

    def _hold(self, operation: Consume, waiter: Waiter) -> None:
        self._patch.undo()
        self._waiting.append((operation, waiter))
        self.begun.set()

    def go(self) -> None:
        """Let it be decided."""
        self._begin(*self._waiting.pop())


async def test_what_comes_behind_a_request_is_answered_behind_it(alone: Running, line: Line) -> None:
    """Whether it comes meanwhile or in the same go, and whichever way it takes; no later one is lost."""
    held = Held(alone)
    line.send(body_of("r-1"))
    await held.begun.wait()
    line.send(body_of("r-2"), extra=b"X-Request-ID: mine\r\n")
    held.go()
    behind = [await line.answer() for _ in range(2)]
    line.writer.write(2 * (line.head + body_of("r-3")))
    both = [await line.answer() for _ in range(2)]
    after = await line.ask(body_of("r-4"))

    assert [answer[2]["request_id"] for answer in (*behind, *both, after)] == [
        "r-1",
        "r-2",
        "r-3",
        "r-3",
        "r-4",
    ]
    assert [answer[2]["replayed"] for answer in both] == [False, True]
    assert await used(alone) == 5


async def test_a_request_in_pieces_is_the_librarys(alone: Running, ways: Ways, line: Line) -> None:
    """Its head alone, or all but its last byte, is no request; the next whole one is quick again."""
    answers = []
    for number, cut in enumerate((5, len(line.head), len(line.head) + 5, len(line.head) + BYTES - 1)):
        request = line.head + body_of(f"r-{number}")
        line.writer.write(request[:cut])
        await line.writer.drain()
        await alone.ask("GET", "/healthz")  # the server has read the first piece by then
        line.writer.write(request[cut:])
        answers.append(await line.answer())
    quick = await line.ask(body_of("r-9"))

    assert [answer[2]["request_id"] for answer in answers] == ["r-0", "r-1", "r-2", "r-3"]
    assert (quick[2]["request_id"], ways.quick) == ("r-9", [True])
    assert await used(alone) == 6


async def test_stopping_lets_what_a_known_head_began_finish(
    tmp_path: Path, catalog: Catalog, ways: Ways
) -> None:
    """Its answer says that the connection ends, and it does."""
    async with AsyncExitStack() as stack:
        async with running(tmp_path, catalog) as bot:
            line = await stack.enter_async_context(line_to(bot))
            await line.ask(body_of("r-1"))
            held = Held(bot)
            line.send(body_of("r-2"))
            await held.begun.wait()

            async def let_go() -> None:
                await closed(bot.url)
                held.go()

            letting = asyncio.ensure_future(let_go())
        await letting
        first, headers, answer = await line.answer()
        rest = await line.ended()

    assert (first, answer["request_id"]) == ("HTTP/1.1 200 OK", "r-2")
    assert (headers["Connection"], rest, ways.quick) == ("close", b"", [True])


async def test_a_caller_that_goes_away_has_spent_on_a_known_head_too(
    alone: Running, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    """What was begun is finished, and the same request gets its answer."""
    held = Held(alone)
    line.send(body_of("r-2"))
    await held.begun.wait()
    line.writer.transport.abort()
    held.go()
    await alone.quota.drain()
    async with line_to(alone) as other:
        _, _, answer = await other.ask(body_of("r-2"))

    assert answer["replayed"] is True
    assert await used(alone) == 2
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_a_failure_nobody_foresaw_has_an_id_on_a_known_head_too(
    alone: Running, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    """Before the operation is begun and after it."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("canary")

    def refuse(operation: Consume, waiter: Waiter) -> None:
        del operation
        waiter.set_exception(RuntimeError("canary"))

    for name, does in (("operation", fail), ("begin", refuse)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(alone.quota, name, does)
            first, headers, answer = await line.ask(body_of("r-2"))

        assert (first, answer["type"]) == (
            "HTTP/1.1 500 Internal Server Error",
            "urn:jauge:problem:internal-error",
        )
        assert headers["Content-Type"] == "application/problem+json"
        assert f"error id {answer['error_id']}" in caplog.text
        assert "canary" not in json.dumps(answer)


async def test_a_connection_is_idle_only_when_nothing_is_asked(alone: Running, ways: Ways) -> None:
    """What is answered past the library is none the less asked: its timer closes nothing meanwhile or behind it."""
    made: list[Connection] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "connection_made", noting(made, Connection.connection_made))
        async with line_to(alone) as line:
            await line.ask(body_of("r-1"))
            held = Held(alone)
            made[0]._next_keepalive_close_time = 0
            line.send(body_of("r-2"))
            await held.begun.wait()
            made[0]._process_keepalive()
            made[0]._next_keepalive_close_time = 0
            held.go()
            meanwhile = await line.answer()
            made[0]._process_keepalive()
            behind = await line.ask(body_of("r-3"))
            made[0]._next_keepalive_close_time = 0
            made[0]._process_keepalive()
            rest = await line.ended()

    assert [answer[2]["request_id"] for answer in (meanwhile, behind)] == ["r-2", "r-3"]
    assert (rest, ways.quick) == (b"", [True, True])


def noting(made: list[Connection], then: Callable[..., None]) -> Callable[..., None]:
    """Return a method that notes its object first."""

    def method(self: Connection, *arguments: Any) -> None:
        made.append(self)
        then(self, *arguments)

    return method


class Never:
    """Answers nothing."""

    def begin(self, body: bytes, answer: Answer) -> bool:
        """Leave it to the usual way."""
        del body, answer
        return False


def test_so_many_heads_are_known_at_most() -> None:
    """The one that was learned first is forgotten first; what is unusual is never learned."""
    heads, usual = KnownHeads(capacity=2), {"Content-Type": "application/json"}
    for head in (b"a", b"b", b"a", b"c"):
        heads.learn(head, usual, 1, Never())
    for strange in ({"Content-Type": "text/plain"}, {}, usual | {"Expect": "100-continue"}):
        heads.learn(b"d", strange, 1, Never())
    for name in ("Upgrade", "Transfer-Encoding", "Content-Encoding", "X-Request-ID"):
        heads.learn(b"d", usual | {name: "x"}, 1, Never())
    heads.learn(b"d", usual, None, Never())
    heads.learn(b"d" * 4096, usual, 1, Never())

    assert len(heads) == 2
    assert [heads.find(head) is None for head in (b"a", b"b", b"c", b"d")] == [False, True, False, True]


@pytest.mark.parametrize("before", ["chunks", "two at once"])
async def test_a_body_is_never_taken_for_a_request(
    alone: Running, ways: Ways, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """Not even where its bytes are a known request, and its own was answered before it came."""
    monkeypatch.setattr("webhooks.server.LINGER_SECONDS", PATIENCE_SECONDS)
    first, body = "Transfer-Encoding: chunked", b"1f4\r\n" + b"b" * 500 + b"\r\n0\r\n\r\n"
    if before == "two at once":
        first, body = "Content-Length: 500", b"b" * 500
    async with line_to(alone) as line:
        await line.ask(body_of("first"))
        hidden = line.head + body_of("hidden")
        # All that came by its end adds up to the first head and the body that is still to come.
        size = next(
            size for size in range(1000) if size == len(body) + len(early_head(f"Content-Length: {size}"))
        )
        early = early_head(f"Content-Length: {size}")
        if before == "chunks":
            line.writer.write(early_head(first) + body)
            answers = [await line.answer()]
            line.writer.write(early)
            answers.append(await line.answer())
        else:
            line.writer.write(early_head(first) + body + early)
            answers = [await line.answer() for _ in range(2)]
        line.writer.write(hidden)
        await line.writer.drain()
        await alone.ask("GET", "/healthz")  # the server has read it by then
        line.writer.write(b"b" * (size - len(hidden)))
        behind = await line.ask(body_of("behind"))

    assert {answer[0].split()[1] for answer in answers} == {"404"}
    assert (behind[2]["request_id"], ways.quick) == ("behind", [])
    assert await used(alone) == 2


def early_head(length: str) -> bytes:
    """Return the head of a request that is refused without its body."""
    return f"POST /nowhere HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n".encode()
