"""What state machines over a real ledger share: a loop of their own, a new ledger for each story, its end."""

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from quota_core.catalog import Catalog
from tests.core.opened_ledger import OpenLedger, Place, SteerableClock, open_ledger
from tests.postgres_server import PostgresServer

STEPS = 30


class MachineOnALedger(RuleBasedStateMachine):
    """Stories that each have a ledger of their own, on SQLite or on the server."""

    server: PostgresServer | None = None
    start_ms: int

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = contextlib.ExitStack()
        self.clock = SteerableClock(self.start_ms)
        self.operations = 0

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run to the end on the machine's own loop."""
        return self.runner.run(work)

    def open(self, catalog: Catalog, resident_accounts: int) -> None:
        """Open a new ledger, with or without a cache that is worth its name."""
        place: Place = Path(self.folder.enter_context(tempfile.TemporaryDirectory())) / "quota.db"
        if self.server is not None:
            place = self.run(self.server.new_database())
        self.ledger: OpenLedger = self.run(
            open_ledger(place, catalog=catalog, clock=self.clock, resident_accounts=resident_accounts)
        )

    def teardown(self) -> None:
        """Close what was opened."""
        if hasattr(self, "ledger"):
            self.run(self.ledger.close())
            if self.server is not None:
                self.run(self.server.drop(str(self.ledger.place)))
        self.runner.close()
        self.folder.close()

    def fresh_key(self, kind: str) -> str:
        """Return a key that nothing was done under yet."""
        self.operations += 1
        return f"{kind}:{self.operations}"


def tell_stories(machine: type[MachineOnALedger], server: PostgresServer | None, examples: int) -> None:
    """Let a machine tell so many stories, on SQLite or on the server."""
    on_engine = type(machine.__name__, (machine,), {"server": server})
    run_state_machine_as_test(on_engine, settings=settings(max_examples=examples, stateful_step_count=STEPS))
