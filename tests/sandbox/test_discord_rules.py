"""Components, layouts and embeds: what Discord's limits let through."""

from typing import Any

import pytest

from sandbox.places import GENERAL_ID
from tests.sandbox.bare_rest import BareRest, Json, codes

MESSAGES = f"/channels/{GENERAL_ID}/messages"
V2 = 1 << 15


def button(**changes: Any) -> Json:
    """Return a good button, changed."""
    return {"type": 2, "style": 1, "label": "A", "custom_id": "a"} | changes


def select(**changes: Any) -> Json:
    """Return a good string select, changed."""
    return {"type": 3, "custom_id": "s", "options": [{"label": "A", "value": "a"}]} | changes


def rows(*components: Json) -> Json:
    """Return a message with one row of components."""
    return {"content": "x", "components": [{"type": 1, "components": list(components)}]}


def layout(*components: Json) -> Json:
    """Return a message of Components V2."""
    return {"flags": V2, "components": list(components)}


def text(content: str = "x") -> Json:
    """Return a text display."""
    return {"type": 10, "content": content}


IN_ROW = ["components", "0", "components", "0"]
LINK = button(style=5, url="https://example.org/pay", custom_id=None)


@pytest.mark.parametrize(
    ("form", "path", "problem"),
    [
        (rows(button(style=7)), [*IN_ROW, "style"], "BASE_TYPE_CHOICES"),
        (rows(button(style=None)), [*IN_ROW, "style"], "BASE_TYPE_REQUIRED"),
        (rows(button(style=[])), [*IN_ROW, "style"], "BASE_TYPE_CHOICES"),
        (rows(button(label="x" * 81)), [*IN_ROW, "label"], "BASE_TYPE_MAX_LENGTH"),
        (rows(button(label=None)), IN_ROW, "BUTTON_COMPONENT_LABEL_REQUIRED"),
        (rows(button(custom_id=None)), [*IN_ROW, "custom_id"], "BASE_TYPE_REQUIRED"),
        (rows(button(custom_id="")), [*IN_ROW, "custom_id"], "BASE_TYPE_BAD_LENGTH"),
        (rows(button(custom_id="x" * 101)), [*IN_ROW, "custom_id"], "BASE_TYPE_BAD_LENGTH"),
        (rows(button(url="https://x.org")), [*IN_ROW, "url"], "BUTTON_COMPONENT_CUSTOM_ID_URL_EXCLUSIVE"),
        (rows(button(disabled="no")), [*IN_ROW, "disabled"], "BOOLEAN_TYPE_CONVERT"),
        (rows(button(emoji={"name": "a"})), [*IN_ROW, "emoji", "name"], "COMPONENT_INVALID_EMOJI"),
        (rows(LINK | {"url": None}), [*IN_ROW, "url"], "BASE_TYPE_REQUIRED"),
        (rows(LINK | {"url": "https://x.org/" + "y" * 499}), [*IN_ROW, "url"], "BASE_TYPE_BAD_LENGTH"),
        (rows(LINK | {"url": "javascript:alert(1)"}), [*IN_ROW, "url"], "URL_TYPE_INVALID_SCHEME"),
        (rows(LINK | {"url": "nowhere"}), [*IN_ROW, "url"], "URL_TYPE_INVALID_URL"),
        (rows(LINK | {"custom_id": "a"}), [*IN_ROW, "custom_id"], "BUTTON_COMPONENT_CUSTOM_ID_URL_EXCLUSIVE"),
        (rows(button(), button()), ["components"], "COMPONENT_CUSTOM_ID_DUPLICATED"),
        (
            rows(*(button(custom_id=str(n)) for n in range(6))),
            ["components", "0", "components"],
            "BASE_TYPE_BAD",
        ),
        (rows(), ["components", "0", "components"], "BASE_TYPE_BAD_LENGTH"),
        (
            {"content": "x", "components": [rows()["components"][0]] * 6},
            ["components"],
            "BASE_TYPE_MAX_LENGTH",
        ),
        ({"content": "x", "components": [button()]}, ["components", "0", "type"], "UNION_TYPE_CHOICES"),
        ({"content": "x", "components": [{}]}, ["components", "0", "type"], "BASE_TYPE_REQUIRED"),
        ({"content": "x", "components": ["a"]}, ["components", "0"], "DICT_TYPE_CONVERT"),
        ({"content": "x", "components": [text()]}, ["components", "0", "type"], "UNION_TYPE_CHOICES"),
        (rows(select(), button()), ["components", "0", "components"], "COMPONENT_LAYOUT_WIDTH_EXCEEDED"),
        (rows(select(options=[])), [*IN_ROW, "options"], "BASE_TYPE_BAD_LENGTH"),
        (rows(select(placeholder="x" * 151)), [*IN_ROW, "placeholder"], "BASE_TYPE_MAX_LENGTH"),
        (rows(select(max_values=26)), [*IN_ROW, "max_values"], "NUMBER_TYPE_MAX"),
        (rows(select(min_values=2)), [*IN_ROW, "min_values"], "SELECT_COMPONENT_MIN_VALUES"),
        (
            rows(select(options=select()["options"] * 2)),
            [*IN_ROW, "options", "1", "value"],
            "SELECT_COMPONENT_OPTION",
        ),
        (layout(), ["components"], "BASE_TYPE_REQUIRED"),
        (layout(text()) | {"content": "x"}, ["content"], "MESSAGE_CANNOT_USE_LEGACY_FIELDS"),
        (layout(text()) | {"embeds": [{"title": "x"}]}, ["embeds"], "MESSAGE_CANNOT_USE_LEGACY_FIELDS"),
        (layout(*[text("x")] * 41), ["components"], "BASE_TYPE_MAX_LENGTH"),
        (layout({"type": 17, "components": [text()] * 40}), ["components"], "COMPONENT_MAX_TOTAL"),
        (layout(text("x" * 2001), text("x" * 2000)), ["components"], "COMPONENT_DISPLAYABLE_TEXT"),
        (layout(text("")), ["components", "0", "content"], "BASE_TYPE_BAD_LENGTH"),
        (layout({"type": 9, "components": [text()]}), ["components", "0", "accessory"], "BASE_TYPE_REQUIRED"),
        (
            layout({"type": 9, "components": [text()] * 4, "accessory": button()}),
            ["components", "0", "components"],
            "",
        ),
        (
            layout({"type": 12, "items": [{}]}),
            ["components", "0", "items", "0", "media"],
            "DICT_TYPE_CONVERT",
        ),
        (layout({"type": 14, "spacing": 3}), ["components", "0", "spacing"], "BASE_TYPE_CHOICES"),
        (layout({"type": 17, "components": [{"type": 17}]}), [*IN_ROW, "type"], "UNION_TYPE_CHOICES"),
        (layout(text() | {"id": 3}, text() | {"id": 3}), ["components"], "COMPONENT_ID_DUPLICATED"),
    ],
)
async def test_components_that_are_refused(rest: BareRest, form: Json, path: list[str], problem: str) -> None:
    """Every broken limit is named where it is."""
    answered = await rest("POST", MESSAGES, form)

    assert answered.status == 400
    assert codes(answered, *path)[0].startswith(problem)


