"""
REST: the first answer to an interaction.

https://discord.com/developers/docs/interactions/receiving-and-responding#responding-to-an-interaction
"""

from typing import Any

from sandbox import discord_fields as fields
from sandbox import discord_message_shapes as shapes
from sandbox import discord_modal_rules as modals
from sandbox.discord_call import Answer, Call, Route
from sandbox.discord_errors import Path, Problems, already_acknowledged, unknown
from sandbox.discord_rules import Place, message_parts
from sandbox.discord_shapes import Json
from sandbox.happenings import (
    AnswerType,
    Interaction,
    InteractionAnswered,
    InteractionType,
    Message,
    MessageFlag,
    MessageType,
    ModalOpened,
)
from sandbox.message_parts import MessageParts
from sandbox.world import World

MAX_CHOICES = 25
DATA: Path = ("data",)
_MESSAGES = {AnswerType.MESSAGE, AnswerType.DEFERRED_MESSAGE}
_UPDATES = {AnswerType.DEFERRED_UPDATE, AnswerType.UPDATE}
ANSWERS: dict[int, set[int]] = {
    InteractionType.PING: {AnswerType.PONG},
    InteractionType.COMMAND: _MESSAGES | {AnswerType.MODAL},
    InteractionType.COMPONENT: _MESSAGES | _UPDATES | {AnswerType.MODAL},
    InteractionType.AUTOCOMPLETE: {AnswerType.CHOICES},
    InteractionType.MODAL: _MESSAGES,
}


def origin(interaction: Interaction) -> MessageParts:
    """Return what a message that answers `interaction` tells of it."""
    parts: MessageParts = {"interaction_id": interaction.id}
    if interaction.type == InteractionType.COMMAND:
        parts["type"] = MessageType.COMMAND
    elif interaction.source_id is not None:
        parts |= {"type": MessageType.REPLY, "reply_to": interaction.source_id}
    return parts


def add_answer(world: World, interaction: Interaction, parts: MessageParts, *, ephemeral: bool) -> Message:
    """Add a message of the bot that answers `interaction`, seen by its user alone when `ephemeral`."""
    if ephemeral:
        parts["flags"] = parts.get("flags", 0) | MessageFlag.EPHEMERAL
        parts["seen_by"] = interaction.user_id
    return world.add_message(channel_id=interaction.channel_id, author_id=world.bot.id, **parts)


async def answer(call: Call) -> Any:
    """Take the bot's first answer: within three seconds, once, and of a kind that fits."""
    interaction = _open_interaction(call)
    problems = Problems()
    allowed = set(ANSWERS[interaction.type])
    if interaction.type == InteractionType.MODAL and interaction.source_id is not None:
        allowed |= _UPDATES
    kind = fields.choice(problems, call.form, "type", among=allowed, required=True)
    data = call.form.get("data")
    data = {} if data is None else fields.mapping(problems, data, ("data",))
    problems.refuse()
    assert kind is not None
    message = _perform(call, interaction, kind, data or {})
    interaction.answer = kind
    call.world.publish(InteractionAnswered(interaction=interaction))
    if kind == AnswerType.MODAL:
        call.world.publish(ModalOpened(interaction=interaction))
    if not call.flag("with_response"):
        return None
    return Answer(status=200, body=_callback_shape(call.world, interaction, kind, message))


def _open_interaction(call: Call) -> Interaction:
    """Return the interaction in the path, which still waits for its answer."""
    interaction = call.world.interactions.get(call.id("interaction_id"))
    if interaction is None or interaction.token != call.request.match_info["token"]:
        raise unknown("interaction")
    if interaction.answer is not None:
        raise already_acknowledged()
    if interaction.failed or call.world.now_ms() - interaction.made_ms > call.world.answer_within_ms:
        raise unknown("interaction")
    return interaction


def _perform(call: Call, interaction: Interaction, kind: int, data: Json) -> Message | None:
    """Do what the answer asks and return the message that `@original` will mean."""
    message = None
    if kind == AnswerType.MODAL:
        modals.check(data)
        interaction.modal = data
    elif kind == AnswerType.CHOICES:
        interaction.choices = _choices(data)
    elif kind == AnswerType.MESSAGE:
        place = Place(
            channel_id=interaction.channel_id, author_id=call.world.bot.id, keeps_ephemeral=True, under=DATA
        )
        parts = origin(interaction) | message_parts(call.world, data, call.uploads, place)
        ephemeral = bool(parts.get("flags", 0) & MessageFlag.EPHEMERAL)
        message = add_answer(call.world, interaction, parts, ephemeral=ephemeral)
    elif kind == AnswerType.DEFERRED_MESSAGE:
        problems = Problems()
        flags = fields.integer(problems, data, "flags", ("data",), low=0, high=(1 << 31) - 1) or 0
        problems.refuse()
        parts = origin(interaction) | MessageParts(flags=int(MessageFlag.LOADING))
        message = add_answer(call.world, interaction, parts, ephemeral=bool(flags & MessageFlag.EPHEMERAL))
        interaction.waiting_fill = True
    else:
        message = _update(call, interaction, kind, data)
    interaction.original_id = None if message is None else message.id
    return message


def _update(call: Call, interaction: Interaction, kind: int, data: Json) -> Message:
    """Change the message whose component was pressed, or acknowledge that it may change later."""
    source = call.world.messages.get(interaction.source_id or 0)
    if source is None:
        raise unknown("message")
    if kind == AnswerType.DEFERRED_UPDATE:
        return source
    place = Place(channel_id=source.channel_id, author_id=source.author_id, previous=source, under=DATA)
    parts = message_parts(call.world, data, call.uploads, place)
    return call.world.edit_message(source, **parts)


def _choices(data: Json) -> list[Json]:
    problems = Problems()
    found = fields.array(problems, data, "choices", ("data",), high=MAX_CHOICES, required=True) or []
    for index, value in enumerate(found):
        path = ("data", "choices", index)
        choice = fields.mapping(problems, value, path)
        if choice is not None:
            fields.text(problems, choice, "name", path, low=1, high=100, required=True)
    problems.refuse()
    return found


def _callback_shape(world: World, interaction: Interaction, kind: int, message: Message | None) -> Json:
    """Return what `with_response` asks for."""
    told: Json = {"id": str(interaction.id), "type": interaction.type}
    resource: Json = {"type": kind}
    if message is not None:
        told |= {
            "response_message_id": str(message.id),
            "response_message_loading": message.is_loading,
            "response_message_ephemeral": message.is_ephemeral,
        }
        resource["message"] = shapes.message(world, message)
    shape: Json = {"interaction": told}
    return shape | {"resource": resource} if kind != AnswerType.CHOICES else shape


ROUTES = (
    Route(
        method="POST",
        path="/interactions/{interaction_id}/{token}/callback",
        handle=answer,
        bucket="interaction callback",
        needs_token=False,
    ),
)
