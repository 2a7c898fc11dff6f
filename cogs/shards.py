"""Which of Discord's shards a process serves: `0-3/8` is the first four of eight."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_TEXT = re.compile(r"(?P<first>\d{1,5})(-(?P<last>\d{1,5}))?/(?P<count>\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards:
    """The shards `first` to `last`, both included, of `count` in all; they are counted from 0."""

    first: int
    last: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last < self.count:
            raise ValueError(f"shards {self.first} to {self.last} of {self.count} do not exist")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `0-3/8` or `5/8`; ValueError says what is wrong with anything else."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"shards are written like 0-3/8, or 5/8 for a single one, not {text!r}")
        first = int(found["first"])
        last = first if found["last"] is None else int(found["last"])
        return cls(first=first, last=last, count=int(found["count"]))

    @classmethod
    def all_of(cls, count: int) -> Self:
        """Return every shard of `count`."""
        return cls(first=0, last=count - 1, count=count)

    def __str__(self) -> str:
        return f"{self.first}-{self.last}/{self.count}"

    @property
    def ids(self) -> list[int]:
        """The number of each shard."""
        return list(range(self.first, self.last + 1))

    def meets(self, other: Shards) -> bool:
        """Tell whether a server's events could reach both; with another count, servers are dealt out otherwise."""
        return self.count != other.count or (self.first <= other.last and other.first <= self.last)
