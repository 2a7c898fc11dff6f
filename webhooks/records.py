"""What the API answers from beside balances: sums, lists and pages over what the ledger knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from quota_core.balances import Balances
from quota_core.book import Book
from quota_core.catalog import Catalog
from quota_core.database import Database
from quota_core.registers import Registers
from quota_core.stats import Statistics
from quota_core.summary import Summaries
from quota_core.top_ups import TopUps
from quota_core.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The readers, each of one question; `clock` gives UTC milliseconds."""

    catalog: Catalog
    clock: Callable[[], int]
    summaries: Summaries
    top_ups: TopUps
    registers: Registers
    statistics: Statistics
    usage: Usage

    @classmethod
    def of(cls, database: Database, book: Book, balances: Balances, *, clock: Callable[[], int]) -> Self:
        """Return the readers of a ledger."""
        return cls(
            catalog=book.catalog,
            clock=clock,
            summaries=Summaries(database, balances, book.catalog, clock=clock),
            top_ups=TopUps(database, book.catalog.zone),
            registers=Registers(database, book, balances, clock=clock),
            statistics=Statistics(database, book, clock=clock),
            usage=Usage(database, book, clock=clock),
        )


RECORDS = web.AppKey("RECORDS", Records)
