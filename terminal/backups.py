"""`ledger backup`: a copy of the ledger, made while it works, that is there whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from quota_core.crash_points import crash_point
from quota_core.database import Database
from quota_core.errors import UnavailableError
from terminal.progress import Progress
from terminal.reply import Reply
from terminal.whole_file import whole_file


async def back_up(database: Database, target: Path, *, force: bool, show: Callable[[Progress], None]) -> int:
    """
    Copy the ledger into `target` (mode 0600) and return the size of the copy in bytes.

    Raises:
        UnavailableError: the copy could not be made; nothing is left of it.
        OSError: the file exists and `force` does not allow to replace it, or its folder cannot be written.

    """
    with whole_file(target, force=force) as part:
        crash_point("ops.81.backup_begun")
        await database.back_up(
            part,
            lambda done, total: show(Progress(stage="copying", unit="pages", done=done, total=total)),
        )
        crash_point("ops.81.backup_ended")
        return part.stat().st_size


async def back_up_for(database: Database, options: Mapping[str, Any], reply: Reply) -> int:
    """Copy the ledger into the option `file`; `force` allows to replace one. Return the exit code."""
    target = Path(options["file"])
    if not target.is_absolute():
        reply.tell(
            f"{target}: an absolute path is needed, since two processes may stand in different folders"
        )
        return 2
    try:
        size_bytes = await back_up(database, target, force=bool(options.get("force")), show=reply.step)
    except (UnavailableError, OSError) as error:
        reply.tell(f"no back-up was made: {error}")
        return 1
    reply.tell(f"{target}: {size_bytes:,} bytes, checked; keep a copy on another machine")
    return 0
