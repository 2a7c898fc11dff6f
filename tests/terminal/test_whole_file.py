import stat
from pathlib import Path

import pytest

from terminal.whole_file import whole_file
from tests.terminal.ledgers import names_in


def test_the_file_appears_at_the_end_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """While it is written, its name is free."""
    target = tmp_path / "copy.db"
    with whole_file(target, force=False) as part:
        part.write_bytes(b"all of it")
        before = target.exists()

    assert not before
    assert target.read_bytes() == b"all of it"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names_in(tmp_path) == {"copy.db"}


def write_half_and_stop(part: Path) -> None:
    """Begin to write, as SQLite does, and be cut off."""
    part.write_bytes(b"half")
    part.with_name(part.name + "-wal").write_bytes(b"half")
    raise KeyboardInterrupt


@pytest.mark.parametrize("force", [False, True])
def test_what_ends_early_leaves_nothing_and_changes_nothing(tmp_path: Path, *, force: bool) -> None:
    """Neither a part of the new file nor a scratch on the old one."""
    target = tmp_path / "copy.db"
    if force:
        target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), whole_file(target, force=force) as part:
        write_half_and_stop(part)

    assert names_in(tmp_path) == ({"copy.db"} if force else set())
    assert not force or target.read_bytes() == b"old"


def test_a_file_that_exists_is_replaced_by_force_alone(tmp_path: Path) -> None:
    """Also when somebody made it while ours was written."""
    target = tmp_path / "copy.db"
    with pytest.raises(FileExistsError, match="--force replaces it"), whole_file(target, force=False):
        target.write_bytes(b"theirs")
    with pytest.raises(FileExistsError), whole_file(target, force=False):
        pass
    kept = target.read_bytes()
    with whole_file(target, force=True) as part:
        part.write_bytes(b"ours")

    assert kept == b"theirs"
    assert target.read_bytes() == b"ours"
    assert names_in(tmp_path) == {"copy.db"}


def test_a_folder_is_no_place_for_a_file(tmp_path: Path) -> None:
    """Neither as the target nor when it is absent."""
    with pytest.raises(IsADirectoryError), whole_file(tmp_path, force=True):
        pass
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "nowhere" / "copy.db", force=False):
        pass
