"""Slash commands as Discord's client sends them: found among the registered ones, options checked before."""

from typing import Any

from sandbox.control_forms import RefusalError, channel_of, flag_of, person_of, text_of
from sandbox.discord_command_rules import CommandType, OptionType
from sandbox.discord_fields import as_id
from sandbox.discord_interaction_shapes import IN_BOT_DM, IN_GUILD, resolved
from sandbox.happenings import Interaction, InteractionType
from sandbox.places import Channel, Permission, User
from sandbox.world import World

Json = dict[str, Any]
MAX_TEXT = 6000
ID_KINDS = {OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE}


def usable_commands(world: World, viewer: User) -> list[Json]:
    """Return the slash commands that the viewer is offered in the guild or a direct message."""
    return [
        one
        for one in world.commands.values()
        if one["type"] == CommandType.SLASH and (_is_permitted(world, one, viewer) or _is_for(one, IN_BOT_DM))
    ]


def use(world: World, form: Json, *, kind: int = InteractionType.COMMAND) -> Interaction:
    """Use a slash command as a person; `force` sends what Discord's client would not let through."""
    user = person_of(world, form, "as")
    channel = channel_of(world, form, user)
    name, *path = text_of(form, "command").lstrip("/").split() or [""]
    command = _command(world, name)
    forced = bool(flag_of(form, "force"))
    if not forced:
        _check_usable(world, command, user, channel)
    options = form.get("options") or {}
    if not isinstance(options, dict):
        raise RefusalError("options must be an object of name and value")
    reader = OptionReader(world, forced=forced, focused=str(form.get("focused") or ""))
    nested = reader.nested(command, path, options)
    data: Json = {"id": command["id"], "name": command["name"], "type": 1, "options": nested}
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    if named := reader.resolved(dm=channel.is_dm):
        data["resolved"] = named
    return world.make_interaction(
        kind=kind, user_id=user.id, channel_id=channel.id, data=data, name=" ".join([name, *path])
    )


def _command(world: World, name: str) -> Json:
    """Return the slash command of that name; the guild's own comes before a global one."""
    found = [
        one for one in world.commands.values() if one["name"] == name and one["type"] == CommandType.SLASH
    ]
    if not found:
        raise RefusalError(f"the bot has no slash command {name!r}", status=404)
    return next((one for one in found if "guild_id" in one), found[0])


def _check_usable(world: World, command: Json, user: User, channel: Channel) -> None:
    if not _is_for(command, IN_BOT_DM if channel.is_dm else IN_GUILD):
        raise RefusalError(f"/{command['name']} is not offered here", status=403)
    if channel.is_dm:
        return
    if not _is_permitted(world, command, user, channel.id):
        raise RefusalError(f"/{command['name']} is not offered to {user.name}", status=403)


def _is_for(command: Json, context: int) -> bool:
    """Return whether the command is offered in that context; a guild's own never is in direct messages."""
    if "guild_id" in command:
        return context == IN_GUILD
    if command.get("contexts") is not None:
        return context in command["contexts"]
    return context == IN_GUILD or command.get("dm_permission") is not False


def _is_permitted(world: World, command: Json, user: User, channel_id: int | None = None) -> bool:
    """Return whether the user's permissions let Discord's client offer the command."""
    places = [one.id for one in world.channels.values() if not one.is_dm]
    held = world.permissions_in(user.id, places[0] if channel_id is None else channel_id)
    if held & Permission.ADMINISTRATOR:
        return True
    wanted = command["default_member_permissions"]
    if wanted is None:
        return bool(held & Permission.USE_APPLICATION_COMMANDS)
    # "0" means nobody but administrators.
    return int(wanted) != 0 and held & int(wanted) == int(wanted)


