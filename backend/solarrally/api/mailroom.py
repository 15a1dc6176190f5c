"""Mails, and work that is done after the answer so that the answer tells nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from solarrally.errors import SolarRallyError
from solarrally.mail import Mail, Mailer, MailNotSent

log: structlog.stdlib.BoundLogger = structlog.get_logger()

MAX_WAITING: Final = 100
"""Further ones are dropped, and logged: who asked may ask again."""
CONCURRENT: Final = 4
CLOSE_TIMEOUT_S: Final = 2.0


class Mailroom:
    """Sends mails, also in the background. Without a mailer none is sent."""

    def __init__(self, mailer: Mailer | None) -> None:
        self._mailer = mailer
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONCURRENT)

    @property
    def is_open(self) -> bool:
        """Whether mails are sent at all."""
        return self._mailer is not None

    async def send(self, mail: Mail) -> None:
        """Raises `MailNotSent`."""
        if self._mailer is None:
            raise MailNotSent("no mailer is set (SOLARRALLY_MAILER)")
        await self._mailer.send(mail)

    def later(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Do it in the background; what goes wrong is logged by this name."""
        if len(self._tasks) >= MAX_WAITING:
            work.close()
            log.warning("mail_dropped", work=name, waiting_count=len(self._tasks))
            return
        task = asyncio.create_task(self._do(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Return when nothing is left to do."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Finish what is under way, within a moment."""
        if not self._tasks:
            return
        _, unfinished = await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT_S)
        for task in unfinished:
            task.cancel()
        if unfinished:
            log.warning("mails_abandoned", count=len(unfinished))

    async def _do(self, work: Coroutine[Any, Any, None], name: str) -> None:
        async with self._slots:
            try:
                await work
            except SolarRallyError as error:
                log.warning("mail_failed", work=name, error=str(error))
