"""Ids as Discord makes them: the time in the upper bits, a counter below."""

from collections.abc import Callable

DISCORD_EPOCH_MS = 1_420_070_400_000
# https://discord.com/developers/docs/reference#snowflakes
TIME_SHIFT_BITS = 22


class Snowflakes:
    """A source of strictly increasing ids; `clock` gives UTC milliseconds and may stand still or go back."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """Return an id later than every one before it."""
        self._last = max(self._last + 1, (self._clock() - DISCORD_EPOCH_MS) << TIME_SHIFT_BITS)
        return self._last


def made_ms(snowflake: int) -> int:
    """Return when `snowflake` was made, in UTC milliseconds."""
    return (snowflake >> TIME_SHIFT_BITS) + DISCORD_EPOCH_MS
