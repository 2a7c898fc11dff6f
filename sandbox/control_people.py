"""What people do in the control API: write, press, use a command, send a modal."""

from typing import Any

from sandbox import discord_component_rules as components
from sandbox import discord_mentions as mentions
from sandbox.control_forms import RefusalError, channel_of, flag_of, id_of, person_of, text_of
from sandbox.discord_component_rules import Kind
from sandbox.discord_interaction_shapes import resolved
from sandbox.discord_rules import MAX_CONTENT
from sandbox.happenings import Interaction, InteractionType, Message, MessageType
from sandbox.message_parts import MessageParts
from sandbox.places import APPLICATION_ID, Permission, User
from sandbox.world import World

Json = dict[str, Any]
RESOLVED_KINDS = {
    Kind.USER_SELECT: "user_ids",
    Kind.ROLE_SELECT: "role_ids",
    Kind.CHANNEL_SELECT: "channel_ids",
}


def write(world: World, form: Json) -> Message:
    """Send a message as a person."""
    author = person_of(world, form, "as")
    channel = channel_of(world, form, author)
    content = text_of(form, "content").strip()
    if not content or len(content) > MAX_CONTENT:
        raise RefusalError(f"content must have 1 to {MAX_CONTENT} characters")
    if not world.permissions_in(author.id, channel.id) & Permission.SEND_MESSAGES:
        raise RefusalError(f"{author.name} may not write in this channel", status=403)
    parts: MessageParts = {"content": content}
    answered = _visible_message(world, form, author, "reply_to") if form.get("reply_to") else None
    if answered is not None:
        parts |= {"reply_to": answered.id, "type": MessageType.REPLY}
    found = mentions.found(
        world,
        content,
        channel_id=channel.id,
        author_id=author.id,
        allowed=None,
        replied_id=None if answered is None else answered.author_id,
    )
    parts |= {
        "mention_ids": found.user_ids,
        "mention_role_ids": found.role_ids,
        "mention_everyone": found.everyone,
    }
    return world.add_message(channel_id=channel.id, author_id=author.id, **parts)


def _visible_message(world: World, form: Json, viewer: User, key: str) -> Message:
    message = world.messages.get(id_of(form, key))
    if message is None or not world.sees_message(viewer.id, message):
        raise RefusalError(f"{key}: {viewer.name} sees no message {form.get(key)}", status=404)
    return message


def press(world: World, form: Json) -> Interaction:
    """Press a button or choose in a menu; with `force`, send a `custom_id` that the message may not have."""
    user = person_of(world, form, "as")
    custom_id = text_of(form, "custom_id")
    forced = bool(flag_of(form, "force"))
    message = _visible_message(world, form, user, "message")
    if message.author_id != APPLICATION_ID:
        raise RefusalError("only messages of the bot have components")
    component = _component(message, custom_id)
    if component is None and not forced:
        raise RefusalError(f"the message has no component {custom_id!r}")
    component = component or {"type": int(Kind.BUTTON), "custom_id": custom_id}
    if component.get("disabled") and not forced:
        raise RefusalError(f"the component {custom_id!r} is disabled")
    data: Json = {"custom_id": custom_id, "component_type": component["type"], "id": component.get("id", 0)}
    if component["type"] in components.SELECTS:
        data |= _chosen(world, message, component, form.get("values"), forced=forced)
    elif form.get("values") is not None:
        raise RefusalError("a button takes no values")
    return world.make_interaction(
        kind=InteractionType.COMPONENT,
        user_id=user.id,
        channel_id=message.channel_id,
        data=data,
        source_id=message.id,
    )


def _component(message: Message, custom_id: str) -> Json | None:
    found = (one for one in components.walk(message.components) if one.get("custom_id") == custom_id)
    return next(found, None)


