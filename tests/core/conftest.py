"""The tests of the core run on both engines, always; a test of one engine overrides `engine`."""

import pytest


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """Return the engine's name."""
    name: str = request.param
    return name
