"""
Discord's refusals: one exception, the known ones by name, and the tree of a form's problems.

https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

Path = tuple[str | int, ...]


class DiscordError(Exception):
    """
    A request that Discord refuses.

    Attributes:
        status: the HTTP status.
        code: Discord's own error code; 0 when it has none.
        message: Discord's words.
        errors: the tree of problems of a form, empty for other refusals.

    """

    def __init__(
        self, status: int, code: int, message: str, *, errors: Mapping[str, Any] | None = None
    ) -> None:
        self.status = int(status)
        self.code = code
        self.message = message
        self.errors = dict(errors or {})
        super().__init__(f"{self.status} (error code: {code}): {message}")

    def as_json(self) -> dict[str, Any]:
        """Return the body of the answer."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = self.errors
        return body


class Problems:
    """
    Everything wrong with one form, by path; Discord reports all at once under code 50035.

    Args:
        under: where the form is in the request's body.

    """

    def __init__(self, under: Path = ()) -> None:
        self._under = under
        self._found: list[tuple[Path, str, str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: Path, code: str, message: str) -> None:
        """Note that the value at `path` breaks a rule."""
        self._found.append(((*self._under, *path), code, message))

    def tree(self) -> dict[str, Any]:
        """Return the nested `errors` object: keys of the form, with `_errors` lists at the leaves."""
        root: dict[str, Any] = {}
        for path, code, message in self._found:
            node = root
            for step in path:
                node = node.setdefault(str(step), {})
            node.setdefault("_errors", []).append({"code": code, "message": message})
        return root

    def refuse(self) -> None:
        """
        Refuse the form when anything was found.

        Raises:
            DiscordError: 50035 with the tree of problems.

        """
        if self._found:
            raise DiscordError(HTTPStatus.BAD_REQUEST, 50035, "Invalid Form Body", errors=self.tree())


def invalid(path: Path, code: str, message: str) -> DiscordError:
    """Return the refusal of a form with one problem."""
    problems = Problems()
    problems.add(path, code, message)
    return DiscordError(HTTPStatus.BAD_REQUEST, 50035, "Invalid Form Body", errors=problems.tree())


NOT_FOUND = {
    "channel": (10003, "Unknown Channel"),
    "guild": (10004, "Unknown Guild"),
    "member": (10007, "Unknown Member"),
    "message": (10008, "Unknown Message"),
    "role": (10011, "Unknown Role"),
    "user": (10013, "Unknown User"),
    "webhook": (10015, "Unknown Webhook"),
    "interaction": (10062, "Unknown interaction"),
    "command": (10063, "Unknown application command"),
}
FORBIDDEN = {
    50001: "Missing Access",
    50003: "Cannot execute action on a DM channel",
    50005: "Cannot edit a message authored by another user",
    50007: "Cannot send messages to this user",
    50013: "Missing Permissions",
}


def unknown(what: str) -> DiscordError:
    """Return the 404 for a thing that is not there; `what` is a key of `NOT_FOUND`."""
    code, message = NOT_FOUND[what]
    return DiscordError(HTTPStatus.NOT_FOUND, code, message)


def forbidden(code: int) -> DiscordError:
    """Return the 403 with one of the codes of `FORBIDDEN`."""
    return DiscordError(HTTPStatus.FORBIDDEN, code, FORBIDDEN[code])


def unauthorized() -> DiscordError:
    """Return the 401 for a missing or revoked token."""
    return DiscordError(HTTPStatus.UNAUTHORIZED, 0, "401: Unauthorized")


def no_route() -> DiscordError:
    """Return the 404 for a path that the API does not have."""
    return DiscordError(HTTPStatus.NOT_FOUND, 0, "404: Not Found")


def empty_message() -> DiscordError:
    """Return the refusal of a message with nothing in it."""
    return DiscordError(HTTPStatus.BAD_REQUEST, 50006, "Cannot send an empty message")


def already_acknowledged() -> DiscordError:
    """Return the refusal of a second answer to one interaction."""
    return DiscordError(HTTPStatus.BAD_REQUEST, 40060, "Interaction has already been acknowledged.")


def expired_token() -> DiscordError:
    """Return the refusal of an interaction's token after 15 minutes."""
    return DiscordError(HTTPStatus.UNAUTHORIZED, 50027, "Invalid Webhook Token")
