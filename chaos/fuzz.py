"""
Every parser that strangers reach, with inputs that are nearly right: samples, a dictionary, and a few mutations.

A blind search finds nothing in minutes; with the pieces that each format is made of, the traps of its libraries
are found in seconds. Whatever a parser does not accept it must refuse in its own words.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from zoneinfo import ZoneInfo

import discord
from discord import app_commands
from discord.ext import commands

from chaos.raising import PROJECT
from chaos.tally import Tally
from cogs.arguments import amount_in, until_in
from quota_core import catalog_file
from quota_core.access_keys import AccessKey, Scope
from quota_core.errors import CatalogError
from webhooks import stripe_events
from webhooks.access import account_of
from webhooks.operations import wanted_from
from webhooks.problems import ProblemError
from wording.safe import safe_name

SECRET = "whsec_fuzz"
NOW_SECONDS = 1_800_000_000
PIECES = (
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xc3\xa9",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xae",
        b"@everyone",
        b"`",
        b"](",
    ),
    *(
        b"null",
        b"NaN",
        b"1e999",
        b"-0",
        b"9" * 400,
        b'"',
        b"\\u0000",
        b"\\ud800",
        b"[" * 200,
        b"{",
        b"}",
        b",",
        b":",
    ),
    *(b"t=", b",v1=", b"v0=", b"=", b"-1", b"1.5", b"true", b"user:", b"guild:", b"\n", b"\r\n", b"\t", b" "),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A parser, what it may raise, samples of what it accepts, and pieces of its own format."""

    parse: Callable[[bytes], object]
    refuses_with: tuple[type[Exception], ...]
    samples: Sequence[bytes]
    pieces: Sequence[bytes] = ()


def _signature(header: bytes) -> None:
    stripe_events.verify(b"{}", header.decode("latin-1"), secrets=[SECRET], now_seconds=NOW_SECONDS)


def _event(raw: bytes) -> None:
    """Sign whatever comes, so that what follows the signature is reached."""
    signed = f"{NOW_SECONDS}.".encode() + raw
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    stripe_events.read(raw, f"t={NOW_SECONDS},v1={digest}", secrets=[SECRET], now_seconds=NOW_SECONDS)


def _account(raw: bytes) -> None:
    key = AccessKey(
        id="k",
        name="k",
        scopes=frozenset({Scope.QUOTA_READ}),
        account=None,
        created_ms=0,
        expires_ms=None,
        revoked_ms=None,
    )
    account_of(key, Scope.QUOTA_READ, raw.decode("utf-8", "surrogateescape"))


def _name(raw: bytes) -> None:
    shown = safe_name(raw.decode("utf-8", "replace"))
    assert "@everyone" not in shown
    assert re.search(r"(?<!\\)\]\(", shown) is None
    assert "\u202e" not in shown


def _until(raw: bytes) -> None:
    until_in(raw.decode("utf-8", "replace"), now_ms=NOW_SECONDS * 1000, zone=ZoneInfo("Europe/Paris"))


EVENT = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "checkout.session.completed",
        "livemode": False,
        "data": {
            "object": {
                "id": "cs_1",
                "object": "checkout.session",
                "client_reference_id": "o",
                "payment_status": "paid",
                "amount_subtotal": 1499,
                "currency": "eur",
                "mode": "payment",
                "payment_intent": "pi_1",
                "metadata": {"type": "quota_purchase", "order": "o"},
                "total_details": {"amount_discount": 0, "amount_tax": 0},
            }
        },
    }
).encode()
REFUSED_ARGUMENT = (commands.CommandError, app_commands.AppCommandError, discord.DiscordException)


def targets() -> dict[str, Target]:
    """Return every target by name."""
    header = hmac.new(SECRET.encode(), f"{NOW_SECONDS}.{{}}".encode(), hashlib.sha256).hexdigest()
    catalog = (PROJECT / "data" / "catalogs" / "quota-manager.toml").read_bytes()
    operation = b'{"user_id":"1","units":2,"request_id":"r-1","metric":"requests"}'
    untrusted = (stripe_events.UntrustedEventError,)
    return {
        "signature": Target(
            parse=_signature,
            refuses_with=untrusted,
            samples=[f"t={NOW_SECONDS},v1={header}".encode()],
            pieces=(b",v1=" + header.encode(), b"t=" + b"9" * 5000),
        ),
        "event": Target(
            parse=_event, refuses_with=untrusted, samples=[EVENT], pieces=(b'"paid"', b'"data":null', b"{}")
        ),
        "operation": Target(
            parse=wanted_from, refuses_with=(ProblemError,), samples=[operation], pieces=(b'"units":', b"1.0")
        ),
        "account": Target(
            parse=_account, refuses_with=(ProblemError,), samples=[b"user:1", b"123", b"project:abc"]
        ),
        "catalog": Target(
            parse=lambda raw: catalog_file.parse(raw.decode("utf-8", "replace"), name="fuzz.toml"),
            refuses_with=(CatalogError,),
            samples=[catalog],
            pieces=(
                b'"unlimited"',
                b"[[plans.free.allowances]]",
                b"limit = ",
                b"[metrics.",
                b'period = "hour"',
            ),
        ),
        "amount": Target(
            parse=lambda raw: amount_in(raw.decode("utf-8", "replace")),
            refuses_with=REFUSED_ARGUMENT,
            samples=[b"100"],
            pieces=("٣".encode(), b"_"),
        ),
        "until": Target(
            parse=_until,
            refuses_with=REFUSED_ARGUMENT,
            samples=[b"2027-01-31", b"30d"],
            pieces=(b"9999-12-31",),
        ),
        "name": Target(parse=_name, refuses_with=(), samples=[b"Ana `x` [a](b) @everyone"]),
    }


def fuzz(seed: int, seconds: float) -> Tally:
    """Try every target for so long."""
    tally = Tally()
    for name, target in targets().items():
        random, count, until = Random(f"{seed}:{name}"), 0, time.monotonic() + seconds
        for sample in target.samples:
            target.parse(sample)
        while time.monotonic() < until:
            raw = mutated(random, target)
            count += 1
            try:
                target.parse(raw)
            except target.refuses_with:
                pass
            except Exception as error:
                tally.found["drifted"].append(f"parser {name}, seed {seed}: {error!r} from {raw[:200]!r}")
                break
        tally.faults[f"fuzzed: {name}"] += 1
        tally.figures[f"fuzzed {name}"] = f"{count:,} inputs, {count / seconds:,.0f} a second"
    return tally


def mutated(random: Random, target: Target) -> bytes:
    """Return a sample with a few changes."""
    raw = bytearray(random.choice(target.samples))
    pieces = (*PIECES, *target.pieces)
    for _ in range(random.randint(1, 4)):
        start = random.randrange(len(raw) + 1)
        end = min(len(raw), start + random.choice((0, 1, 2, 8, 30)))
        what = random.randrange(4)
        if what == 0:
            raw[start:end] = random.choice(pieces)
        elif what == 1:
            del raw[start:end]
        elif what == 2:
            raw[start:start] = raw[start:end]
        elif raw:
            raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)
    return bytes(raw)
