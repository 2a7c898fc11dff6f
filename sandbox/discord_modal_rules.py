"""
What Discord accepts as a modal.

https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-modal
"""

from sandbox import discord_component_rules as components
from sandbox import discord_fields as fields
from sandbox.discord_component_rules import SELECTS, Json, Kind
from sandbox.discord_errors import Path, Problems

MAX_INPUTS = 5
MAX_TEXT = 4000
IN_LABEL = SELECTS | {Kind.TEXT_INPUT, Kind.UPLOAD, Kind.RADIO, Kind.CHECKBOXES, Kind.CHECKBOX}


def check(modal: Json) -> None:
    """
    Check a modal: title, custom_id, and one to five rows or labels with an input each.

    Raises:
        DiscordError: 50035 with everything wrong with it.

    """
    path: Path = ("data",)
    problems = Problems()
    fields.text(problems, modal, "title", path, low=1, high=45, required=True)
    fields.text(problems, modal, "custom_id", path, low=1, high=100, required=True)
    rows = fields.array(problems, modal, "components", path, low=1, high=MAX_INPUTS, required=True) or []
    for index, value in enumerate(rows):
        row_path = (*path, "components", index)
        row = fields.mapping(problems, value, row_path)
        if row is not None:
            _row(problems, row, row_path)
    ids = [one["custom_id"] for one in components.walk(rows) if one.get("custom_id")]
    if len({str(one) for one in ids}) != len(ids):
        message = "Component custom id cannot be duplicated"
        problems.add((*path, "components"), "COMPONENT_CUSTOM_ID_DUPLICATED", message)
    problems.refuse()


def _row(problems: Problems, row: Json, path: Path) -> None:
    """Check one line of a modal."""
    among = {Kind.ROW.value, Kind.TEXT.value, Kind.LABEL.value}
    kind = fields.choice(problems, row, "type", path, among=among, required=True)
    if kind == Kind.TEXT:
        fields.text(problems, row, "content", path, low=1, high=MAX_TEXT, required=True)
    if kind == Kind.ROW:
        children = fields.array(problems, row, "components", path, low=1, high=1, required=True) or []
        for child in children:
            _input(problems, child, (*path, "components", 0), {Kind.TEXT_INPUT}, labelled=True)
    if kind == Kind.LABEL:
        fields.text(problems, row, "label", path, low=1, high=45, required=True)
        fields.text(problems, row, "description", path, high=100)
        _input(problems, row.get("component"), (*path, "component"), IN_LABEL, labelled=False)


def _input(problems: Problems, value: object, path: Path, allowed: set[Kind], *, labelled: bool) -> None:
    """Check an input; in a row it carries its own label."""
    found = fields.mapping(problems, value, path)
    if found is None:
        return
    among = {kind.value for kind in allowed}
    kind = fields.choice(problems, found, "type", path, among=among, required=True)
    if kind is None:
        return
    if kind in SELECTS:
        components.check_select(problems, found, path)
        return
    fields.text(problems, found, "custom_id", path, low=1, high=100, required=True)
    if kind in {Kind.RADIO, Kind.CHECKBOXES}:
        components.check_options(problems, found, path, high=10)
    if kind != Kind.TEXT_INPUT:
        return
    if labelled:
        fields.text(problems, found, "label", path, low=1, high=45, required=True)
    fields.choice(problems, found, "style", path, among={1, 2}, required=True)
    low = fields.integer(problems, found, "min_length", path, low=0, high=MAX_TEXT) or 0
    high = fields.integer(problems, found, "max_length", path, low=1, high=MAX_TEXT) or MAX_TEXT
    if low > high:
        message = f"int value should be less than or equal to {high}."
        problems.add((*path, "min_length"), "NUMBER_TYPE_MAX", message)
    fields.text(problems, found, "value", path, high=high)
    fields.text(problems, found, "placeholder", path, high=100)
