"""REST: the bot's application commands, global and of the guild."""

from typing import Any

from sandbox import discord_command_rules as rules
from sandbox import discord_fields as fields
from sandbox.discord_call import Answer, Call, Route
from sandbox.discord_errors import DiscordError, Problems, forbidden, invalid, unknown
from sandbox.discord_shapes import Json
from sandbox.places import APPLICATION_ID, GUILD_ID
from sandbox.world import World

# Fields that a command has when its maker leaves them out.
DEFAULTS: Json = {
    "type": 1,
    "name_localizations": None,
    "description": "",
    "description_localizations": None,
    "default_member_permissions": None,
    "nsfw": False,
}
GLOBAL_DEFAULTS: Json = {"integration_types": [0], "contexts": None, "dm_permission": True}
KEPT = {*DEFAULTS, *GLOBAL_DEFAULTS, "name", "options"}


def _scope(call: Call) -> int | None:
    """Return the guild that the call is about, None for global commands."""
    if call.id("application_id") != APPLICATION_ID:
        raise DiscordError(403, 20012, "You are not authorized to perform this action on this application")
    if "guild_id" not in call.request.match_info:
        return None
    if call.id("guild_id") != GUILD_ID:
        raise forbidden(50001)
    return GUILD_ID


def commands_of(world: World, guild_id: int | None) -> list[Json]:
    """Return the commands of the guild, or the global ones, in the order they were made."""
    wanted = None if guild_id is None else str(guild_id)
    return [one for one in world.commands.values() if one.get("guild_id") == wanted]


def _stored(world: World, form: Json, guild_id: int | None, *, command_id: int | None = None) -> Json:
    """Return the command as Discord keeps it."""
    own_id = world.snowflakes.next() if command_id is None else command_id
    command = DEFAULTS | ({} if guild_id is not None else GLOBAL_DEFAULTS)
    command |= {key: value for key, value in form.items() if key in KEPT}
    command |= {
        "id": str(own_id),
        "application_id": str(APPLICATION_ID),
        "version": str(world.snowflakes.next()),
        "options": form.get("options") or [],
    }
    if command["default_member_permissions"] is not None:
        command["default_member_permissions"] = str(command["default_member_permissions"])
    return command if guild_id is None else command | {"guild_id": str(guild_id)}


async def listed(call: Call) -> list[Json]:
    """Return the commands."""
    found = commands_of(call.world, _scope(call))
    if call.flag("with_localizations"):
        return found
    return [{key: value for key, value in one.items() if not key.endswith("_localizations")} for one in found]


async def overwrite(call: Call) -> list[Json]:
    """Replace all commands; those whose name stays keep their id."""
    guild_id = _scope(call)
    if call.items is None:
        raise invalid((), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
    if len(call.items) > rules.MAX_COMMANDS:
        message = f"Must be {rules.MAX_COMMANDS} or fewer in length."
        raise invalid((), "BASE_TYPE_MAX_LENGTH", message)
    problems = Problems()
    forms: list[Json] = []
    for index, value in enumerate(call.items):
        form = fields.mapping(problems, value, (index,))
        if form is not None:
            rules.check(problems, form, (index,))
            forms.append(form)
    problems.refuse()
    rules.check_unique(problems, forms)
    problems.refuse()
    old = {(one["type"], one["name"]): int(one["id"]) for one in commands_of(call.world, guild_id)}
    for command_id in old.values():
        del call.world.commands[command_id]
    for form in forms:
        known_id = old.get((form.get("type") or 1, form["name"]))
        _keep(call.world, _stored(call.world, form, guild_id, command_id=known_id))
    return commands_of(call.world, guild_id)


def _keep(world: World, command: Json) -> Json:
    world.commands[int(command["id"])] = command
    return command


async def create(call: Call) -> Any:
    """Make a command, or replace the one of that name."""
    guild_id = _scope(call)
    problems = Problems()
    rules.check(problems, call.form)
    problems.refuse()
    existing = commands_of(call.world, guild_id)
    key = (call.form.get("type") or 1, call.form["name"])
    same = next((one for one in existing if (one["type"], one["name"]) == key), None)
    if same is None and len(existing) >= rules.MAX_COMMANDS:
        raise DiscordError(
            400, 30032, f"Maximum number of application commands reached ({rules.MAX_COMMANDS})"
        )
    command_id = None if same is None else int(same["id"])
    command = _keep(call.world, _stored(call.world, call.form, guild_id, command_id=command_id))
    return Answer(status=201 if same is None else 200, body=command)


def _require(call: Call) -> tuple[Json, int | None]:
    guild_id = _scope(call)
    command = call.world.commands.get(call.id("command_id"))
    if command is None or command not in commands_of(call.world, guild_id):
        raise unknown("command")
    return command, guild_id


async def get(call: Call) -> Json:
    """Return one command."""
    return _require(call)[0]


async def edit(call: Call) -> Json:
    """Change one command."""
    command, guild_id = _require(call)
    form = command | call.form
    problems = Problems()
    rules.check(problems, form)
    problems.refuse()
    return _keep(call.world, _stored(call.world, form, guild_id, command_id=int(command["id"])))


async def delete(call: Call) -> None:
    """Remove one command."""
    command, _ = _require(call)
    del call.world.commands[int(command["id"])]


def _routes(base: str, bucket: str) -> tuple[Route, ...]:
    one = f"{base}/{{command_id}}"
    return (
        Route(method="GET", path=base, handle=listed, bucket=bucket),
        Route(method="PUT", path=base, handle=overwrite, bucket=bucket),
        Route(method="POST", path=base, handle=create, bucket=bucket),
        Route(method="GET", path=one, handle=get, bucket=bucket),
        Route(method="PATCH", path=one, handle=edit, bucket=bucket),
        Route(method="DELETE", path=one, handle=delete, bucket=bucket),
    )


ROUTES = _routes("/applications/{application_id}/commands", "global commands") + _routes(
    "/applications/{application_id}/guilds/{guild_id}/commands", "guild commands"
)
