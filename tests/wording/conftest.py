"""What the tests of the words share."""

from __future__ import annotations

import pytest

from wording.words import Words


@pytest.fixture
def english() -> Words:
    """Return the words of English."""
    return Words("en")


@pytest.fixture
def french() -> Words:
    """Return the words of French."""
    return Words("fr")
