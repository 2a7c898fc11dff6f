"""What the sandbox's tests share."""

from collections.abc import AsyncIterator

import pytest

from sandbox.server import Sandbox, serve


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Return a running sandbox on a free port."""
    async with serve() as running:
        yield running
