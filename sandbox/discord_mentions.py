"""Who a message mentions, and whom its sender lets it mention."""

import re
from dataclasses import dataclass
from typing import Any

from sandbox import discord_fields as fields
from sandbox.discord_errors import Problems
from sandbox.places import Permission
from sandbox.world import World

USER_MENTION = re.compile(r"<@!?([0-9]{1,19})>")
ROLE_MENTION = re.compile(r"<@&([0-9]{1,19})>")
EVERYONE = re.compile(r"@(everyone|here)\b")
PARSED = ("users", "roles", "everyone")
MAX_LISTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """Whom a message mentions so that they are told."""

    user_ids: tuple[int, ...] = ()
    role_ids: tuple[int, ...] = ()
    everyone: bool = False


def check(problems: Problems, form: dict[str, Any]) -> None:
    """
    Note what is wrong with `allowed_mentions`.

    https://discord.com/developers/docs/resources/message#allowed-mentions-object
    """
    if form.get("allowed_mentions") is None:
        return
    path = ("allowed_mentions",)
    allowed = fields.mapping(problems, form["allowed_mentions"], path)
    if allowed is None:
        return
    parse = fields.array(problems, allowed, "parse", path, high=len(PARSED)) or []
    for index, kind in enumerate(parse):
        if kind not in PARSED:
            listed = "('users', 'roles', 'everyone')"
            problems.add((*path, "parse", index), "BASE_TYPE_CHOICES", f"Value must be one of {listed}.")
    for key in ("users", "roles"):
        listed_ids = fields.array(problems, allowed, key, path, high=MAX_LISTED)
        if listed_ids and key in parse:
            message = f'parse:["{key}"] and {key}: [ids...] are mutually exclusive.'
            problems.add((*path, key), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
    fields.boolean(problems, allowed, "replied_user", path)


def found(
    world: World,
    content: str,
    *,
    channel_id: int,
    author_id: int,
    allowed: dict[str, Any] | None,
    replied_id: int | None = None,
) -> Mentions:
    """
    Return whom `content` mentions.

    Args:
        world: says who exists, and whether the author may mention everyone.
        content: the message's text.
        channel_id: where the message is.
        author_id: who wrote it.
        allowed: `allowed_mentions` as sent; None lets everything be mentioned.
        replied_id: the author of the message that this one answers.

    """
    users = [int(one) for one in USER_MENTION.findall(content) if int(one) in world.users]
    roles = [int(one) for one in ROLE_MENTION.findall(content) if int(one) in world.roles]
    everyone = bool(EVERYONE.search(content))
    may_all = bool(world.permissions_in(author_id, channel_id) & Permission.MENTION_EVERYONE)
    if allowed is None:
        replied = [] if replied_id is None else [replied_id]
        return Mentions(user_ids=_once(users + replied), role_ids=_once(roles), everyone=everyone and may_all)
    parse = allowed.get("parse") or []
    if "users" not in parse:
        users = [one for one in users if one in _ids(allowed.get("users"))]
    if "roles" not in parse:
        roles = [one for one in roles if one in _ids(allowed.get("roles"))]
    if replied_id is not None and allowed.get("replied_user"):
        users.append(replied_id)
    return Mentions(
        user_ids=_once(users),
        role_ids=_once(roles),
        everyone=everyone and may_all and "everyone" in parse,
    )


def _ids(values: Any) -> set[int]:
    return {one for value in values or () if (one := fields.as_id(value)) is not None}


def _once(values: list[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(values))
