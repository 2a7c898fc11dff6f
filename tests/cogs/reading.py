"""What a person reads in a message of the control API."""

from typing import Any

Json = dict[str, Any]


def text_of(message: Json) -> str:
    """Return all text of a message's content and embeds, a line for each part."""
    parts = [message["content"]]
    for embed in message["embeds"]:
        parts += [embed.get("title", ""), embed.get("description", "")]
        for field in embed.get("fields", ()):
            parts += [field["name"], field["value"]]
        parts.append(embed.get("footer", {}).get("text", ""))
    return "\n".join(part for part in parts if part)


def title_of(message: Json) -> str:
    """Return the title of a message's first embed."""
    return str(message["embeds"][0]["title"])


def buttons_of(message: Json) -> list[tuple[str, str]]:
    """Return label and id (or address) of each button."""
    return [
        (button["label"], button.get("custom_id") or button["url"])
        for row in message["components"]
        for button in row["components"]
    ]


def button(message: Json, label: str) -> str:
    """Return the id or address of the button with this label."""
    return next(target for name, target in buttons_of(message) if name == label)