@pytest.mark.parametrize(
    "form",
    [
        rows(button(label=None, emoji={"name": "🍵"})),
        rows(button(label="x" * 80, custom_id="y" * 100)),
        rows(LINK | {"url": "https://x.org/" + "y" * 498}),
        rows({"type": 2, "style": 6, "sku_id": "1234"}),
        rows(*(button(custom_id=str(n)) for n in range(5))),
        rows(select(min_values=0, max_values=1)),
        rows({"type": 5, "custom_id": "u"}),
        {"components": rows(button())["components"]},
        layout(text("x" * 4000)),
        layout({"type": 9, "components": [text()], "accessory": button()}, {"type": 14, "divider": False}),
        layout(
            {"type": 17, "accent_color": 0xFFFFFF, "components": [text(), rows(button())["components"][0]]}
        ),
        layout({"type": 12, "items": [{"media": {"url": "https://x.org/a.png"}}]}),
    ],
)
async def test_components_at_their_limits_pass(rest: BareRest, form: Json) -> None:
    """What is just allowed is sent, and every component has an id of its own."""
    answered = await rest("POST", MESSAGES, form)

    assert answered.status == 200, answered.body
    assert answered.body["components"][0]["id"] == 1


@pytest.mark.parametrize(
    ("embed", "path", "problem"),
    [
        ({"title": "x" * 257}, ["title"], "BASE_TYPE_MAX_LENGTH"),
        ({"description": "x" * 4097}, ["description"], "BASE_TYPE_MAX_LENGTH"),
        ({"title": "x", "fields": [{"name": "a", "value": "b"}] * 26}, ["fields"], "BASE_TYPE_MAX_LENGTH"),
        ({"fields": [{"name": "x" * 257, "value": "b"}]}, ["fields", "0", "name"], "BASE_TYPE_MAX_LENGTH"),
        ({"fields": [{"name": "a", "value": "x" * 1025}]}, ["fields", "0", "value"], "BASE_TYPE_MAX_LENGTH"),
        ({"fields": [{"name": "a", "value": " "}]}, ["fields", "0", "value"], "BASE_TYPE_REQUIRED"),
        ({"fields": [{"name": "a"}]}, ["fields", "0", "value"], "BASE_TYPE_REQUIRED"),
        ({"footer": {"text": "x" * 2049}}, ["footer", "text"], "BASE_TYPE_MAX_LENGTH"),
        ({"author": {"name": "x" * 257}}, ["author", "name"], "BASE_TYPE_MAX_LENGTH"),
        ({"title": "x", "url": "ftp://x.org"}, ["url"], "URL_TYPE_INVALID_SCHEME"),
        ({"image": {"url": "x"}}, ["image", "url"], "URL_TYPE_INVALID_URL"),
        ({"title": "x", "color": 0x1000000}, ["color"], "NUMBER_TYPE_MAX"),
        ({"title": "x", "timestamp": "yesterday"}, ["timestamp"], "DATE_TIME_TYPE_PARSE"),
    ],
)
async def test_embeds_that_are_refused(rest: BareRest, embed: Json, path: list[str], problem: str) -> None:
    """Each part has its limit."""
    answered = await rest("POST", MESSAGES, {"embeds": [embed]})

    assert codes(answered, "embeds", "0", *path)[0].startswith(problem)


