"""What an error of Discord means for a message that is owed. Each is classified once, here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

import discord

MAX_PAUSE_SECONDS = 3600.0


class Fate(Enum):
    """What becomes of the message."""

    LATER = "later"
    KEEP = "keep"
    GIVE_UP = "give up"
    REOPEN = "reopen"
    SLOW_DOWN = "slow down"
    STOP = "stop"


# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json-json-error-codes
_FATES = {
    50007: Fate.KEEP,  # the user takes no direct messages from us
    50278: Fate.KEEP,  # we share no server with the user
    10013: Fate.GIVE_UP,  # unknown user
    50033: Fate.GIVE_UP,  # invalid recipient
    10003: Fate.REOPEN,  # unknown channel
    40003: Fate.SLOW_DOWN,  # direct channels are opened too fast
    20026: Fate.SLOW_DOWN,  # held back for spam
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A fate with its reason; `after_seconds` when Discord says how long to wait."""

    fate: Fate
    reason: str
    after_seconds: float | None = None


def verdict_on(error: Exception) -> Verdict:
    """
    Return what to do after `error`.

    Discord's own refusals (403, 404) are final and never repeated, since too many of them lead to a ban. Whatever
    leaves it open whether the message arrived (a timeout, a cut connection, an answer that is no JSON) is
    tried again with the same nonce.
    """
    if isinstance(error, discord.RateLimited):
        after_seconds = min(error.retry_after, MAX_PAUSE_SECONDS)
        return Verdict(fate=Fate.LATER, reason="rate limited", after_seconds=after_seconds)
    if not isinstance(error, discord.HTTPException):
        return Verdict(fate=Fate.LATER, reason=repr(error))
    reason = f"{error.status} {error.code} {error.text}"
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Verdict(fate=Fate.LATER, reason=reason, after_seconds=_retry_after_seconds(error))
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Verdict(fate=Fate.LATER, reason=reason)
    if error.status == HTTPStatus.UNAUTHORIZED:
        return Verdict(fate=Fate.STOP, reason=reason)
    # What is not named here will not get through either; it is shown at the user's next command instead.
    return Verdict(fate=_FATES.get(error.code, Fate.KEEP), reason=reason)


def _retry_after_seconds(error: discord.HTTPException) -> float | None:
    """Return what a 429 asks for that discord.py would not wait out; None when it does not say."""
    try:
        seconds = float(error.response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(max(0.0, seconds), MAX_PAUSE_SECONDS)