class OptionReader:
    """
    Turns values by name into option objects, and notes whom and what they name.

    Args:
        world: says which users, roles and channels exist.
        forced: whether to let wrong values through.
        focused: for an autocomplete, the option that is being typed.

    """

    def __init__(self, world: World, *, forced: bool, focused: str = "") -> None:
        self._world = world
        self._forced = forced
        self._focused = focused
        self._named: dict[str, list[int]] = {"user_ids": [], "role_ids": [], "channel_ids": []}

    def resolved(self, *, dm: bool) -> Json:
        """Return the `resolved` object for all options read so far."""
        return resolved(self._world, **self._named, dm=dm)

    def nested(self, holder: Json, path: list[str], values: Json) -> list[Json]:
        """Return the options of a command, inside those of its sub-commands along `path`."""
        children = holder.get("options") or []
        groups = [one for one in children if one["type"] in {OptionType.SUBCOMMAND, OptionType.GROUP}]
        if not path:
            if groups:
                names = ", ".join(one["name"] for one in groups)
                raise RefusalError(f"{holder['name']} needs one of its sub-commands: {names}")
            return self._leaf(children, values)
        child = next((one for one in groups if one["name"] == path[0]), None)
        if child is None:
            raise RefusalError(f"{holder['name']} has no sub-command {path[0]!r}", status=404)
        inner = self.nested(child, path[1:], values)
        return [{"type": child["type"], "name": child["name"], "options": inner}]

    def _leaf(self, options: list[Json], values: Json) -> list[Json]:
        known = {option["name"] for option in options}
        if unknown := set(values) - known:
            raise RefusalError(f"no such option: {', '.join(sorted(unknown))}")
        read = []
        for option in options:
            if values.get(option["name"]) is None:
                if option.get("required") and not self._forced and not self._focused:
                    raise RefusalError(f"the option {option['name']} is required")
                continue
            one: Json = {"type": option["type"], "name": option["name"]}
            one["value"] = self._value(option, values[option["name"]])
            read.append(one | ({"focused": True} if option["name"] == self._focused else {}))
        return read

    def _value(self, option: Json, value: Any) -> Any:
        kind, name = option["type"], option["name"]
        if kind in ID_KINDS:
            return self._id(option, value)
        if option["name"] == self._focused:
            return str(value)
        if kind == OptionType.ATTACHMENT:
            raise RefusalError(f"{name}: the sandbox's people attach no files")
        typed = _typed(kind, value)
        if typed is None:
            if self._forced:
                return value
            raise RefusalError(f"{name} must be a {OptionType(kind).name.lower()}")
        if not self._forced:
            _check_bounds(option, typed)
        return typed

    def _id(self, option: Json, value: Any) -> str:
        found = as_id(value)
        kind = option["type"]
        for key, known, kinds in (
            ("user_ids", self._world.users, {OptionType.USER, OptionType.MENTIONABLE}),
            ("role_ids", self._world.roles, {OptionType.ROLE, OptionType.MENTIONABLE}),
            ("channel_ids", self._world.channels, {OptionType.CHANNEL}),
        ):
            if kind in kinds and found is not None and found in known:
                if found not in self._named[key]:
                    self._named[key].append(found)
                return str(found)
        raise RefusalError(f"{option['name']} must be the id of a {OptionType(kind).name.lower()}")


def _typed(kind: int, value: Any) -> str | float | bool | None:
    """Return the value in its option's type; numbers may come as typed text, as in Discord's own box."""
    if kind == OptionType.STRING:
        return value if isinstance(value, str) else None
    if kind == OptionType.BOOLEAN:
        spelled = {"true": True, "false": False}.get(value) if isinstance(value, str) else value
        return spelled if isinstance(spelled, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value) if kind == OptionType.NUMBER else int(str(value))
    except ValueError:
        return None


def _check_bounds(option: Json, value: str | float | bool) -> None:  # noqa: FBT001 - an option's value
    """Refuse a value outside its option's bounds or choices."""
    name = option["name"]
    choices = option.get("choices") or []
    if choices and value not in [choice["value"] for choice in choices]:
        raise RefusalError(f"{name} must be one of its choices")
    if isinstance(value, str):
        low, high = option.get("min_length") or 0, option.get("max_length") or MAX_TEXT
        if not low <= len(value) <= high:
            raise RefusalError(f"{name} must have {low} to {high} characters")
    elif not isinstance(value, bool):
        least, most = option.get("min_value"), option.get("max_value")
        if least is not None and value < least:
            raise RefusalError(f"{name} must be at least {least}")
        if most is not None and value > most:
            raise RefusalError(f"{name} must be at most {most}")
