"""The WebSocket as live updates are written to it: frames that are made once and written to many.

uvicorn's own way (ASGI `websocket.send`) frames, compresses and awaits for each connection by itself. Here a
message is framed, and where many share it deflated, once (`live_rendering`); `write` hands these bytes to the
transport, which keeps no copy. Compression never takes over a context, so every connection that agreed to it
takes the same bytes.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import zlib
from asyncio import BaseTransport
from typing import Any, Final, Protocol, cast

from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.server import ServerProtocol

ABORT_AFTER_S: Final = 2.0
MAX_UNSENT_BYTES: Final = 65_536
"""That the kernel holds beyond what is on its way. Else it takes megabytes before it says that a client does
not read, and a slow one is told what was new seconds ago.
"""
DEFLATE_LEVEL: Final = 1
"""A frame of 70 kB in under a millisecond, to about a tenth; higher levels cost more than they save."""
_FULL_WINDOW_BITS: Final = 15
_EXTENSION: Final = "solarrally.wire"
_TEXT: Final = 0x81
_TEXT_DEFLATED: Final = 0xC1


class WireListener(Protocol):
    """Who is told how the wire takes what is written."""

    def wire_is_full(self) -> None:
        """What was written last did not all fit: `is_writable` is False from now on."""

    def wire_is_writable(self) -> None:
        """All that was written has gone to the kernel."""


class Wire(Protocol):
    """One accepted WebSocket, for writing."""

    listener: WireListener | None

    @property
    def deflates(self) -> bool:
        """Whether it takes deflated frames."""

    @property
    def is_writable(self) -> bool:
        """Whether nothing waits for the client to take it."""

    @property
    def buffered_bytes(self) -> int:
        """What waits for the client to take it."""

    def write(self, frame: bytes) -> None:
        """Write a whole frame, without waiting; for nothing when the connection is closing."""


def wire_of(websocket: WebSocket) -> Wire:
    """The wire of a WebSocket served by `LiveProtocol`. RuntimeError when another server serves it."""
    wire = websocket.scope.get("extensions", {}).get(_EXTENSION)
    if not isinstance(wire, LiveProtocol):
        raise RuntimeError("the live WebSocket must be served by solarrally.api.server")
    return wire


def text_frame(text: bytes) -> bytes:
    """A whole text message as a server sends it."""
    return _header(_TEXT, len(text)) + text


def deflated_frame(text: bytes) -> bytes:
    """The same for those who agreed to permessage-deflate (RFC 7692)."""
    deflate = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -_FULL_WINDOW_BITS)
    deflated = deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH)
    deflated = deflated.removesuffix(b"\x00\x00\xff\xff")
    return _header(_TEXT_DEFLATED, len(deflated)) + deflated


def _header(first_byte: int, length: int) -> bytes:
    if length < 126:
        return bytes((first_byte, length))
    if length < 65_536:
        return bytes((first_byte, 126)) + length.to_bytes(2, "big")
    return bytes((first_byte, 127)) + length.to_bytes(8, "big")


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket that is a `Wire` too.

    It cuts a connection that we have finished with but whose client takes no data: uvicorn (0.54) closes it
    only after what is written has been sent, which a client that never reads prevents for ever.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.conn = ServerProtocol(
            extensions=[
                ServerPerMessageDeflateFactory(
                    server_no_context_takeover=True, client_no_context_takeover=True
                )
            ],
            max_size=self.config.ws_max_size,
            logger=logging.getLogger("uvicorn.error"),
        )
        self.listener: WireListener | None = None
        self.is_writable = True
        self.deflates = False

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=0)  # to be told as soon as anything has to wait
        connection = transport.get_extra_info("socket")
        is_tcp = connection.family in (socket.AF_INET, socket.AF_INET6)
        if is_tcp and hasattr(socket, "TCP_NOTSENT_LOWAT"):  # not on Windows
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_BYTES)

    @property
    def buffered_bytes(self) -> int:
        return self.transport.get_write_buffer_size()

    def write(self, frame: bytes) -> None:
        if not (self.close_sent or self.transport.is_closing()):
            self.transport.write(frame)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.is_writable = False
        if self.listener is not None:
            self.listener.wire_is_full()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.is_writable = True
        if self.listener is not None:
            self.listener.wire_is_writable()

    async def run_asgi(self) -> None:
        extensions = cast(dict[str, Any], self.scope.setdefault("extensions", {}))
        extensions[_EXTENSION] = self
        self.deflates = any(
            isinstance(extension, PerMessageDeflate) and extension.local_max_window_bits == _FULL_WINDOW_BITS
            for extension in self.conn.extensions
        )
        await super().run_asgi()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self.listener = None
        self.loop.call_later(ABORT_AFTER_S, self.transport.abort)
