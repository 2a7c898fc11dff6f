"""Bodies that nobody should send: each is a 4xx problem document, none is a 500, and memory stays bounded."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quota_core.catalog import Catalog
from tests.webhooks.running import HOOK, PATIENCE_SECONDS, Running, running

CHECKOUT = "/api/quota/checkout"
GOOD = b'{"user_id": "7", "package_id": "quota_100"}'
JSON = "application/json"

BROKEN = {
    "empty": b"",
    "blank": b"   ",
    "no JSON": b"user_id=7",
    "half": GOOD[:-3],
    "two documents": GOOD + GOOD,
    "invalid UTF-8": b'{"user_id": "\xff", "package_id": "quota_100"}',
    "an overlong UTF-8": b'{"user_id": "\xc0\xaf", "package_id": "quota_100"}',
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a byte-order mark": b"\xef\xbb\xbf" + GOOD,
    "NaN": b'{"user_id": NaN, "package_id": "quota_100"}',
    "Infinity": b'{"user_id": -Infinity, "package_id": "quota_100"}',
    "1e999": b'{"user_id": 1e999, "package_id": "quota_100"}',
    "5,000 digits": b'{"user_id": ' + b"9" * 5000 + b', "package_id": "quota_100"}',
    "21 digits": b'{"user_id": ' + b"9" * 21 + b', "package_id": "quota_100"}',
    "a key twice": b'{"user_id": "7", "user_id": "8", "package_id": "quota_100"}',
    "deep lists": b"[" * 8000,
    "deep lists that end": b"[" * 8000 + b"]" * 8000,
    "deep objects": b'{"a":' * 2000 + b"1" + b"}" * 2000,
    "a little too deep": b"[" * 17 + b"]" * 17,
    "a control character": b'{"user_id": "7\n", "package_id": "quota_100"}',
    "single quotes": b"{'user_id': 7}",
    "a comment": b'{"user_id": "7", /* me */ "package_id": "quota_100"}',
}
INVALID = {
    "a list": b"[]",
    "a string": b'"7"',
    "null": b"null",
    "a number": b"7",
    "no fields": b"{}",
    "no package": b'{"user_id": "7"}',
    "one field more": b'{"user_id": "7", "package_id": "quota_100", "amount": 1}',
    "a quantity": b'{"user_id": "7", "package_id": "quota_100", "units": 1000000}',
    "a price": b'{"user_id": "7", "package_id": "quota_100", "price_minor": 1}',
    "a boolean id": b'{"user_id": true, "package_id": "quota_100"}',
    "a float id": b'{"user_id": 7.0, "package_id": "quota_100"}',
    "zero": b'{"user_id": 0, "package_id": "quota_100"}',
    "a negative id": b'{"user_id": -7, "package_id": "quota_100"}',
    "an empty id": b'{"user_id": "", "package_id": "quota_100"}',
    "a null id": b'{"user_id": null, "package_id": "quota_100"}',
    "a list of ids": b'{"user_id": ["7"], "package_id": "quota_100"}',
    "a package that is a number": b'{"user_id": "7", "package_id": 100}',
    "a long package": b'{"user_id": "7", "package_id": "' + b"x" * 300 + b'"}',
    "half a character": b'{"user_id": "7", "package_id": "\\ud800"}',
    "a field that is half a character": b'{"\\ud800": 1}',
    "a guild": b'{"user_id": "guild:7", "package_id": "quota_100"}',
    "a project": b'{"user_id": "project:x", "package_id": "quota_100"}',
}


@pytest.fixture
async def key(alone: Running) -> dict[str, str]:
    """Return the headers of a key with every scope."""
    return await alone.key()


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_what_is_not_strict_json_is_a_400(alone: Running, key: dict[str, str], body: bytes) -> None:
    """Python's own parser is more generous than that."""
    status, answer, headers = await alone.ask(
        "POST", CHECKOUT, data=body, headers={**key, "Content-Type": JSON}
    )

    assert (status, answer["type"]) == (400, "urn:jauge:problem:invalid-json")
    assert headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID)
async def test_json_of_another_form_is_a_422(alone: Running, key: dict[str, str], body: bytes) -> None:
    """Closed and strict: no field more, no type other than the documented ones."""
    status, answer, _ = await alone.ask("POST", CHECKOUT, data=body, headers={**key, "Content-Type": JSON})

    assert status == 422
    assert answer["type"] in ("urn:jauge:problem:invalid-body", "urn:jauge:problem:not-a-user")
    assert await alone.rows("SELECT * FROM orders") == []


