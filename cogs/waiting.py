"""What waits for somebody's next command; the ledger is not asked again about people for whom nothing does."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.accounts import AccountRef
from quota_core.notices import Notice, Notices

MAX_KNOWN = 20_000


class Waiting:
    """
    Find kept notices; remember the accounts without any.

    Only where this process is the `only_sender`: nobody else can keep a notice then, and `may_have` is called
    for each that this one does.
    """

    def __init__(self, notices: Notices, *, only_sender: bool) -> None:
        self._notices = notices
        self._only_sender = only_sender
        self._nothing: dict[AccountRef, None] = {}

    async def of(self, account: AccountRef) -> Sequence[Notice]:
        """Return what waits for this account, oldest first, five at most."""
        if account in self._nothing:
            return ()
        kept = await self._notices.kept(account)
        if not kept and self._only_sender:
            if len(self._nothing) >= MAX_KNOWN:
                del self._nothing[next(iter(self._nothing))]
            self._nothing[account] = None
        return kept

    def may_have(self, account: AccountRef) -> None:
        """Ask the ledger again about this account."""
        self._nothing.pop(account, None)
