"""What the people of a sandbox say, press and read."""

from typing import Any, Self

from cogs.client import QuotaBot
from cogs.replies import press, view_of
from sandbox.places import APPLICATION_ID, GENERAL_ID, MEMBER_ID
from tests.sandbox.people import People

Json = dict[str, Any]
BUTTON = 2
MENTION = f"<@{APPLICATION_ID}>"


class Talk(People):
    """People who talk to the bot."""

    async def __aenter__(self) -> Self:
        return self

    async def speaks(self, locale: str, *, user: int = MEMBER_ID) -> None:
        """Switch a user's Discord to another language."""
        await self.post("users", id=str(user), locale=locale)

    async def press_label(
        self, message: Json, label: str, *, as_: int = MEMBER_ID, channel: int | str = GENERAL_ID
    ) -> Json:
        """Press a button by its label and return the message that comes next."""
        return await self.press_id(message, button(message, label), as_=as_, channel=channel)

    async def press_id(
        self,
        message: Json,
        custom_id: str,
        *,
        as_: int = MEMBER_ID,
        channel: int | str = GENERAL_ID,
        **more: Any,
    ) -> Json:
        """Press a button by its id and return the message that comes next."""
        after = await self.latest_id(viewer=as_, channel=channel)
        await self.press(message, custom_id, as_=as_, **more)
        return await self.next_message(after, viewer=as_, channel=channel)

    async def press_and_watch(self, message: Json, label: str, *, as_: int = MEMBER_ID) -> Json:
        """Press a button by its label and return the message as it was changed."""
        async with self.changes(as_) as changes:
            await self.press(message, button(message, label), as_=as_)
            changed: Json = (await changes.next("message_update"))["message"]
            return changed

    async def several(
        self, *, after: str, count: int, as_: int = MEMBER_ID, channel: int | str = GENERAL_ID
    ) -> list[Json]:
        """Return what the viewer sees after a message, once there are `count` messages."""
        async with self.changes(as_) as changes:
            while len(seen := await self.seen(viewer=as_, channel=channel, after=after)) < count:
                await changes.next("message_create")
        return seen

    async def drawn_by(self, bot: QuotaBot, custom_id: str) -> Json:
        """Let the bot draw a button with any id, and return its message."""
        after = await self.latest_id()
        channel = bot.get_partial_messageable(GENERAL_ID)
        await channel.send("an old message", view=view_of([press("Old", custom_id)]))
        return await self.next_message(after)

    async def fault(self, where: str, fault: str, **options: Any) -> None:
        """Put a trouble in force."""
        await self.post("faults", where=where, fault=fault, **options)


def text_of(message: Json) -> str:
    """Return all text of a message's content and embeds, a line for each part."""
    parts = [message["content"]]
    for embed in message["embeds"]:
        parts += [embed.get("title", ""), embed.get("description", "")]
        for field in embed.get("fields", ()):
            parts += [field["name"], field["value"]]
        parts.append(embed.get("footer", {}).get("text", ""))
    # Blanks that do not break are set by the language, and beside the point here.
    return "\n".join(part for part in parts if part).replace("\u00a0", " ").replace("\u202f", " ")


def title_of(message: Json) -> str:
    """Return the title of a message's first embed."""
    return str(message["embeds"][0]["title"])


def buttons_of(message: Json) -> list[tuple[str, str]]:
    """Return label and id (or address) of each button."""
    return [
        (one["label"].replace("\u00a0", " ").replace("\u202f", " "), one.get("custom_id") or one["url"])
        for row in message["components"]
        for one in row["components"]
        if one["type"] == BUTTON
    ]


def menu(message: Json, placeholder: str) -> Json:
    """Return the menu that says this while nothing is chosen."""
    parts = [one for row in message["components"] for one in row["components"]]
    found: Json = next(one for one in parts if one.get("placeholder") == placeholder)
    return found


def labels_of(message: Json) -> list[str]:
    """Return the label of each button."""
    return [label for label, _ in buttons_of(message)]


def button(message: Json, label: str) -> str:
    """Return the id or address of the button with this label."""
    return next(target for name, target in buttons_of(message) if name == label)