async def test_a_refused_body_is_described_without_its_values(alone: Running, key: dict[str, str]) -> None:
    """They may be long, or a secret in the wrong place."""
    body = {"user_id": "7", "package_id": "quota_100", "token": "canary-1234"}
    _, answer, _ = await alone.ask("POST", CHECKOUT, json=body, headers=key)

    assert answer["errors"] == [{"at": "token", "problem": "Extra inputs are not permitted"}]
    assert "canary" not in json.dumps(answer)


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "application/x-www-form-urlencoded", "application/json; charset=iso-8859-1", ""),
        *(
            "application/json; charset=utf-16",
            "application/json; charset=nonsense",
            "application/jsonp",
            "json",
        ),
    ],
)
async def test_another_type_or_charset_is_a_415(alone: Running, key: dict[str, str], kind: str) -> None:
    """A form on another site can send text/plain, but not this type."""
    status, answer, _ = await alone.ask("POST", CHECKOUT, data=GOOD, headers={**key, "Content-Type": kind})

    assert (status, answer["type"]) == (415, "urn:jauge:problem:unsupported-media-type")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "gzip, gzip", "unknown"])
@pytest.mark.parametrize("path", [CHECKOUT, HOOK])
async def test_a_compressed_body_is_a_415(
    alone: Running, key: dict[str, str], path: str, encoding: str
) -> None:
    """Small on the wire, large in memory."""
    bomb = gzip.compress(b"0" * 20_000_000)
    headers = {**key, "Content-Type": JSON, "Content-Encoding": encoding}
    status, answer, _ = await alone.ask("POST", path, data=bomb, headers=headers)

    assert (status, answer["type"]) == (415, "urn:jauge:problem:compressed-body")


@pytest.mark.parametrize(("path", "size_bytes"), [(CHECKOUT, 16 * 1024 + 1), (HOOK, 256 * 1024 + 1)])
async def test_a_body_beyond_the_limit_is_a_413_announced_or_not(
    alone: Running, key: dict[str, str], path: str, size_bytes: int
) -> None:
    """By its length, or chunk by chunk."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(size_bytes // 1024 + 1):
            yield b" " * 1024

    headers = {**key, "Content-Type": JSON}
    announced, _, _ = await alone.ask("POST", path, data=b" " * size_bytes, headers=headers)
    chunked, answer, _ = await alone.ask("POST", path, data=chunks(), headers=headers)

    assert (announced, chunked) == (413, 413)
    assert answer["type"] == "urn:jauge:problem:body-too-large"


async def raw(bot: Running, sent: bytes, *, end: bool = False) -> bytes:
    """Return all that the server says to these bytes until it closes the connection."""
    host, port = bot.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(sent)
        await writer.drain()
        if end:
            writer.write_eof()
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def head(path: str, *lines: str) -> bytes:
    """Return the head of a POST."""
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


async def test_a_body_that_never_comes_is_a_408(
    alone: Running, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server library itself would wait for ever; the time is shortened here."""
    monkeypatch.setattr("webhooks.stripe_webhook.TIMEOUT_SECONDS", 0.1)
    answer = await raw(alone, head(HOOK, "Content-Length: 100") + b"{")

    assert key
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"urn:jauge:problem:slow-body" in answer
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    "sent",
    [
        head(HOOK, "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n",
        head(HOOK, "Transfer-Encoding: chunked", "Content-Length: 2") + b"{}",
        head(HOOK, "Content-Length: 2", "Content-Length: 3") + b"{}",
        head(HOOK, "Content-Length: -2") + b"{}",
        head(HOOK, f"X-Long: {'x' * 20_000}", "Content-Length: 0"),
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET " + b"/" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=range(8),
)
async def test_what_is_not_http_is_a_400_and_the_end(
    alone: Running, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """No handler sees it, and a stranger cannot fill the log with errors."""
    answer = await raw(alone, sent)

    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ")), answer[:200]
    assert b"Traceback" not in answer
    assert {record.levelname for record in caplog.records} <= {"INFO"}
    assert "Traceback" not in caplog.text


async def test_a_body_that_is_cut_off_changes_nothing(alone: Running) -> None:
    """The connection ends before the body does."""
    await raw(alone, head(HOOK, "Content-Length: 100") + b'{"id":', end=True)
    status, _, _ = await alone.ask("GET", "/healthz")

    assert status == 200
    assert await alone.outcomes() == []


async def test_connections_that_say_nothing_are_closed(tmp_path: Path, catalog: Catalog) -> None:
    """Idle, and in the middle of their headers."""
    async with running(tmp_path, catalog, keepalive_seconds=0.2) as bot:
        silent, partial = await asyncio.gather(
            raw(bot, b""), raw(bot, b"POST /webhooks/stripe HTTP/1.1\r\nHost:")
        )

    assert (silent, partial) == (b"", b"")
