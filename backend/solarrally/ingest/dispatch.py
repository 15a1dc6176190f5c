"""Commands out of the outbox to the broker, in the leading ingestor; and the end of those whose time is over.

It runs beside the pipeline, over connections of its own: whatever becomes of it, messages are ingested. A
command may reach the broker twice, when this process dies between sending it and noting that it did; stations
know a command again by its id.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from solarrally.dialects.routes import Routes
from solarrally.domain.command import Answer, CommandResult, CommandStatus
from solarrally.errors import CommandNotTaken, StoreUnavailable
from solarrally.ingest.devices import Devices
from solarrally.ingest.fates import FateCount
from solarrally.ingest.ports import CommandOutbox, CommandPublisher, OutgoingCommand
from solarrally.ingest.translation import Worded, expected_again, worded

log = structlog.get_logger()

SENT_AT_ONCE: Final = 100
POLL_S: Final = 1.0
LONGEST_RETRY_S: Final = 5.0
RECALLED_WITHIN_S: Final = 3.0
"""Messages wait no longer than that for what only commands need."""
CAUGHT_UP_S: Final = 5.0
"""What stations said while we were away comes first when we are back: only then may their silence count."""


@dataclass(slots=True, frozen=True, kw_only=True)
class DispatchRules:
    """What the settings tell the dispatch."""

    completion_timeout_s: float = 900.0
    """An accepted command that is not completed by then has timed out."""


class Dispatch:
    """Sends commands while `is_leading`. `is_caught_up`: whether all that stations said has been taken in."""

    def __init__(
        self,
        outbox: CommandOutbox,
        publisher: CommandPublisher,
        rules: DispatchRules,
        counts: FateCount,
        *,
        routes: Routes,
        devices: Devices,
        is_leading: Callable[[], bool],
        is_caught_up: Callable[[], bool],
    ) -> None:
        self._routes = routes
        self._devices = devices
        self._outbox = outbox
        self._publisher = publisher
        self._rules = rules
        self._counts = counts
        self._is_leading = is_leading
        self._is_caught_up = is_caught_up

    async def run(self) -> None:
        """Until cancelled. Survives the loss of the database, of the broker, and of the lead."""
        retry_s = POLL_S / 4
        while True:
            try:
                await self._while_leading()
                retry_s = POLL_S / 4
            except StoreUnavailable as error:
                log.warning("command_outbox_unavailable", error=str(error))
            except Exception:
                # Commands are the lesser part of this process: the pipeline beside us goes on.
                self._counts.command_failures += 1
                log.exception("command_dispatch_failed")
            await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))
            retry_s = min(2 * retry_s, LONGEST_RETRY_S)

    async def _while_leading(self) -> None:
        if not self._is_leading():
            return
        async with self._outbox.connected(), self._publisher.connection():
            self._expect_again(await self._outbox.under_way())
            while self._is_leading():
                if await self.turn() < SENT_AT_ONCE:
                    await self._outbox.wait(POLL_S)

    def _expect_again(self, under_way: Sequence[OutgoingCommand]) -> None:
        over = self._devices.expected - {command.id for command in under_way}
        self._devices.no_longer_expect(over)
        self.recall(under_way)

    async def recall_early(self, outbox: CommandOutbox) -> None:
        """Know what is under way before its stations are heard: they may have answered while nobody listened.

        Over a connection of its own, since `run` uses the other. Where it cannot be had, `run` recalls later.
        """
        try:
            async with asyncio.timeout(RECALLED_WITHIN_S), outbox.connected():
                self.recall(await outbox.under_way())
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("commands_not_recalled", error=str(error) or type(error).__name__)
        except Exception:
            self._counts.command_failures += 1
            log.exception("command_recall_failed")

    def recall(self, under_way: Sequence[OutgoingCommand]) -> None:
        """What an ingestor before us sent to devices that do not answer shows in what they say to us."""
        already = self._devices.expected
        for command in under_way:
            expected = expected_again(command, self._routes) if command.id not in already else None
            if expected is not None:
                self._devices.expect(expected)

    async def turn(self) -> int:
        """End what is over, send what waits; how many commands were taken up."""
        for command in await self._outbox.lapse(
            of_stations=self._is_caught_up(), completion_timeout_s=self._rules.completion_timeout_s
        ):
            self._counts.command_changed(command, command.status)
            self._devices.no_longer_expect([command.id])
        if not self._publisher.is_connected:
            return 0
        claimed = await self._outbox.claim(SENT_AT_ONCE)
        if not claimed:
            return 0
        worded, refused = self._word(claimed)
        for update in await self._outbox.answer(refused) if refused else ():
            self._counts.command_changed(update, update.status)
        taken = await asyncio.gather(*(self._send(command, words) for command, words in worded))
        sent = [command.id for (command, _), is_taken in zip(worded, taken, strict=True) if is_taken]
        if sent:
            for update in await self._outbox.mark_sent(sent):
                # Not the update's own: its answer may have been faster, and was counted.
                self._counts.command_changed(update, CommandStatus.SENT)
        return len(sent)

    def _word(
        self, commands: Sequence[OutgoingCommand]
    ) -> tuple[list[tuple[OutgoingCommand, Worded]], list[CommandResult]]:
        """Those that their stations understand, and the refusals of the others."""
        understood, refused = [], []
        for command in commands:
            try:
                understood.append((command, worded(command, self._routes, self._devices)))
            except CommandNotTaken as error:
                refusal = CommandResult(command_id=command.id, answer=Answer.REJECTED, detail=str(error))
                refused.append(refusal)
        return understood, refused

    async def _send(self, command: OutgoingCommand, words: Worded) -> bool:
        """Whether the broker has taken all of it."""
        if words.expected is not None:
            self._devices.expect(words.expected)
        for topic, payload in words.messages:
            if not await self._publisher.publish(topic, payload, expires_in_s=int(command.expires_in_s)):
                return False
        return True