def _chosen(world: World, message: Message, select: Json, values: Any, *, forced: bool) -> Json:
    """Return the chosen `values`, checked as Discord's client would, and what they stand for."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise RefusalError("values must be a list of texts")
    if not forced:
        _check_chosen(world, select, values)
    chosen: Json = {"values": values}
    kind = Kind(select["type"])
    if kind in RESOLVED_KINDS or kind == Kind.MENTIONABLE_SELECT:
        ids = [int(value) for value in values if value.isdigit()]
        named: dict[str, list[int]] = {
            "user_ids": [one for one in ids if one in world.users],
            "role_ids": [one for one in ids if one in world.roles],
            "channel_ids": [one for one in ids if one in world.channels],
        }
        wanted = RESOLVED_KINDS.get(kind)
        for key in named:
            if wanted not in {None, key}:
                named[key] = []
        chosen["resolved"] = resolved(world, **named, dm=world.channels[message.channel_id].is_dm)
    return chosen


def _check_chosen(world: World, select: Json, values: list[str]) -> None:
    low = 1 if select.get("min_values") is None else select["min_values"]
    high = 1 if select.get("max_values") is None else select["max_values"]
    if not low <= len(values) <= high or len(set(values)) != len(values):
        raise RefusalError(f"choose {low} to {high} different values")
    if select["type"] == Kind.STRING_SELECT:
        offered = {option["value"] for option in select["options"]}
    else:
        offered = {str(one) for one in (*world.users, *world.roles, *world.channels)}
    if unknown := set(values) - offered:
        raise RefusalError(f"not offered: {', '.join(sorted(unknown))}")


def send_modal(world: World, form: Json) -> Interaction:
    """Send the modal that an interaction of this user was answered with, its values checked."""
    user = person_of(world, form, "as")
    parent = world.interactions.get(id_of(form, "interaction"))
    if parent is None or parent.user_id != user.id or parent.modal is None:
        raise RefusalError("interaction: no modal of this user is open for it", status=404)
    values = form.get("values")
    if not isinstance(values, dict):
        raise RefusalError("values must be an object of custom_id and value")
    known = {one["custom_id"] for one in components.walk(parent.modal["components"]) if "custom_id" in one}
    if unknown := set(values) - known:
        raise RefusalError(f"the modal has no {', '.join(sorted(unknown))}")
    rows = [_filled(row, values) for row in parent.modal["components"]]
    return world.make_interaction(
        kind=InteractionType.MODAL,
        user_id=user.id,
        channel_id=parent.channel_id,
        data={"custom_id": parent.modal["custom_id"], "components": rows},
        source_id=parent.source_id,
        parent_id=parent.id,
    )


def _filled(row: Json, values: Json) -> Json:
    """Return a line of the modal as it is sent."""
    if row["type"] == Kind.ROW:
        return {"type": 1, "id": 1, "components": [_filled_input(one, values) for one in row["components"]]}
    if row["type"] == Kind.LABEL:
        return {"type": 18, "id": 1, "component": _filled_input(row["component"], values)}
    return {"type": row["type"], "id": 1}


def _filled_input(one: Json, values: Json) -> Json:
    """Return an input with its value, held to its own bounds."""
    custom_id = one["custom_id"]
    filled: Json = {"type": one["type"], "id": one.get("id", 1), "custom_id": custom_id}
    if one["type"] == Kind.TEXT_INPUT:
        value = values.get(custom_id, one.get("value") or "")
        if not isinstance(value, str):
            raise RefusalError(f"{custom_id} must be a text")
        low = one.get("min_length") or (1 if one.get("required", True) else 0)
        if (value or one.get("required", True)) and not low <= len(value) <= (one.get("max_length") or 4000):
            raise RefusalError(f"{custom_id} must have {low} to {one.get('max_length') or 4000} characters")
        return filled | {"value": value}
    if one["type"] in {Kind.RADIO, Kind.CHECKBOX}:
        return filled | {"value": values.get(custom_id)}
    chosen = values.get(custom_id, [])
    return filled | {"values": chosen if isinstance(chosen, list) else [chosen]}
