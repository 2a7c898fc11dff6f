"""What the sandbox's tests share."""

import pytest

from sandbox.server import serve


@pytest.fixture
async def sandbox():
    """Return a running sandbox on a free port."""
    async with serve() as running:
        yield running
