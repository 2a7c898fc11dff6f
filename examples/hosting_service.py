"""
A hosting service on aiohttp: the traffic of each project is counted where it passes, its disk space once a day.

CATALOG=hosting python bot.py sandbox          # or your own, with the metrics `traffic` and `storage`
JAUGE_URL=http://127.0.0.1:8080 JAUGE_KEY=jauge_… python examples/hosting_service.py ./sites
curl http://127.0.0.1:9000/blog/index.html     # what is in sites/blog, on the account project:blog
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1] / "client")
)  # where you installed or copied the client

from jauge_admin import AdminClient
from jauge_client import RefusedError, UnreachableError
from jauge_traffic import Traffic

MB = 1_000_000
MEASURED_AT_HOUR = 4  # in UTC


def project_of(request: web.Request) -> str | None:
    """Return whose traffic a request is."""
    project = request.match_info.get("project")
    return None if project is None else f"project:{project}"


def sizes_in(sites: Path) -> dict[str, int]:
    """Return what each project occupies, in bytes."""
    return {
        folder.name: sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        for folder in sorted(sites.iterdir())
        if folder.is_dir()
    }


async def measure(client: AdminClient, sites: Path, day: str) -> None:
    """Report what each project occupies; the first measurement of a day counts."""
    for project, size_bytes in (await asyncio.to_thread(sizes_in, sites)).items():
        account, size_mb = f"project:{project}", -(-size_bytes // MB)
        try:
            found = await client.set_level(account, "storage", size_mb, request_id=f"storage-{day}")
        except RefusedError as error:
            print(f"{account}: {error}")
        else:
            print(f"{account}: {found.after} MB, {found.beyond} beyond the limit")


async def measure_daily(client: AdminClient, sites: Path) -> None:
    """Measure every day at the same hour, for ever; a day on which nobody answers is left out."""
    while True:
        now = datetime.now(UTC)
        at = now.replace(hour=MEASURED_AT_HOUR, minute=0, second=0, microsecond=0)
        at += timedelta(days=at <= now)
        await asyncio.sleep((at - now).total_seconds())
        with contextlib.suppress(UnreachableError):
            await measure(client, sites, at.date().isoformat())


def build(url: str, key: str, sites: Path) -> web.Application:
    """Return the application; its key needs the scope `quota:consume`."""
    client = AdminClient(url, key)
    traffic = Traffic(client, metric="traffic", bytes_per_unit=MB)

    async def serve(request: web.Request) -> web.StreamResponse:
        account, root = project_of(request), sites / request.match_info["project"]
        file = (root / request.match_info["file"]).resolve()
        if account in traffic.exhausted:
            return web.Response(status=429, text="The traffic of this project is used up.\n")
        if not file.is_relative_to(root.resolve()) or not file.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(file)

    async def count(_: web.Application) -> AsyncIterator[None]:
        async with client, traffic:
            daily = asyncio.create_task(measure_daily(client, sites))
            yield
            daily.cancel()

    app = web.Application(middlewares=[traffic.aiohttp_middleware(project_of)])
    app.router.add_get("/{project}/{file:.+}", serve)
    app.cleanup_ctx.append(count)
    return app


if __name__ == "__main__":
    web.run_app(
        build(os.environ["JAUGE_URL"], os.environ["JAUGE_KEY"], Path(sys.argv[1])),
        host="127.0.0.1",
        port=9000,
    )
