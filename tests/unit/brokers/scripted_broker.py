"""A broker on loopback that does what a test tells it to, packet by packet."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.unit.brokers.broker_bytes import PINGRESP, connack, suback

PATIENCE_S = 10.0
CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ, DISCONNECT = 0x10, 0x30, 0x40, 0x82, 0xC0, 0xE0


class Link:
    """One connection of a client, seen from the broker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def packet(self) -> tuple[int, bytes]:
        """The next packet of the client: first byte and body. Raises `EOFError` when it has hung up."""
        async with asyncio.timeout(PATIENCE_S):
            [first_byte] = await self._reader.readexactly(1)
            length = place = 0
            while True:
                [byte] = await self._reader.readexactly(1)
                length |= (byte & 0x7F) << (7 * place)
                place += 1
                if byte < 0x80:
                    return first_byte, await self._reader.readexactly(length)

    async def expect(self, first_byte: int) -> bytes:
        """The body of the next packet that is no ping, which has to be of this kind. Pings are answered."""
        while True:
            kind, body = await self.packet()
            if kind == PINGREQ != first_byte:
                self.send(PINGRESP)
                continue
            assert kind == first_byte, f"0x{kind:02X} {body!r}"
            return body

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def let_in(
        self, *filters_granted: int, properties: bytes = b"", session_present: bool = True
    ) -> None:
        """Answer CONNECT, then a SUBSCRIBE for each code."""
        await self.expect(CONNECT)
        self.send(connack(session_present=session_present, properties=properties))
        for code in filters_granted or (1,):
            body = await self.expect(SUBSCRIBE)
            self.send(suback(int.from_bytes(body[:2], "big"), code))

    async def acknowledged(self, count: int) -> list[int]:
        """The packet ids of the next acknowledgements."""
        return [int.from_bytes(await self.expect(PUBACK), "big") for _ in range(count)]

    def hang_up(self) -> None:
        self._writer.close()

    async def is_over(self) -> bool:
        """Waits for the client to hang up; anything it says before is wrong."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.read() == b""


class ScriptedBroker:
    """Every connection goes into `links`; nothing is said unless the test says it."""

    def __init__(self) -> None:
        self.port = 0
        self._links: asyncio.Queue[Link] = asyncio.Queue()

    async def link(self) -> Link:
        """The next connection."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._links.get()

    @property
    def nobody_came(self) -> bool:
        return self._links.empty()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._links.put_nowait(Link(reader, writer))


@asynccontextmanager
async def scripted_broker(tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedBroker]:
    broker = ScriptedBroker()
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await broker._accept(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        for writer in writers:
            writer.close()
        server.close()
        await server.wait_closed()
