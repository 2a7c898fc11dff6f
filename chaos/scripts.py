"""What a life does: each script is one kind of work of the bot, with the product's own parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from chaos.checker import check
from chaos.outside import Asked
from quota_core.accounts import AccountRef
from terminal.backups import back_up

if TYPE_CHECKING:
    from chaos.life import Life

PACKAGE = "quota_100"


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


async def _buy(life: Life) -> None:
    buyer = AccountRef("user", life.person())
    opened = await life.core.purchases.begin(buyer, PACKAGE, buyer=buyer, locale="en")
    life.till.tell(t="paid", session=opened.reference, order=opened.order_id, amount=opened.price_minor)
    for _ in range(1 + life.random.randrange(2)):
        await life.deliver(opened.reference)


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


async def _check(life: Life) -> None:
    """Tell all that is left to tell, then compare everything with the outside."""
    while (wait_seconds := await life.core.notices.seconds_until_due()) is not None:
        await asyncio.sleep(wait_seconds)  # what a killed process had claimed is free once its lease ended
        await _tell(life)
    findings = await check(life)
    life.lines.add(t="checked", acknowledged=findings.acknowledged, **findings.found)


async def _nothing(life: Life) -> None:
    del life


async def _claim(life: Life) -> None:
    """Take a notice, and come back to it late."""
    notice = await life.core.notices.claim()
    if notice is not None:
        life.lines.add(t="claimed", notice=notice.id, fence=notice.fence)
        await life.core.notices.sent(notice)


SCRIPTS: dict[str, Callable[[Life], Awaitable[None]]] = {
    "spend": _spend,
    "grant": _grant,
    "buy": _buy,
    "tell": _tell,
    "keys": _keys,
    "backup": _backup,
    "restore": _backup,
    "claim": _claim,
    "check": _check,
    "nothing": _nothing,
}
