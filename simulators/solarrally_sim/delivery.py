"""From a stream of messages to acknowledged ones: paced, spread over connections, stopped when asked to."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass

from solarrally_sim.message import Message
from solarrally_sim.pace import Pacer
from solarrally_sim.spooled_fleet import SpooledFleet
from solarrally_sim.stop import StopSignals
from solarrally_sim.tally import SpoolTally, Tally
from solarrally_sim.wire import Publisher

CLOSE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a delivery. `exit_code` is the process's.

    It is 1 when the broker has not acknowledged a message; with a spool, when a message is not acknowledged
    as stored or was dropped. `unacknowledged` is what was on its way to the broker at the end.
    """

    acknowledged: int
    unacknowledged: int
    spool: SpoolTally | None
    took_s: float
    reconnections: int
    exit_code: int


async def connect_all(publishers: Sequence[Publisher], stop: StopSignals) -> bool:
    """Wait until every connection is up or a stop is asked for (False); raises when one gives up."""

    async def all_connected() -> None:
        for publisher in publishers:
            await publisher.connected.wait()

    await _until_done_or_stopped(all_connected(), {publisher.link for publisher in publishers}, stop.asked)
    return all(publisher.connected.is_set() for publisher in publishers)


async def deliver(
    messages: Iterable[Message],
    *,
    publishers: Sequence[Publisher],
    send: Callable[[Message], Awaitable[None]],
    pacer: Pacer,
    stop: StopSignals,
    tally: Tally,
    spooled: SpooledFleet | None = None,
) -> Outcome:
    """Send everything, or until a stop is asked for; then wait for acknowledgements and close.

    `spooled` must have the connections `publishers`; then `send` is its.
    """
    began_at = time.monotonic()
    watched = {publisher.link for publisher in publishers}
    async with contextlib.AsyncExitStack() as stack:
        if spooled is not None:
            await stack.enter_async_context(spooled.running(publishers))
            watched |= spooled.workers
        await _until_done_or_stopped(_pump(messages, send, pacer), watched, stop.asked)
        if spooled is not None:
            await _drain(spooled, watched, stop)
    left = sum(await asyncio.gather(*(publisher.close(CLOSE_TIMEOUT_S) for publisher in publishers)))
    lacking = left if tally.spool is None else tally.spool.in_spool + tally.spool.dropped
    return Outcome(
        acknowledged=tally.acknowledged,
        unacknowledged=left,
        spool=tally.spool,
        took_s=time.monotonic() - began_at,
        reconnections=sum(max(0, publisher.connections_made - 1) for publisher in publishers),
        exit_code=stop.exit_code or (1 if lacking else 0),
    )


def by_topic(publishers: Mapping[str, Publisher]) -> Callable[[Message], Awaitable[None]]:
    """Sends each message over the connection of its topic."""

    async def send(message: Message) -> None:
        await publishers[message.topic].send(message)

    return send


async def _pump(
    messages: Iterable[Message], send: Callable[[Message], Awaitable[None]], pacer: Pacer
) -> None:
    for message in messages:
        if message.ts is not None:
            await pacer.until_due(message.ts)
        await send(message)


async def _drain(spooled: SpooledFleet, watched: set[asyncio.Task[None]], stop: StopSignals) -> None:
    """Wait until everything is stored; after a signal only briefly, what is left is in the spool."""

    async def drained_in_time(limit_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await spooled.drained()

    if not stop.asked.is_set():
        await _until_done_or_stopped(drained_in_time(spooled.drain_s), watched, stop.asked)
    if stop.asked.is_set():
        await _until_done_or_stopped(drained_in_time(CLOSE_TIMEOUT_S), watched, asyncio.Event())


async def _until_done_or_stopped(
    work: Coroutine[object, object, None], watched: set[asyncio.Task[None]], asked: asyncio.Event
) -> None:
    """Run the work until it ends, a stop is asked for or one of `watched` ends; raises what went wrong."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(asked.wait())
    try:
        done, _ = await asyncio.wait({working, stopping, *watched}, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.wait({working, stopping})
