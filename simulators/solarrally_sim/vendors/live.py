"""`solarrally-sim device`: one simulated device on a real broker, until its sessions are over."""

import asyncio
import contextlib
import json
import random
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from solarrally_sim.broker_address import BrokerAddress
from solarrally_sim.stop import StopSignals
from solarrally_sim.vendors.connection import Connection, Heard
from solarrally_sim.vendors.device import Device
from solarrally_sim.vendors.outgoing import Outgoing
from solarrally_sim.vendors.scene import SECOND
from solarrally_sim.wire import BrokerUnreachableError, backoff_s

SHORTEST_SLEEP_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """The command line, checked. `start` None is now; `duration_s` counts real seconds."""

    device: Device
    broker: BrokerAddress
    tls: ssl.SSLContext | None
    speed: float
    duration_s: float | None
    start: datetime | None
    vanish: bool
    gives_up: bool
    ground_truth: Path | None


async def live(options: LiveOptions) -> int:
    """Run the device; returns the process's exit code."""
    device = options.device
    heard: asyncio.Queue[Heard] = asyncio.Queue()
    connection = Connection(options.broker, device, tls=options.tls, on_heard=heard.put_nowait)
    with StopSignals() as stop:
        run = _Run(options, connection, heard)
        if not await run.connect(stop):
            return stop.exit_code
        typer.echo(
            f"{device.family} {device.setup.device_id} at {device.base_topic} on {options.broker}, "
            f"seed {device.setup.seed}, simulated start {run.clock.isoformat()}"
        )
        await run.until_over(stop)
        await run.leave(vanishes=options.vanish)
    truth = device.truth()
    if options.ground_truth is not None:
        options.ground_truth.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
        typer.echo(f"ground truth written to {options.ground_truth}")
    typer.echo(
        f"{connection.published} messages published, {connection.dropped} lost without a connection, "
        f"{len(truth['sessions'])} sessions, {truth['energy_wh']} Wh"
        + (f"; stopped by {stop.received.name}" if stop.received else "")
    )
    return stop.exit_code


class _Run:
    """The device's clock against ours, and its connection."""

    def __init__(self, options: LiveOptions, connection: Connection, heard: asyncio.Queue[Heard]) -> None:
        self._options = options
        self._device = options.device
        self._connection = connection
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self.clock = options.start or datetime.now(UTC)
        self._start = self.clock
        self._began_s = 0.0
        self._retry_at_s = 0.0
        self._failures = 0

    async def connect(self, stop: StopSignals) -> bool:
        """The first connection, and the boot; False when it was stopped before."""
        while not stop.asked.is_set():
            try:
                await self._connection.open()
            except BrokerUnreachableError as error:
                if self._options.gives_up:
                    raise
                await self._pause(stop, self._say_lost(str(error)))
                continue
            if self._options.start is None:
                self.clock = self._start = datetime.now(UTC)
            self._began_s = self._loop.time()
            await self._announce(self._device.tick(self.clock))
            return True
        return False

    async def until_over(self, stop: StopSignals) -> None:
        """Tick, obey and reconnect until the sessions are over, the time is, or a signal comes."""
        duration_s = self._options.duration_s
        while not (stop.asked.is_set() or self._device.is_finished):
            passed_s = self._loop.time() - self._began_s
            if duration_s is not None and passed_s >= duration_s:
                return
            due = self._start + timedelta(seconds=passed_s * self._options.speed)
            while self.clock + SECOND <= due and not stop.asked.is_set() and not self._device.is_finished:
                await self._one_second()
            if self._connection.lost.is_set() and not self._device.is_offline:
                await self._reconnect()
            await self._listen(stop, max(SHORTEST_SLEEP_S, 1.0 / self._options.speed / 2))

    async def leave(self, *, vanishes: bool) -> None:
        """Say farewell and disconnect as the firmware does, or vanish."""
        if vanishes:
            await self._connection.cut()
            return
        if not self._device.is_offline:
            self._publish_due(self._device.farewells(self.clock))
        await self._connection.flush()
        if self._device.leaves_politely:
            await self._connection.close()
        else:
            await self._connection.cut()

    async def _one_second(self) -> None:
        was_offline = self._device.is_offline
        self.clock += SECOND
        due = self._device.tick(self.clock)
        if self._device.is_offline and not was_offline:
            await self._connection.cut()
        elif was_offline and not self._device.is_offline:
            await self._come_back(due)
            return
        self._publish_due(due)
        if self.clock.second % 5 == 0:
            await asyncio.sleep(0)  # at high speed others want their turn too

    async def _reconnect(self) -> None:
        if self._loop.time() < self._retry_at_s:
            return
        await self._connection.cut()
        if await self._come_back(self._device.connected(self.clock)):
            self._failures = 0
            typer.echo(f"broker {self._options.broker}: connected again")

    async def _come_back(self, announcements: list[Outgoing]) -> bool:
        """A new connection and what is said on it; False, and another attempt later, without one."""
        try:
            await self._connection.open()
        except BrokerUnreachableError as error:
            self._connection.lost.set()
            self._say_lost(str(error))
            return False
        await self._announce(announcements)
        return True

    async def _announce(self, announcements: list[Outgoing]) -> None:
        self._publish_due(announcements)
        if not await self._connection.listen():
            typer.echo("this login may not listen to the device's commands: none are heard", err=True)

    def _say_lost(self, reason: str) -> float:
        delay_s = backoff_s(self._failures, random.random())
        self._failures += 1
        self._retry_at_s = self._loop.time() + delay_s
        typer.echo(f"{reason}; trying again in {delay_s:.1f} s", err=True)
        return delay_s

    async def _listen(self, stop: StopSignals, wait_s: float) -> None:
        """Obey what arrives within the wait; a signal ends it."""
        asked = asyncio.ensure_future(stop.asked.wait())
        command = asyncio.ensure_future(self._heard.get())
        try:
            await asyncio.wait({asked, command}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            if command.done():
                self._obey(command.result())
        finally:
            asked.cancel()
            command.cancel()

    def _obey(self, said: Heard) -> None:
        self._publish_due(self._device.receive(said.topic, said.payload, self.clock, retained=said.retained))

    async def _pause(self, stop: StopSignals, wait_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await stop.asked.wait()

    def _publish_due(self, due: list[Outgoing]) -> None:
        for outgoing in due:
            self._connection.publish(outgoing)
