"""The same bytes get the same answers and leave the same ledger, whether known heads go a short way or not."""

import asyncio
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from quota_core.access_keys import Scope
from quota_core.catalog import Catalog
from tests.webhooks.running import Running, running
from tests.webhooks.test_connections import CONSUME, Ways, body_of, ways
from webhooks.known_heads import KnownHeads

__all__ = ["ways"]
STORIES = 80
KEY, LENGTH = "{key}", "Content-Length: {length}"
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
USUAL = (
    f"POST {CONSUME} HTTP/1.1",
    "Host: x",
    f"Authorization: Bearer {KEY}",
    "Content-Type: application/json",
    LENGTH,
)
HEADS = (
    USUAL,
    (*USUAL, "X-User-ID: 200"),
    (*USUAL, "X-User-ID: a b"),
    (*USUAL, "X-User-ID: 200", "X-User-ID: 100"),
    (*USUAL, "X-Request-ID: mine"),
    (*USUAL, "Connection: close"),
    (*USUAL, "Connection: keep-alive"),
    (*USUAL, "Connection: Upgrade", "Upgrade: h2c"),
    (*USUAL, "Expect: 100-continue"),
    (*USUAL, "Expect: much"),
    (*USUAL, "Content-Length: {length}"),
    (*USUAL, "Content-Length: 1"),
    (*USUAL, "Transfer-Encoding: chunked"),
    (*USUAL, "Content-Encoding: gzip"),
    (*USUAL, "Content-Type: text/plain"),
    (*USUAL, " folded"),
    (*USUAL, "No colon"),
    (*USUAL[:-1], "Content-Length: +{length}"),
    (*USUAL[:-1], "Content-Length: 0{length}"),
    (*USUAL[:-1], "Content-Length:   {length}  "),
    (*USUAL[:-1], "Content-Length: -{length}"),
    (*USUAL[:-1], "Content-Length: {length}, {length}"),
    (*USUAL[:-1], "content-length:{length}"),
    (*USUAL[:-1], "Content-Length : {length}"),
    USUAL[:-1],
    (*USUAL[:3], "Content-Type: application/json; charset=utf-8", LENGTH),
    (*USUAL[:3], "Content-Type: text/plain", LENGTH),
    (*USUAL[:2], f"authorization: bearer  {KEY}", *USUAL[3:]),
    (*USUAL[:2], f"X-Admin-Key: {KEY}", *USUAL[3:]),
    (*USUAL[:2], f"Authorization: Bearer {KEY}x", *USUAL[3:]),
    (*USUAL[:2], *USUAL[3:]),
    (f"POST {CONSUME} HTTP/1.0", *USUAL[1:]),
    (f"POST {CONSUME} HTTP/1.0", *USUAL[1:], "Connection: keep-alive"),
    (f"POST {CONSUME}?a=b HTTP/1.1", *USUAL[1:]),
    ("POST /api/credits/%63onsume HTTP/1.1", *USUAL[1:]),
    (f"POST http://y{CONSUME} HTTP/1.1", *USUAL[1:]),
    (f"GET {CONSUME} HTTP/1.1", *USUAL[1:]),
    (f"HEAD {CONSUME} HTTP/1.1", *USUAL[1:]),
    (f"post {CONSUME} HTTP/1.1", *USUAL[1:]),
    (f"\r\nPOST {CONSUME} HTTP/1.1", *USUAL[1:]),
    ("POST /nowhere HTTP/1.1", *USUAL[1:]),
    ("POST /api/credits/batch HTTP/1.1", *USUAL[1:]),
)
CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"units": 3},
    {"units": 40},
    {"units": 0},
    {"units": -1},
    {"units": 1.5},
    {"units": True},
    {"units": 2**53},
    {"units": 10**30},
    {"user_id": None},
    {"user_id": 100},
    {"user_id": "me"},
    {"user_id": "project:web"},
    {"user_id": ""},
    {"module": None},
    {"module": None, "metric": "requests"},
    {"metric": "requests"},
    {"module": "strange"},
    {"action": "x"},
    {"strange": 1},
    {"request_id": "a\tb"},
    {"request_id": "é"},
    {"request_id": "\x7f"},
    {"request_id": ["a"]},
    {"request_id": "same"},
    {"request_id": "same", "units": 2},
)
BODIES = (
    b"",
    b"null",
    b"[]",
    b"{",
    b'{"request_id":"a","request_id":"b"}',
    b'{"request_id":"\xff"}',
    b" " * 17_000,
)


