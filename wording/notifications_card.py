"""What somebody chose about messages, and one of the places where they go."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from quota_core.addresses import shown
from quota_core.outbox_log import Delivery
from quota_core.preferences import Preference
from quota_core.store.recipients import Recipient
from wording.card import Card, Field
from wording.plain import moment
from wording.safe import Safe, safe_name
from wording.words import Words

MAX_SHOWN = 40
MAX_LINES = 5


def notifications_card(preference: Preference, recipients: Sequence[Recipient], words: Words) -> Card:
    """Return what is on and off, when it is quiet, and who else gets messages."""
    fields = [Field(words("notify.dm"), words(f"notify.dm_{preference.dm}"), inline=True)]
    fields += [
        Field(
            words(f"notify.{topic}"),
            words("notify.off" if topic in preference.muted else "notify.on"),
            inline=True,
        )
        for topic in ("alerts", "billing")
    ]
    fields.append(Field(words("notify.quiet"), _quiet(preference, words), inline=True))
    others = [_line(number, one, words) for number, one in enumerate(recipients, 1)]
    fields.append(Field(words("notify.others"), "\n".join(others) or words("notify.nobody")))
    return Card(words("notify.title"), words("notify.intro"), tuple(fields))


def recipient_card(recipient: Recipient, deliveries: Sequence[Delivery], words: Words) -> Card:
    """Return how one recipient stands, with the last messages to it."""
    lines = [
        words(
            "notify.last_line",
            when=words.relative(one.sent_ms or one.created_ms),
            kind=kind_name(one.kind, words),
            state=words(f"notify.state_{one.state}"),
            n=one.attempts,
            failure=safe_name(f"({one.failure})", length=MAX_SHOWN) if one.failure else Safe(""),
        )
        for one in deliveries
    ]
    title = words("notify.one", channel=_channel(recipient, words), target=_target(recipient))
    standing = words(f"notify.standing_{_standing(recipient)}")
    kinds = [kind_name(kind, words) for kind in recipient.kinds.split()]
    fields = (
        Field(words("notify.hears"), "\n".join(kinds) or words("notify.hears_all")),
        Field(words("notify.last"), "\n".join(lines[:MAX_LINES]) or words("notify.last_none")),
    )
    return Card(title, standing, fields)


def kind_name(kind: str, words: Words) -> Safe:
    """Return what a kind of messages tells of."""
    key = f"event.{kind}"
    return words(key) if words.has(key) else words("event.other")


def delivery_label(delivery: Delivery, words: Words, zone: ZoneInfo) -> str:
    """Return one delivery as a line of a menu, where no marks are drawn."""
    when = moment(delivery.sent_ms or delivery.created_ms, words, zone)
    return f"{when}: {kind_name(delivery.kind, words)}, {words(f'notify.state_{delivery.state}')}"


def secret_card(secret: str, words: Words) -> Card:
    """Return a webhook's secret, for its owner's eyes."""
    return Card(words("notify.secret"), words("notify.secret_line", secret=Safe(secret)))


def _line(number: int, one: Recipient, words: Words) -> str:
    return words(
        "notify.to",
        n=number,
        channel=_channel(one, words),
        target=_target(one),
        standing=words(f"notify.standing_{_standing(one)}"),
    )


def _channel(one: Recipient, words: Words) -> Safe:
    return words(f"channel.{one.channel}")


def _target(one: Recipient) -> Safe:
    return safe_name(shown(one), length=MAX_SHOWN)


def _standing(one: Recipient) -> str:
    if one.disabled_ms is not None:
        return "off"
    if one.code is not None:
        return "unproved"
    return "failing" if one.failures else "on"


def _quiet(preference: Preference, words: Words) -> str:
    if preference.quiet is None:
        return words("notify.quiet_none")
    from_minute, until_minute = preference.quiet
    return words(
        "notify.quiet_hours",
        from_=Safe(f"{from_minute // 60:02}:{from_minute % 60:02}"),
        until=Safe(f"{until_minute // 60:02}:{until_minute % 60:02}"),
        zone=safe_name(preference.zone),
    )
