"""
The loop that takes what is owed on one channel and has it delivered, at least once, until it is stopped.

Pauses follow the monotonic clock, so that a stepped clock cannot freeze it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from quota_core.errors import UnavailableError
from quota_core.events import Channel
from quota_core.notices import HOLD_SECONDS, Notice, Notices
from quota_core.screening import Screening
from quota_core.store.recipients import Recipient

log = logging.getLogger(__name__)

STOP_SECONDS = 3.0
MAX_FAILURE_PAUSE_SECONDS = 60.0

Deliver = Callable[[Notice, Recipient | None], Awaitable[None]]
"""Sends a notice and records what became of it; the recipient is None for the account itself."""


class Sending:
    """
    Send what is owed on a channel.

    Args:
        notices: the outbox.
        screening: the last look at each.
        channel: whose notices these are.
        deliver: sends one.
        workers: how many at once.
        afterwards: called after each, whatever became of it.

    """

    def __init__(
        self,
        notices: Notices,
        screening: Screening,
        channel: Channel,
        deliver: Deliver,
        *,
        workers: int = 1,
        afterwards: Callable[[Notice], None] = lambda _: None,
    ) -> None:
        self._notices = notices
        self._screening = screening
        self._channel = channel
        self._deliver = deliver
        self._workers = workers
        self._afterwards = afterwards
        self._wake = notices.wake.of(channel)
        self._under_way: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, beside whoever calls."""
        self._task = asyncio.create_task(self._run(), name=f"notices by {self._channel}")

    def end(self) -> None:
        """Claim nothing more."""
        self._stopping = True
        self._wake.set()

    async def stop(self) -> None:
        """Finish what is in hand, within bounds, and end."""
        self.end()
        tasks = {task for task in (self._task, *self._under_way) if task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in tasks | self._under_way:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping:
            try:
                self._wake.clear()
                notice = await self._notices.claim(self._channel)
                if notice is None:
                    await self._wait(await self._notices.seconds_until_due(self._channel))
                    continue
                task = asyncio.create_task(self._deliver_in_time(notice))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
                if len(self._under_way) >= self._workers:
                    done, _ = await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                    for one in done:
                        one.result()
                self._failures = 0
            except Exception:
                self._failures += 1
                pause_seconds = min(MAX_FAILURE_PAUSE_SECONDS, 0.5 * 2 ** min(self._failures, 10))
                log.exception("sending notices by %s failed; again in %.0f s", self._channel, pause_seconds)
                await self._wait(pause_seconds)

    async def _wait(self, seconds: float | None) -> None:
        if self._stopping:
            return
        poll_seconds = self._notices.poll_seconds
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(poll_seconds if seconds is None else min(poll_seconds, seconds)):
                await self._wake.wait()

    async def _deliver_in_time(self, notice: Notice) -> None:
        """Deliver a notice while it is ours; a process that was cut off must not go on with what another has."""
        delivering = asyncio.ensure_future(self._deliver_if_wanted(notice))
        try:
            while not (await asyncio.wait({delivering}, timeout=HOLD_SECONDS))[0]:
                with contextlib.suppress(UnavailableError):
                    if not await self._notices.hold(notice):
                        log.warning("notice %d went to another process", notice.id)
                        return
            await delivering
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)
            self._afterwards(notice)

    async def _deliver_if_wanted(self, notice: Notice) -> None:
        screened = await self._screening.of(notice)
        if screened.refused is not None:
            await self._notices.give_up(notice, screened.refused)
        elif screened.kept is not None:
            await self._notices.keep(notice, screened.kept)
        elif screened.wait_seconds > 0:
            await self._notices.postpone(notice, screened.wait_seconds)
        else:
            await self._deliver_or_later(notice, screened.recipient)

    async def _deliver_or_later(self, notice: Notice, recipient: Recipient | None) -> None:
        """Deliver a notice; one that nobody foresaw, of another version perhaps, must not hold up the others."""
        try:
            await self._deliver(notice, recipient)
        except UnavailableError:
            raise
        except Exception:
            log.exception("notice %d cannot be made into a message", notice.id)
            await self._notices.try_later(notice, "it could not be made into a message")
