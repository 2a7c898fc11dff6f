"""Who may create units: listed operators, and Administrators inside listed servers. Nobody else, anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from quota_core.errors import NotAllowedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something by hand: a Discord user, where, and whether as an Administrator there."""

    user_id: int
    guild_id: int | None = None
    administrator: bool = False

    def __str__(self) -> str:
        return f"user:{self.user_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """The lists from the settings."""

    user_ids: frozenset[int] = frozenset()
    guild_ids: frozenset[int] = frozenset()

    def allow(self, actor: Actor) -> bool:
        """Tell whether the actor is an operator. An Administrator of any other server is not."""
        if actor.user_id in self.user_ids:
            return True
        return actor.administrator and actor.guild_id is not None and actor.guild_id in self.guild_ids

    def require(self, actor: Actor) -> None:
        """Raise NotAllowedError unless the actor is an operator."""
        if not self.allow(actor):
            raise NotAllowedError(f"{actor} is no operator")
