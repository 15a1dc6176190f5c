"""A broker on a real socket that records what it is sent and breaks connections on purpose (MQTT 3.1.1)."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self

CONNACK, PUBACK, PINGRESP = 2, 4, 13


class Fate(Enum):
    """What happens to a message that arrives."""

    ACKNOWLEDGED = "recorded and acknowledged"
    LOST = "neither recorded nor acknowledged; the connection breaks"
    ACK_LOST = "recorded, but the connection breaks before the acknowledgement"


@dataclass
class FakeBroker:
    """Listens on `port` of 127.0.0.1 while entered; `fate_of(n)` decides about the n-th message to arrive."""

    fate_of: Callable[[int], Fate] = lambda _: Fate.ACKNOWLEDGED
    received: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _arrived: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self._open:
            writer.close()
        await self._server.wait_closed()
        await asyncio.sleep(0.01)  # the connections' tasks see the end

    def received_on(self, topic: str) -> list[bytes]:
        """The payloads of one topic in order of arrival."""
        return [payload for at, payload in self.received if at == topic]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer_one(reader, writer):
                    pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = (await reader.readexactly(1))[0]
        body = await reader.readexactly(await _remaining_length(reader))
        match first >> 4:
            case 1:  # CONNECT
                writer.write(bytes([CONNACK << 4, 2, 0, 0]))
            case 3:  # PUBLISH
                return self._take(first, body, writer)
            case 12:  # PINGREQ
                writer.write(bytes([PINGRESP << 4, 0]))
            case 14:  # DISCONNECT
                return False
        return True

    def _take(self, first: int, body: bytes, writer: asyncio.StreamWriter) -> bool:
        topic_end = 2 + int.from_bytes(body[:2], "big")
        has_id = bool(first & 0b0110)
        payload_at = topic_end + (2 if has_id else 0)
        self._arrived += 1
        fate = self.fate_of(self._arrived)
        if fate is not Fate.LOST:
            self.received.append((body[2:topic_end].decode(), body[payload_at:]))
        if fate is Fate.ACKNOWLEDGED and has_id:
            writer.write(bytes([PUBACK << 4, 2]) + body[topic_end:payload_at])
        return fate is Fate.ACKNOWLEDGED


async def _remaining_length(reader: asyncio.StreamReader) -> int:
    length, shift = 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return length
        shift += 7
