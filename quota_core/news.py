"""What other processes say on a shared database, where the engine can carry it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable


@runtime_checkable
class CarriesNews(Protocol):
    """An engine by which processes can wake each other."""

    async def listen(self, channel: str, on_news: Callable[[], None]) -> None:
        """Call `on_news` whenever a transaction that told the channel is committed, until cancelled."""
        ...
