"""What each command does and how it is typed, for help, usage lines and slash descriptions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from wording.card import Card, Field, Tone, clipped
from wording.safe import Safe, safe_name
from wording.words import Words

MAX_DESCRIPTION = 100  # https://discord.com/developers/docs/interactions/application-commands
MAX_OTHERS = 30

# Every command with its arguments in order; "?" marks one that may be left out.
ARGUMENTS = {
    "quota": (),
    "buy_quota": (),
    "quota_history": (),
    "privacy": (),
    "notifications": (),
    "ask": ("question",),
    "help": ("command?",),
    "server_quota": ("setting?", "units?", "role?", "metric?"),
    "admin_quota add": ("user", "amount", "until?", "reason?"),
    "admin_quota remove": ("user", "amount", "reason?"),
    "admin_quota plan": ("user", "plan", "when?"),
    "admin_quota block": ("user", "reason?"),
    "admin_quota unblock": ("user", "reason?"),
    "admin_quota refund": ("order",),
    "admin_quota stats": (),
}
COMMANDS = tuple(name for name in ARGUMENTS if not name.startswith("admin_quota"))
OPERATOR_COMMANDS = tuple(name for name in ARGUMENTS if name.startswith("admin_quota"))
GROUP = "admin_quota"


def command_text(name: str, words: Words) -> str:
    """Return the short description of a command, as slash commands show it; KeyError for one that is not ours."""
    return words(f"command.{_key(name)}.short")


def option_text(command: str, option: str, words: Words) -> str:
    """Return the description of a slash command's option; KeyError for one that is not ours."""
    return words(f"option.{_key(command)}.{option}")


def usage_text(name: str, words: Words, *, prefix: str = "!") -> str:
    """Return how a command is typed: `!admin_quota add <@user> <amount> [reason]`."""
    if name == GROUP:
        return f"{prefix}{GROUP} " + "|".join(one.split()[1] for one in OPERATOR_COMMANDS)
    parts = [f"{prefix}{name}"]
    for argument in ARGUMENTS.get(name, ()):
        called = words(f"argument.{argument.rstrip('?')}")
        parts.append(words("help.optional" if argument.endswith("?") else "help.required", name=called))
    return " ".join(parts)


def help_card(
    command: str | None,
    words: Words,
    *,
    prefix: str,
    operator: bool,
    loaded: Collection[str] = COMMANDS,
    others: Sequence[tuple[str, str]] = (),
) -> Card:
    """
    Return help about one command, or about all of them.

    Args:
        command: `quota` or `admin_quota add`; one that does not exist gets the list.
        words: the reader's.
        prefix: before a command's name.
        operator: whether operators' commands are listed.
        loaded: those of our commands that this bot has.
        others: names and descriptions of commands that other cogs bring.

    """
    name = (
        None if command is None else " ".join(command.lower().removeprefix(prefix).removeprefix("/").split())
    )
    ours = [one for one in COMMANDS if one in loaded]
    if name in ours or (operator and (name in OPERATOR_COMMANDS or name == GROUP)):
        return _one(str(name), words, prefix)
    for other, description in others:
        if other == name:
            return Card(
                words("help.one", command=Safe(f"{prefix}{other}")),
                safe_name(description, length=1000),
                (Field(words("help.usage"), f"`{prefix}{other}`"),),
            )
    sections = [_lines(ours, words, prefix)]
    fields = []
    if operator:
        fields.append(Field(words("help.operator"), _lines(OPERATOR_COMMANDS, words, prefix)))
    if others:
        lines = [
            f"`{prefix}{other}` · {clipped(safe_name(text), MAX_DESCRIPTION)}"
            for other, text in others[:MAX_OTHERS]
        ]
        fields.append(Field(words("help.others"), "\n".join(lines)))
    unknown = command is not None and name
    intro = words("help.unknown", command=command or "") if unknown else words("help.intro")
    return Card(
        words("help.title"),
        "\n\n".join([intro, *sections]),
        tuple(fields),
        words("help.footer", usage=Safe(usage_text("help", words, prefix=prefix))),
        Tone.WARNING if unknown else Tone.INFO,
    )


def _one(name: str, words: Words, prefix: str) -> Card:
    fields = [Field(words("help.usage"), f"`{usage_text(name, words, prefix=prefix)}`")]
    if name == GROUP:
        fields.append(Field(words("help.operator"), _lines(OPERATOR_COMMANDS, words, prefix)))
    return Card(
        words("help.one", command=Safe(f"{prefix}{name}")),
        words(f"command.{_key(name)}.long"),
        tuple(fields),
    )


def _lines(names: Sequence[str], words: Words, prefix: str) -> str:
    return "\n".join(
        f"`{usage_text(name, words, prefix=prefix)}` · {command_text(name, words)}" for name in names
    )


def _key(name: str) -> str:
    return name.replace(" ", ".")
