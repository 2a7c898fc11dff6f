"""Nothing that a user types in reaches what only this machine can reach."""

import asyncio
import socket

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from channels.guarded import MAX_ANSWER_BYTES, ForbiddenAddressError, Guarded, is_public
from tests.channels.receiver import receiving

HOSTILE = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://localhost/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[ff02::1]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://240.0.0.1/",
    "https://192.0.2.1/",
    "https://192.0.0.8/",
    "https://192.88.99.1/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fec0::1]/",
    "https://[3fff::1]/",
    "https://[5f00::1]/",
    "https://[fd00:ec2::254]/",
    "https://127.0.0.1./",
]


class Lying(AbstractResolver):
    """A resolver whose answers change: public the first time, private the next."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=answer,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Hold nothing."""


def is_forbidden(error: BaseException) -> bool:
    """Tell whether it was the guard that refused, and not the network."""
    text = str(error)
    return any(why in text for why in ("not public", "not allowed", "only https", "not a canonical IPv4"))


@pytest.mark.parametrize("url", HOSTILE)
async def test_hostile_addresses_are_refused(url: str) -> None:
    """However they are spelled; a name that does not resolve here is no way in either."""
    async with Guarded() as guarded:
        with pytest.raises((aiohttp.ClientError, OSError, ValueError)) as caught:
            await guarded.post(url, b"{}", {})

    # A name server may take longer to say so than we wait for an answer; a number is refused without one.
    unknown = (aiohttp.ClientConnectorDNSError, TimeoutError) if url.endswith("./") else ()
    assert is_forbidden(caught.value) or isinstance(caught.value, unknown)


async def test_a_name_that_changes_its_mind_is_judged_when_it_is_used() -> None:
    """A rebinding resolver: what is connected to is what was judged."""
    for answers in (("127.0.0.1",), ("169.254.169.254", "93.184.215.14")):
        async with Guarded(resolver=Lying(*answers)) as guarded:
            with pytest.raises(OSError, match="not public"):
                await guarded.post("https://rebinding.example/", b"{}", {})


async def test_plain_http_and_other_ports_are_refused() -> None:
    """Before anything is resolved, and where the socket is made."""
    async with Guarded(resolver=Lying("93.184.215.14")) as guarded:
        with pytest.raises(ForbiddenAddressError, match="only https"):
            await guarded.post("http://public.example/", b"{}", {})
        with pytest.raises(OSError, match="port 8443 is not allowed"):
            await guarded.post("https://public.example:8443/", b"{}", {})


async def test_redirects_are_not_followed() -> None:
    """They would lead anywhere."""
    async with receiving() as receiver, Guarded(allow_private=True) as guarded:
        receiver.statuses, receiver.headers = [302], {"Location": receiver.url}
        answer = await guarded.post(receiver.url, b"{}", {})

    assert (answer.status, answer.is_good) == (302, False)
    assert receiver.came.qsize() == 1


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would be asked to fetch what we may not."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with receiving() as receiver, Guarded(allow_private=True) as guarded:
        answer = await guarded.post(receiver.url, b"{}", {})

    assert answer.status == 200


async def test_an_endless_answer_is_cut_off() -> None:
    """64 KiB are read, whatever comes."""
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 4096)
                sent += 4096
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, Guarded(allow_private=True) as guarded:
        answer = await guarded.post(url, b"{}", {})

    assert answer.is_good
    assert sent < 1000 * MAX_ANSWER_BYTES  # systems keep some megabytes on the way


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"]
)
def test_the_public_internet_is_public(address: str) -> None:
    """Else the guard would refuse everything."""
    assert is_public(address)


def test_what_is_no_address_is_not_public() -> None:
    """Nobody knows what it would reach."""
    assert not is_public("example.org")
