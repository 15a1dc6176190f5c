"""One connection after the other, until the block is left."""

from __future__ import annotations

import asyncio

import pytest

from solarrally.brokers import staying_connected
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.staying_connected import StayingConnected


class FailsAtLeave(StayingConnected):
    """Whose connection, when cancelled, raises an error of its own in place of the cancellation."""

    def __init__(self) -> None:
        super().__init__(
            broker="b", client_id="c", tls=None, backoff=Backoff(first_s=0.0, longest_s=0.0), when_lost="lost"
        )
        self.connections = 0
        self.connected = asyncio.Event()

    async def _until_lost(self) -> None:
        self.connections += 1
        self.connected.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self.connections == 1:
                raise OSError("the socket is gone") from None
            raise


async def test_leaving_the_block_ends_a_connection_that_swallows_the_first_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(staying_connected, "CANCEL_AGAIN_S", 0.01)
    fails = FailsAtLeave()

    async with asyncio.timeout(10), fails._kept_connected("kept") as task:
        await fails.connected.wait()

    assert task.cancelled()
    assert fails.connections == 2
