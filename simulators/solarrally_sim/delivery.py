"""From a stream of messages to acknowledged ones: paced, spread over connections, stopped when asked to."""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass

from solarrally_sim.message import Message
from solarrally_sim.pace import Pacer
from solarrally_sim.stop import StopSignals
from solarrally_sim.wire import Publisher

CLOSE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a delivery. `exit_code` is the process's."""

    acknowledged: int
    unacknowledged: int
    took_s: float
    reconnections: int
    exit_code: int


@dataclass(slots=True)
class Tally:
    """Messages the broker has acknowledged so far, and the last of them."""

    acknowledged: int = 0
    last: Message | None = None

    def count(self, message: Message) -> None:
        """Add one acknowledged message."""
        self.acknowledged += 1
        self.last = message


async def connect_all(publishers: Sequence[Publisher], stop: StopSignals) -> bool:
    """Wait until every connection is up or a stop is asked for (False); raises when one gives up."""

    async def all_connected() -> None:
        for publisher in publishers:
            await publisher.connected.wait()

    await _until_done_or_stopped(all_connected(), publishers, stop)
    return all(publisher.connected.is_set() for publisher in publishers)


async def deliver(
    messages: Iterable[Message],
    *,
    publishers: Sequence[Publisher],
    by_topic: Mapping[str, Publisher],
    pacer: Pacer,
    stop: StopSignals,
    tally: Tally,
) -> Outcome:
    """Send everything, or until a stop is asked for; then wait for acknowledgements and close."""
    began_at = time.monotonic()
    await _until_done_or_stopped(_pump(messages, by_topic, pacer), publishers, stop)
    left = await asyncio.gather(*(publisher.close(CLOSE_TIMEOUT_S) for publisher in publishers))
    return Outcome(
        acknowledged=tally.acknowledged,
        unacknowledged=sum(left),
        took_s=time.monotonic() - began_at,
        reconnections=sum(max(0, publisher.connections_made - 1) for publisher in publishers),
        exit_code=stop.exit_code or (1 if any(left) else 0),
    )


async def _pump(messages: Iterable[Message], by_topic: Mapping[str, Publisher], pacer: Pacer) -> None:
    for message in messages:
        if message.ts is not None:
            await pacer.until_due(message.ts)
        await by_topic[message.topic].send(message)


async def _until_done_or_stopped(
    work: Coroutine[object, object, None], publishers: Sequence[Publisher], stop: StopSignals
) -> None:
    """Run the work until it ends, a stop is asked for or a connection gives up; raises what went wrong."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.asked.wait())
    links = {publisher.link for publisher in publishers}
    try:
        done, _ = await asyncio.wait({working, stopping, *links}, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.wait({working, stopping})
