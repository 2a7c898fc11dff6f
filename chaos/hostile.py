"""What strangers write to the bot's port, byte by byte: half requests, two at once, false lengths, nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from chaos.fuzz import EVENT, PIECES
from chaos.tally import Tally
from sandbox.stripe_delivery import signature
from tests.program.place import WEBHOOK_SECRET, Bot, opened_place

WAIT_SECONDS, REST_SECONDS = 90.0, 0.3
SERVED_SECONDS = 10.0  # less than the server lets a connection say nothing, more than a busy machine takes
HUNG = 599
IDLE = 500
GROWTH_KIB = 60_000
CONSUME, HOOK = "POST /api/credits/consume", "POST /webhooks/stripe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Bytes in pieces, with `pause_seconds` between them; `leave` closes without waiting for an answer."""

    pieces: tuple[bytes, ...]
    pause_seconds: float = 0.0
    leave: bool = False


def _request(line: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    lines = {"Host": "x", "Content-Length": str(len(body)), **(headers or {})}
    head = f"{line} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return head.encode("latin-1", "replace") + b"\r\n" + body


def cases(key: Mapping[str, str]) -> dict[str, Case]:
    """Return every hostile request by its name; `key` is the header of a key that is good."""
    event = EVENT.replace(b'"evt_1"', b'"evt_hostile"')
    signed = {"Stripe-Signature": signature(event, secret=WEBHOOK_SECRET, now_seconds=int(time.time()))}
    found = {
        "headers that never end": Case(pieces=(b"GET /healthz HTTP/1.1\r\nHost:", b" x\r\nX-A: ")),
        "body that never ends": Case(pieces=(_request(HOOK, b"", {"Content-Length": "100"}), b"{")),
        "two requests at once": Case(pieces=(_request("GET /healthz") * 2,)),
        "length and chunks": Case(
            pieces=(_request(HOOK, b"0\r\n\r\n", {"Transfer-Encoding": "chunked", "Content-Length": "3"}),)
        ),
        "two lengths": Case(
            pieces=(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",)
        ),
        "bad chunk": Case(
            pieces=(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",)
        ),
        "headers of 64 KiB": Case(pieces=(_request("GET /healthz", b"", {"X-Long": "a" * 65_536}),)),
        "a thousand headers": Case(
            pieces=(_request("GET /healthz", b"", {f"X-{number}": "a" for number in range(1000)}),)
        ),
        "a hundred megabytes": Case(
            pieces=(_request(HOOK, b"", {"Content-Length": "104857600"}), b"a" * 70_000)
        ),
        "a bomb": Case(
            pieces=(_request(HOOK, gzip.compress(bytes(10_000_000)), {"Content-Encoding": "gzip"}),)
        ),
        "closed after the body": Case(pieces=(_request(HOOK, event, signed),), leave=True),
        "closed within the body": Case(pieces=(_request(HOOK, event, signed)[:-10],), leave=True),
    }
    for method in ("HEAD", "OPTIONS", "TRACE", "CONNECT", "PRI", "\x00"):
        found[f"method {method!r}"] = Case(pieces=(_request(f"{method} /healthz"),))
    for path in ("//", "/%00", "/../../etc/passwd", "http://evil.example/", "*", "/pay/%FF", "/a" * 4000):
        found[f"path {path[:30]!r}"] = Case(pieces=(_request(f"GET {path}"),))
    for host in ("", "evil.example", "a" * 300, "x:99999", "[::1"):
        found[f"host {host[:20]!r}"] = Case(pieces=(_request("GET /checkout/success", b"", {"Host": host}),))
    for body in BODIES:
        headers = {**key, "Content-Type": "application/json"}
        found[f"body {body[:24]!r}"] = Case(pieces=(_request(CONSUME, body, headers),))
    for kind in ("application/json; charset=utf-7", "text/plain", "", "application/json; charset=latin-1"):
        body = b'{"user_id":"1","request_id":"r"}'
        found[f"type {kind!r}"] = Case(pieces=(_request(CONSUME, body, {**key, "Content-Type": kind}),))
    return found


BODIES = (
    *(b"", b"\xef\xbb\xbf{}", b"\xff\xfe", b"[]", b"null", b'{"units":NaN}', b'{"units":1e999}', b"{" * 5000),
    *(b'{"units":' + b"9" * 5000 + b"}", b'{"units":1,"units":2}', b"[" * 5000 + b"]" * 5000, b'"\\ud800"'),
    *(b'{"user_id":"1","units":true,"request_id":"r"}', b'{"user_id":"1","units":"1","request_id":"r"}'),
    *(b'{"user_id":"1","units":-1,"request_id":"r"}', b'{"user_id":"../1","request_id":"r"}'),
    *(b'{"user_id":"1","request_id":""}', b'{"user_id":"1","request_id":"r","admin":true}'),
)


async def hostile(folder: Path, seed: int, nonsense: int, *, patient: bool) -> Tally:
    """
    Send everything to one running bot, with so many broken requests more; it must stay well.

    Who is not `patient` leaves out what the server takes long to hang up on.
    """
    tally = Tally()
    async with opened_place(folder) as place, place.bot() as bot:
        key = await bot.key("quota:consume")
        pid = bot.program._process.pid if bot.program._process is not None else 0
        before_kib = _memory_kib(pid)
        everything = cases(key)
        if not patient:
            del everything["headers that never end"]
        answers = await asyncio.gather(*(_sent(bot, case) for case in everything.values()))
        for name, answer in zip(everything, answers, strict=True):
            tally.faults["hostile request"] += 1
            if any(status >= 500 for status in answer):
                tally.found["drifted"].append(f"{name}: answered {answer}, {HUNG} is nothing at all")
        await _idle(bot, tally)
        await _nonsense(bot, Random(seed), nonsense, tally)
        if await bot.status("/healthz") != 200 or await bot.status("/readyz") != 200:
            tally.found["drifted"].append("it is not well after hostile requests")
        growth_kib = _memory_kib(pid) - before_kib
        if growth_kib > GROWTH_KIB:
            tally.found["drifted"].append(f"hostile requests cost {growth_kib} KiB of memory")
        if "Traceback" in str(bot.program.log):
            tally.found["drifted"].append(f"a hostile request raised: {str(bot.program.log)[-1500:]}")
        tally.figures["hostile requests, memory they cost"] = (
            f"{len(everything) + nonsense}, {growth_kib} KiB"
        )
        await bot.program.stop()
    return tally


async def _sent(bot: Bot, case: Case) -> list[int]:
    """Send a case and return the statuses of all answers, until the server hangs up or is silent."""
    host, port = bot.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for piece in case.pieces:
            writer.write(piece)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            await asyncio.sleep(case.pause_seconds)
        if case.leave:
            return []
        return await _answers(reader)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _answers(reader: asyncio.StreamReader) -> list[int]:
    """Return the statuses that come, nothing when the server hangs up, and `HUNG` when it does neither."""
    answer = b""
    try:
        async with asyncio.timeout(WAIT_SECONDS) as patience:
            while chunk := await reader.read(65_536):
                answer += chunk
                patience.reschedule(asyncio.get_running_loop().time() + REST_SECONDS)
    except ConnectionError:
        pass
    except TimeoutError:
        if not answer:
            return [HUNG]
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]


async def _idle(bot: Bot, tally: Tally) -> None:
    """Open many connections that say nothing; a real caller must still be served at once."""
    host, port = bot.url.removeprefix("http://").split(":")
    opened = await asyncio.gather(*(asyncio.open_connection(host, int(port)) for _ in range(IDLE)))
    began_seconds = time.monotonic()
    if await bot.status("/healthz") != 200 or time.monotonic() - began_seconds > SERVED_SECONDS:
        tally.found["drifted"].append("idle connections keep a caller waiting")
    for _, writer in opened:
        writer.close()
    tally.faults["idle connections"] += IDLE


async def _nonsense(bot: Bot, random: Random, count: int, tally: Tally) -> None:
    whole = _request(HOOK, json.dumps({"id": "evt"}).encode(), {"Stripe-Signature": "t=1,v1=00"})
    for start in range(0, count, 50):
        batch = [Case(pieces=(_broken(whole, random), b"\r\n\r\n")) for _ in range(min(50, count - start))]
        answers = await asyncio.gather(*(_briefly(bot, case) for case in batch))
        tally.faults["nonsense on the wire"] += len(batch)
        for case, answer in zip(batch, answers, strict=True):
            if any(status >= 500 for status in answer):
                tally.found["drifted"].append(f"{answer} to {case.pieces[0]!r}")


async def _briefly(bot: Bot, case: Case) -> list[int]:
    try:
        async with asyncio.timeout(0.5):
            return await _sent(bot, case)
    except TimeoutError:
        return []


def _broken(whole: bytes, random: Random) -> bytes:
    raw = bytearray(whole)
    for _ in range(random.randint(1, 3)):
        start = random.randrange(len(raw))
        raw[start : start + random.choice((0, 1, 5))] = random.choice(PIECES)
    return bytes(raw)


def _memory_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise RuntimeError("no process")
