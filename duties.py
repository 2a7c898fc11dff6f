"""What one process of several does, and whether its settings go together with that."""

from __future__ import annotations

from dataclasses import dataclass

from cogs.shards import Shards
from settings import Settings, SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """
    What a process does: serve HTTP (webhooks, API, pages), talk to Discord (and send notices), or both.

    `shards` are those it serves of Discord's; None for all there are.
    """

    http: bool = True
    discord: bool = True
    shards: Shards | None = None


ALL_OF_THEM = Duties()
"""Where one process does everything."""


def require_coherent(settings: Settings, duties: Duties) -> None:
    """
    Refuse settings with which this process cannot do its duties.

    Raises:
        SettingsError: with every problem at once.

    """
    problems = []
    if duties.shards is not None and settings.postgres_url is None:
        problems.append("--shards: several processes need a PostgreSQL database; name it in DATABASE_URL")
    if not duties.http and settings.public_url is None:
        problems.append(
            "PUBLIC_URL: missing: --only discord serves no pages; name those of the other processes"
        )
    if settings.postgres_url is not None and settings.backup_folder is not None:
        problems.append(
            "BACKUP_FOLDER: is for an SQLite file; back PostgreSQL up with pg_dump or its own back-ups"
        )
    if problems:
        raise SettingsError(problems)
