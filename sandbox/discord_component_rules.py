"""
What Discord accepts as components of a message.

https://discord.com/developers/docs/components/reference
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

from sandbox import discord_fields as fields
from sandbox.discord_errors import Path, Problems

Json = dict[str, Any]
MAX_ROWS = 5
ROW_WIDTH = 5
MAX_COMPONENTS = 40
MAX_DISPLAYED_TEXT = 4000


class Kind(IntEnum):
    """The component types."""

    ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT = 10
    THUMBNAIL = 11
    GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18
    UPLOAD = 19
    RADIO = 21
    CHECKBOXES = 22
    CHECKBOX = 23


class Style(IntEnum):
    """The button styles that have rules of their own."""

    LINK = 5
    PREMIUM = 6


SELECTS = {
    Kind.STRING_SELECT,
    Kind.USER_SELECT,
    Kind.ROLE_SELECT,
    Kind.MENTIONABLE_SELECT,
    Kind.CHANNEL_SELECT,
}
IN_CONTAINER = {Kind.ROW, Kind.SECTION, Kind.TEXT, Kind.GALLERY, Kind.FILE, Kind.SEPARATOR}


def walk(components: Any) -> Iterator[Json]:
    """Return every component of the tree, parents first; what is not an object is passed over."""
    for component in components if isinstance(components, list | tuple) else ():
        if not isinstance(component, dict):
            continue
        yield component
        yield from walk(component.get("components"))
        for key in ("accessory", "component"):
            yield from walk([component.get(key)])


def check(problems: Problems, components: list[Any], *, v2: bool) -> None:
    """Note what is wrong with a message's components; `v2` is the message's Components V2 flag."""
    path: Path = ("components",)
    allowed = IN_CONTAINER | {Kind.CONTAINER} if v2 else {Kind.ROW}
    for index, component in enumerate(components):
        _component(problems, component, (*path, index), allowed)
    everything = list(walk(components))
    if v2:
        _check_v2_totals(problems, everything, path)
    _check_unique_ids(problems, everything, path)


def _check_v2_totals(problems: Problems, everything: list[Json], path: Path) -> None:
    if len(everything) > MAX_COMPONENTS:
        message = f"The total number of components cannot exceed {MAX_COMPONENTS}"
        problems.add(path, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message)
    length = sum(len(str(one.get("content", ""))) for one in everything if one.get("type") == Kind.TEXT)
    if length > MAX_DISPLAYED_TEXT:
        message = f"The total displayable text size cannot exceed {MAX_DISPLAYED_TEXT}"
        problems.add(path, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message)


def _check_unique_ids(problems: Problems, everything: list[Json], path: Path) -> None:
    for key, code, name in (
        ("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "custom id"),
        ("id", "COMPONENT_ID_DUPLICATED", "id"),
    ):
        # 0 is Discord's "choose one for me".
        seen = [one[key] for one in everything if one.get(key)]
        if len(set(map(str, seen))) != len(seen):
            problems.add(path, code, f"Component {name} cannot be duplicated")


def _component(problems: Problems, value: Any, path: Path, allowed: set[Kind]) -> None:
    """Check one component, which must be of one of the `allowed` types."""
    component = fields.mapping(problems, value, path)
    if component is None:
        return
    kind = component.get("type")
    if kind is None:
        problems.add((*path, "type"), "BASE_TYPE_REQUIRED", "This field is required")
        return
    if isinstance(kind, bool) or not isinstance(kind, int) or kind not in allowed:
        listed = ", ".join(str(int(one)) for one in sorted(allowed))
        problems.add(
            (*path, "type"), "UNION_TYPE_CHOICES", f'Value of field "type" must be one of ({listed},).'
        )
        return
    fields.integer(problems, component, "id", path, low=0, high=(1 << 31) - 1)
    _check_kind(problems, component, path, Kind(kind))


def _check_kind(problems: Problems, component: Json, path: Path, kind: Kind) -> None:
    if kind == Kind.ROW:
        _row(problems, component, path)
    elif kind == Kind.BUTTON:
        _button(problems, component, path)
    elif kind in SELECTS:
        check_select(problems, component, path)
    elif kind == Kind.SECTION:
        _children(problems, component, path, {Kind.TEXT}, high=3)
        if component.get("accessory") is None:
            problems.add((*path, "accessory"), "BASE_TYPE_REQUIRED", "This field is required")
        else:
            _component(problems, component["accessory"], (*path, "accessory"), {Kind.BUTTON, Kind.THUMBNAIL})
    elif kind == Kind.TEXT:
        fields.text(problems, component, "content", path, low=1, high=MAX_DISPLAYED_TEXT, required=True)
    elif kind == Kind.SEPARATOR:
        fields.boolean(problems, component, "divider", path)
        fields.choice(problems, component, "spacing", path, among={1, 2})
    elif kind == Kind.CONTAINER:
        _children(problems, component, path, IN_CONTAINER, high=MAX_COMPONENTS)
        fields.integer(problems, component, "accent_color", path, low=0, high=0xFFFFFF)
    else:
        _media(problems, component, path, kind)


def _children(problems: Problems, component: Json, path: Path, allowed: set[Kind], *, high: int) -> None:
    children = fields.array(problems, component, "components", path, low=1, high=high, required=True)
    for index, child in enumerate(children or ()):
        _component(problems, child, (*path, "components", index), allowed)


def _media(problems: Problems, component: Json, path: Path, kind: Kind) -> None:
    """Check a thumbnail, a gallery or a file: each shows something by its address."""
    schemes = ("attachment",) if kind == Kind.FILE else ("http", "https", "attachment")
    if kind == Kind.GALLERY:
        items = fields.array(problems, component, "items", path, low=1, high=10, required=True) or []
        holders = [((*path, "items", index), item, "media") for index, item in enumerate(items)]
    else:
        holders = [(path, component, "file" if kind == Kind.FILE else "media")]
    for holder_path, value, key in holders:
        holder = fields.mapping(problems, value, holder_path)
        shown = fields.mapping(problems, (holder or {}).get(key), (*holder_path, key))
        if holder is not None and shown is not None:
            fields.url(problems, shown, "url", (*holder_path, key), schemes=schemes, required=True)
            fields.text(problems, holder, "description", holder_path, high=1024)


def _row(problems: Problems, row: Json, path: Path) -> None:
    allowed = {Kind.BUTTON} | SELECTS
    children = fields.array(problems, row, "components", path, low=1, high=ROW_WIDTH, required=True)
    for index, child in enumerate(children or ()):
        _component(problems, child, (*path, "components", index), allowed)
    selects = [child for child in children or () if isinstance(child, dict) and child.get("type") in SELECTS]
    if selects and len(children or ()) > 1:
        message = "The specified component exceeds the maximum width"
        problems.add((*path, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)


def _button(problems: Problems, button: Json, path: Path) -> None:
    style = fields.choice(problems, button, "style", path, among=set(range(1, 7)), required=True)
    fields.text(problems, button, "label", path, high=80)
    fields.boolean(problems, button, "disabled", path)
    check_emoji(problems, button, path)
    if style is None:
        return
    has_id, has_url, has_sku = (button.get(key) is not None for key in ("custom_id", "url", "sku_id"))
    if style == Style.PREMIUM:
        fields.snowflake(problems, button, "sku_id", path, required=True)
        if has_id or has_url or button.get("label") or button.get("emoji"):
            message = "A premium button takes nothing but its sku_id"
            problems.add(path, "BUTTON_COMPONENT_PREMIUM_INVALID", message)
        return
    if style == Style.LINK:
        fields.url(
            problems, button, "url", path, high=512, schemes=("http", "https", "discord"), required=True
        )
        if has_id:
            message = "A custom id and url cannot both be specified"
            problems.add((*path, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_URL_EXCLUSIVE", message)
    else:
        fields.text(problems, button, "custom_id", path, low=1, high=100, required=True)
        if has_url:
            message = "A custom id and url cannot both be specified"
            problems.add((*path, "url"), "BUTTON_COMPONENT_CUSTOM_ID_URL_EXCLUSIVE", message)
    if has_sku:
        problems.add(
            (*path, "sku_id"), "BUTTON_COMPONENT_SKU_ID_INVALID", "Only a premium button has a sku_id"
        )
    if not button.get("label") and not button.get("emoji"):
        problems.add(path, "BUTTON_COMPONENT_LABEL_REQUIRED", "A label or an emoji is required")


def check_emoji(problems: Problems, holder: Json, path: Path) -> None:
    """Check the `emoji` of a button or an option: a custom one by id, or a character by name."""
    if holder.get("emoji") is None:
        return
    emoji = fields.mapping(problems, holder["emoji"], (*path, "emoji"))
    if emoji is None:
        return
    if emoji.get("id") is not None:
        fields.snowflake(problems, emoji, "id", (*path, "emoji"))
    elif not emoji.get("name") or str(emoji["name"]).isascii():
        problems.add((*path, "emoji", "name"), "COMPONENT_INVALID_EMOJI", "Invalid emoji")


def check_select(problems: Problems, select: Json, path: Path) -> None:
    """Check a select menu of any kind."""
    fields.text(problems, select, "custom_id", path, low=1, high=100, required=True)
    fields.text(problems, select, "placeholder", path, high=150)
    low = fields.integer(problems, select, "min_values", path, low=0, high=25)
    high = fields.integer(problems, select, "max_values", path, low=1, high=25)
    fields.boolean(problems, select, "disabled", path)
    if (1 if low is None else low) > (1 if high is None else high):
        message = "min_values must be at most max_values"
        problems.add((*path, "min_values"), "SELECT_COMPONENT_MIN_VALUES_GREATER_THAN_MAX_VALUES", message)
    if select.get("type") == Kind.STRING_SELECT:
        check_options(problems, select, path, high=25)


def check_options(problems: Problems, holder: Json, path: Path, *, high: int) -> None:
    """Check the options of a string select, or of a group of boxes in a modal."""
    options = fields.array(problems, holder, "options", path, low=1, high=high, required=True)
    values: list[str] = []
    for index, value in enumerate(options or ()):
        option_path = (*path, "options", index)
        option = fields.mapping(problems, value, option_path)
        if option is None:
            continue
        fields.text(problems, option, "label", option_path, low=1, high=100, required=True)
        fields.text(problems, option, "description", option_path, high=100)
        fields.boolean(problems, option, "default", option_path)
        check_emoji(problems, option, option_path)
        chosen = fields.text(problems, option, "value", option_path, low=1, high=100, required=True)
        if chosen is not None and chosen in values:
            message = "The specified option value is already used"
            problems.add((*option_path, "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)
        values.append(chosen or "")
