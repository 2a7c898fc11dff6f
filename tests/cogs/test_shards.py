"""Shards: how they are written, and which processes would meet."""

import pytest

from cogs.shards import Shards


@pytest.mark.parametrize(
    ("text", "ids", "said"),
    [("0-3/8", [0, 1, 2, 3], "0-3/8"), ("5/8", [5], "5-5/8"), ("0-0/1", [0], "0-0/1")],
)
def test_shards_are_read_and_written(text: str, ids: list[int], said: str) -> None:
    """A range, or a single one."""
    shards = Shards.parse(text)

    assert shards.ids == ids
    assert str(shards) == said
    assert Shards.parse(str(shards)) == shards


@pytest.mark.parametrize("text", ["", "8", "0-3", "3-0/8", "0-8/8", "-1/8", "0/0", "a-b/c", "0-3/8 ", "٣/8"])
def test_shards_that_do_not_exist_are_refused(text: str) -> None:
    """Before anything is started."""
    with pytest.raises(ValueError, match="shards"):
        Shards.parse(text)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("0-3/8", "4-7/8", False),
        ("0-3/8", "3-5/8", True),
        ("0-7/8", "2/8", True),
        ("0-3/8", "4-7/16", True),
        ("0/2", "1/2", False),
    ],
)
def test_processes_meet_when_a_server_could_reach_both(one: str, other: str, meet: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Another count deals servers out otherwise, so it meets always."""
    assert Shards.parse(one).meets(Shards.parse(other)) is meet
    assert Shards.parse(other).meets(Shards.parse(one)) is meet
