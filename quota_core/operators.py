"""
Who may create units: listed operators, and Administrators inside listed servers. Nobody else, anywhere.

A service's key with the scope `admin:write` acts for the operator: only who runs the program can make one, on its
command line, so that what it does is the operator's own doing. A key that is bound to an account never may.
"""

from __future__ import annotations

from dataclasses import dataclass

from quota_core.access_keys import AccessKey, Scope
from quota_core.errors import NotAllowedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something by hand: a Discord user, where, and whether as an Administrator there; or an API key."""

    user_id: int = 0  # nobody is
    guild_id: int | None = None
    administrator: bool = False
    manages_guild: bool = False
    key: AccessKey | None = None

    def __str__(self) -> str:
        return f"user:{self.user_id}" if self.key is None else f"key:{self.key.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """The lists from the settings."""

    user_ids: frozenset[int] = frozenset()
    guild_ids: frozenset[int] = frozenset()

    def allow(self, actor: Actor) -> bool:
        """Tell whether the actor is an operator. An Administrator of any other server is not."""
        if actor.key is not None:
            return actor.key.account is None and actor.key.allows(Scope.ADMIN_WRITE)
        if actor.user_id in self.user_ids:
            return True
        return actor.administrator and actor.guild_id is not None and actor.guild_id in self.guild_ids

    def require(self, actor: Actor) -> None:
        """Raise NotAllowedError unless the actor is an operator."""
        if not self.allow(actor):
            raise NotAllowedError(f"{actor} is no operator")