class Story:
    """What one caller sends on one connection, in which pieces."""

    def __init__(self, number: int) -> None:
        self._chance, self._number = random.Random(number), number
        self._few = self._chance.sample(HEADS, 2)

    def pieces(self, key: str) -> Iterator[bytes]:
        """Yield what is sent before the server reads again; always the same for a number and a key's length."""
        chance = random.Random(self._number)
        whole = [self._request(chance, turn, key) for turn in range(chance.randint(2, 8))]
        for request in whole:
            if chance.random() < 0.6:
                yield request
                continue
            cuts = sorted(chance.randrange(len(request)) for _ in range(chance.randint(1, 3)))
            yield from (request[one:two] for one, two in zip([0, *cuts], [*cuts, None], strict=True))
        if chance.random() < 0.3:
            yield b"".join(whole[:2])

    def _request(self, chance: random.Random, turn: int, key: str) -> bytes:
        lines = USUAL if chance.random() < 0.6 else chance.choice(self._few)
        changes = {"request_id": f"r-{self._number}-{turn}", "user_id": str(1000 + self._number)} | (
            chance.choice(CHANGES) if chance.random() < 0.5 else {}
        )
        body = (
            body_of(changes.pop("request_id"), **changes) if chance.random() < 0.9 else chance.choice(BODIES)
        )
        length = len(body) + (chance.choice((-1, 1, -len(body), 5)) if chance.random() < 0.05 else 0)
        if "Transfer-Encoding: chunked" in lines:
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        head = "\r\n".join(lines).replace(KEY, key).replace("{length}", str(max(0, length)))
        return head.encode() + b"\r\n\r\n" + body


class Caller(asyncio.Protocol):
    """Keeps what comes, so that nothing is lost when the server closes."""

    def __init__(self) -> None:
        self.came, self.ended = b"", asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Keep it."""
        self.came += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nothing comes any more."""
        del exc
        self.ended.set()


async def told(bot: Running, story: Story, key: str) -> bytes:
    """Send a story and return all that came back."""
    host, port = bot.url.removeprefix("http://").split(":")
    transport, caller = await asyncio.get_running_loop().create_connection(Caller, host, int(port))
    for piece in (*story.pieces(key), LAST):
        if caller.ended.is_set():
            break
        transport.write(piece)
        await bot.ask("GET", "/healthz")  # the server has read it by then
        await bot.rows("SELECT 1")  # looked its key up, since the database takes turns
        await bot.quota.drain()
        await bot.ask("GET", "/healthz")  # and answered it
    transport.abort()
    return caller.came


def alike(answers: bytes) -> list[Any]:
    """Return answers without what differs between any two."""
    text = answers.decode("latin-1")
    for pattern, some in (
        (r"X-Request-ID: (?!mine)\S+", "X-Request-ID: some"),
        (r"Date: [^\r]+", "Date: some"),
        (r'"error_id": "\w+"', ""),
        (r"t=\d+", "t=some"),
        (r"Retry-After: \d+", "Retry-After: some"),
    ):
        text = re.sub(pattern, some, text)
    # The order of headers says nothing.
    return [sorted(part.split("\r\n")) for part in re.split(r"(?=HTTP/1\.[01] \d)", text)]


@contextmanager
def librarys() -> Iterator[None]:
    """Serve with the library's own connections."""

    class Plain(web.RequestHandler):
        def __init__(self, manager: web.Server, *, heads: KnownHeads, **options: Any) -> None:
            del heads
            super().__init__(manager, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("webhooks.server.Connection", Plain)
        yield


@pytest.fixture(autouse=True)
def _no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing depend on how fast the machine is."""
    monkeypatch.setattr("webhooks.server.LINGER_SECONDS", 0.0)
    monkeypatch.setattr("webhooks.credits_api.CONSUME_TIMEOUT_SECONDS", 600.0)


async def test_either_connection_answers_alike(tmp_path: Path, catalog: Catalog, ways: Ways) -> None:
    """Whatever is sent, in whatever pieces, by good callers and bad ones."""
    found: list[list[Any]] = []
    ledgers = []
    for way in ("known", "plain"):
        (tmp_path / way).mkdir()
        async with running(tmp_path / way, catalog) as bot:
            bot.watch.to_noon()
            key = (await bot.key(Scope.QUOTA_CONSUME))["Authorization"].removeprefix("Bearer ")
            with nullcontext() if way == "known" else librarys():
                found.append([alike(await told(bot, Story(number), key)) for number in range(STORIES)])
            ledgers.append(await bot.rows("SELECT account, kind, units, parts FROM entries ORDER BY id"))

    for number, (known, plain) in enumerate(zip(*found, strict=True)):
        assert known == plain, f"story {number}"
    assert ledgers[0] == ledgers[1]
    assert sum(ways.quick) > STORIES / 2
