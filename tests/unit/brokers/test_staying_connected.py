"""One connection after the other, until the block is left."""

from __future__ import annotations

import asyncio

import pytest

from solarrally.brokers import staying_connected
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.staying_connected import StayingConnected


class Leaving(StayingConnected):
    """Whose connection answers the first cancellation as it is told to."""

    def __init__(self, at_leave: BaseException | None) -> None:
        super().__init__(
            broker="b", client_id="c", tls=None, backoff=Backoff(first_s=0.0, longest_s=0.0), when_lost="lost"
        )
        self._at_leave = at_leave
        self.connections = 0
        self.connected = asyncio.Event()

    async def _until_lost(self) -> None:
        self.connections += 1
        self.connected.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self._at_leave is not None:
                raise self._at_leave from None
        await asyncio.Event().wait()


async def test_a_connection_that_fails_as_it_takes_its_leave_is_not_made_again() -> None:
    leaving = Leaving(OSError("the socket is gone"))

    async with asyncio.timeout(2), leaving._kept_connected("kept") as task:
        await leaving.connected.wait()

    assert task.cancelled()
    assert leaving.connections == 1


async def test_leaving_the_block_ends_a_connection_that_swallows_the_first_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(staying_connected, "CANCEL_AGAIN_S", 0.01)
    leaving = Leaving(None)

    async with asyncio.timeout(10), leaving._kept_connected("kept") as task:
        await leaving.connected.wait()

    assert task.cancelled()
    assert leaving.connections == 1