async def test_embeds_hold_six_thousand_characters_together(rest: BareRest) -> None:
    """The limit is on the message, over all its embeds."""
    half = {"description": "x" * 3000}
    full = await rest("POST", MESSAGES, {"embeds": [half, half]})
    over = await rest("POST", MESSAGES, {"embeds": [half, half, {"title": "y"}]})

    assert full.status == 200
    assert full.body["embeds"][0]["type"] == "rich"
    assert codes(over, "embeds") == ["MAX_EMBED_SIZE_EXCEEDED"]


async def test_everything_wrong_is_told_at_once(rest: BareRest) -> None:
    """One refusal names the content, the embed and the button."""
    form = rows(button(custom_id=None)) | {"content": "x" * 2001, "embeds": [{"title": "x" * 300}]}
    answered = await rest("POST", MESSAGES, form)

    assert set(answered.body["errors"]) == {"content", "embeds", "components"}


async def test_a_layout_cannot_go_back(rest: BareRest) -> None:
    """The V2 flag of a message stays, so an edit may not give it content."""
    sent = await rest("POST", MESSAGES, layout(text()))
    path = f"{MESSAGES}/{sent.body['id']}"
    edited = await rest("PATCH", path, {"components": [text("y")]})
    refused = await rest("PATCH", path, {"content": "x", "flags": 0})

    assert edited.body["flags"] == V2
    assert edited.body["components"][0]["content"] == "y"
    assert codes(refused, "content") == ["MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"]


async def test_an_edit_may_not_empty_a_message(rest: BareRest) -> None:
    """Taking the last thing away is 50006; taking one of two is fine."""
    sent = await rest("POST", MESSAGES, rows(button()))
    path = f"{MESSAGES}/{sent.body['id']}"
    one = await rest("PATCH", path, {"components": []})
    both = await rest("PATCH", path, {"content": ""})

    assert one.body["components"] == []
    assert one.body["edited_timestamp"] is not None
    assert both.code == 50006
