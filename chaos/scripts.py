"""What a life does: each script is one kind of work of the bot, with the product's own parts."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from chaos.checker import check
from chaos.outside import Asked
from ledger_file import utc_ms
from quota_core.accounts import AccountRef
from quota_core.errors import UnavailableError
from terminal.backups import back_up
from terminal.progress import Progress
from terminal.restore import Restore

if TYPE_CHECKING:
    from chaos.life import Life

log = logging.getLogger(__name__)

PACKAGE = "quota_100"
SERVER = "5000000"


async def _spend(life: Life) -> None:
    for _ in range(2):
        await life.ask(
            [
                Asked("spend", life.person(), 1 + life.random.randrange(3), life.key())
                for _ in range(life.birth.batch)
            ]
        )


async def _grant(life: Life) -> None:
    for what, units in (("add", 50), ("remove", 3), ("plan", life.random.choice(["free", "pro", "ultra"]))):
        await life.ask([Asked(what, life.person(), units, life.key())])


async def _share(life: Life) -> None:
    """Buy for the server, and give people of it, once more than there is."""
    await _buy(life, server=SERVER)
    for units in (10, 1 + life.random.randrange(40), 100_000):
        await life.ask([Asked("share", SERVER, f"{units}:{life.person()}", life.key())])


async def _buy(life: Life, person: str | None = None, server: str | None = None) -> str:
    buyer = AccountRef("user", person or life.person())
    account = buyer if server is None else AccountRef("guild", server)
    opened = await life.core.purchases.begin(account, PACKAGE, buyer=buyer, locale="en")
    life.till.tell(t="paid", session=opened.reference, order=opened.order_id, amount=opened.price_minor)
    for _ in range(1 + life.random.randrange(2)):
        await life.deliver(opened.reference)
    return opened.reference


async def _refund(life: Life) -> None:
    """Buy, spend more than the day gives, and get the money back in two parts, the second reported twice."""
    buyer = str(1000 + life.birth.number)  # on the free plan for sure, so that something is owed afterwards
    session = await _buy(life, buyer)
    await life.ask([Asked("spend", buyer, 60 + life.random.randrange(80), life.key())])
    for amount_minor in (100, life.till.paid[session]):
        refund = f"re_{life.key().replace(':', '_')}"
        life.till.tell(t="refund", refund=refund, session=session, amount=amount_minor)
        await life.deliver_refund(refund)
    await life.deliver_refund(refund)


async def _tell(life: Life) -> None:
    """Send what is owed, as the sender of the bot does: claim, post, mark."""
    while (notice := await life.core.notices.claim()) is not None:
        life.outside.discord.add(t="post", nonce=notice.nonce, notice=notice.id, facts=dict(notice.facts))
        await life.core.notices.sent(notice)


async def _keys(life: Life) -> None:
    token = await life.ledger.keys.create("chaos", [])
    await life.ledger.keys.revoke(token.split("_")[1])
    life.lines.add(t="revoked", token=token)
    if await life.ledger.keys.check(token) is not None:
        life.lines.add(t="wrong", problems=["a revoked key is taken"], lost=[])


async def _backup(life: Life) -> None:
    await back_up(life.ledger.database, life.backup, force=True, show=lambda _: None)


async def restore(life: Life) -> None:
    """Put the back-up that was made in this life in the place of the closed ledger."""

    async def agree(_question: str) -> bool:
        return True

    ledger, reply = life.settings.database_path(life.outside.folder / "data"), Silent()
    restoring = Restore(source=life.backup, ledger=ledger, agree=agree, reply=reply, clock=utc_ms)
    life.lines.add(t="restored", code=await restoring.run())


async def _check(life: Life) -> None:
    """Tell all that is left to tell, then compare everything with the outside."""
    while (wait_seconds := await life.core.notices.seconds_until_due()) is not None:
        await asyncio.sleep(wait_seconds)  # what a killed process had claimed is free once its lease ended
        await _tell(life)
    findings = await check(life)
    life.lines.add(t="checked", acknowledged=findings.acknowledged, **findings.found)


async def _small(life: Life) -> None:
    """Spend while no file may grow (RLIMIT_FSIZE), then while the database may not, then freely."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = life.settings.database_path(life.outside.folder / "data").with_suffix(".db-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
    refused = 0
    for _ in range(3):
        try:
            await _spend(life)
        except UnavailableError:
            refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    life.lines.add(t="limited", struck=refused)
    [(pages,)] = await life.rows("PRAGMA page_count")
    await life.rows(f"PRAGMA max_page_count = {pages}")
    await life.attempt(_grant(life))
    await life.go_on([life.birth.number])


async def _hold(life: Life) -> None:
    """Hold for three, settle one, release one, forget one; and end those that were forgotten before."""
    holds = [Asked("hold", life.person(), 2 + life.random.randrange(3), life.key()) for _ in range(3)]
    await life.ask(holds)
    quota, (first, second, _) = life.core.quota, holds
    await quota.settle(AccountRef("user", first.account), key=first.key, units=1)
    life.lines.add(t="settled", account=first.account, hold=first.key, used=1)
    await quota.release(AccountRef("user", second.account), key=second.key)
    await quota.holds.end_due()


async def _race(life: Life) -> None:
    """Spend for a few people, over and over, while an operator gives and takes from the same."""
    people = [life.person() for _ in range(3)]
    for _ in range(4):
        spends = [Asked("spend", life.random.choice(people), 1, life.key()) for _ in range(16)]
        changes = [
            Asked(what, life.random.choice(people), 2, life.key()) for what in ("add", "remove", "add")
        ]
        await asyncio.gather(*(life.ask([one]) for one in (*spends[:8], *changes, *spends[8:])))


async def _late(life: Life) -> None:
    """Spend, and look at rows that are late by then."""
    await _spend(life)
    await life.rows("SELECT count(*) FROM balances")


async def _heads(life: Life) -> None:
    """Say where every account stands, as an anchor does that is kept elsewhere."""
    rows = await life.rows("SELECT account, version, digest FROM balances WHERE version > 0")
    life.lines.add(t="heads", heads=[[account, version, digest.hex()] for account, version, digest in rows])


async def _nothing(life: Life) -> None:
    del life


async def _claim(life: Life) -> None:
    """Take a notice, and come back to it late."""
    notice = await life.core.notices.claim()
    if notice is not None:
        life.lines.add(t="claimed", notice=notice.id, fence=notice.fence)
        await life.core.notices.sent(notice)


class Silent:
    """Nobody reads along."""

    def tell(self, line: str) -> None:
        """Say nothing but to the log."""
        log.warning("%s", line)

    def note(self, line: str) -> None:
        """Say nothing."""

    def step(self, progress: Progress) -> None:
        """Say nothing."""

    async def write(self, text: str) -> None:
        """Say nothing."""


SCRIPTS: dict[str, Callable[[Life], Awaitable[object]]] = {
    "spend": _spend,
    "grant": _grant,
    "buy": _buy,
    "refund": _refund,
    "tell": _tell,
    "keys": _keys,
    "backup": _backup,
    "restore": _backup,
    "claim": _claim,
    "check": _check,
    "hold": _hold,
    "late": _late,
    "race": _race,
    "share": _share,
    "small": _small,
    "heads": _heads,
    "nothing": _nothing,
}
