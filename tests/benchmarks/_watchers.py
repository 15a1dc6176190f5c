"""Many watchers in one process, as light as they can be: they count frames and throw them away.

Each is a bare TCP protocol that reads only the headers of WebSocket frames, so that the measured server, and
not its clients, is what the machine works for. Some of them, the probes, read what they are told and note how
old the updates in it are (`received_at` is when the commit was begun). Standard input takes one order a line:

    read       {"frames", "bytes", "least_frames", "open", "ages_s", …} since the last order
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import sys
import time
import zlib
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

PONG_INTERVAL_S = 20.0
OPENING_AT_ONCE = 20
MASK = b"\0\0\0\0"


def masked(text: bytes) -> bytes:
    """A text frame of a client, of fewer than 65,536 bytes."""
    length = bytes((0x80 | len(text),)) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + length + MASK + text


class Drain(asyncio.BufferedProtocol):
    """One watcher. All share one buffer: what is in it is looked at and forgotten before the next read."""

    shared = memoryview(bytearray(1 << 20))

    def __init__(self, request: bytes, subscription: bytes | None, *, is_probe: bool) -> None:
        self._request = request
        self._subscription = subscription
        self._is_probe = is_probe
        self._is_open = False
        self._head = b""
        self._skip = 0
        self._body = bytearray()
        self._is_deflated = False
        self.transport: asyncio.Transport | None = None
        self.opened = asyncio.get_running_loop().create_future()
        self.frames = 0
        self.bytes = 0
        self.ages_s: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed before the handshake"))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.shared

    def buffer_updated(self, nbytes: int) -> None:
        if not self._is_open:
            self._head += bytes(self.shared[:nbytes])
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.opened.set_exception(ConnectionError(head[:100].decode()))
                return
            self._is_open = True
            self._head = b""
            self.opened.set_result(None)
            if self._subscription is not None and self.transport is not None:
                self.transport.write(masked(self._subscription))
            self._take(memoryview(rest))
        else:
            self._take(self.shared[:nbytes])

    def _take(self, data: memoryview) -> None:
        self.bytes += len(data)
        position, end = 0, len(data)
        while position < end:
            if self._skip:
                part = min(self._skip, end - position)
                if self._is_probe:
                    self._body += data[position : position + part]
                self._skip -= part
                position += part
                if not self._skip and self._is_probe:
                    self._read(bytes(self._body))
                    self._body.clear()
                continue
            self._head += bytes(data[position : position + 1])
            position += 1
            if len(self._head) < 2:
                continue
            short = self._head[1] & 0x7F
            wanted = {126: 4, 127: 10}.get(short, 2)
            if len(self._head) == wanted:
                self._skip = short if wanted == 2 else int.from_bytes(self._head[2:], "big")
                self._is_deflated = bool(self._head[0] & 0x40)
                self.frames += self._head[0] & 0x0F == 1 and self._skip > 20  # not pings, of either kind
                self._head = b""

    def _read(self, body: bytes) -> None:
        now_s = time.time()
        if self._is_deflated:
            body = zlib.decompressobj(-15).decompress(body + b"\x00\x00\xff\xff")
        if not body.startswith(b'{"type":"frame"'):
            return
        for update in json.loads(body)["updates"]:
            self.ages_s.append(now_s - datetime.fromisoformat(update["received_at"]).timestamp())


async def open_one(url: str, token: str | None, options: argparse.Namespace, *, is_probe: bool) -> Drain:
    address = urlsplit(url)
    lines = [
        f"GET {address.path or '/'} HTTP/1.1",
        f"Host: {address.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if options.deflate:
        lines.append("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    subscription = None
    if token:
        subscription = json.dumps({"type": "subscribe", "all": True, "max_rate_hz": options.rate_hz}).encode()
    assert address.hostname is not None
    assert address.port is not None
    _, drain = await asyncio.get_running_loop().create_connection(
        lambda: Drain(request, subscription, is_probe=is_probe), address.hostname, address.port
    )
    await drain.opened
    return drain


async def run(options: argparse.Namespace) -> None:
    token = os.environ.get("BENCH_TOKEN")
    drains: list[Drain] = []
    at_once = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one() -> None:
        async with at_once:
            drains.append(await open_one(options.url, token, options, is_probe=False))

    await asyncio.gather(*(one() for _ in range(options.watchers - options.probes)))
    for _ in range(options.probes):  # last, so that the server comes to them last
        drains.append(await open_one(options.url, token, options, is_probe=True))
    say({})
    ponging = asyncio.create_task(keep_ponging(drains))
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while (await reader.readline()).strip() == b"read":
        say(
            {
                "open": sum(drain.transport is not None for drain in drains),
                "frames": sum(drain.frames for drain in drains),
                "least_frames": min(drain.frames for drain in drains),
                "bytes": sum(drain.bytes for drain in drains),
                "ages_s": [age_s for drain in drains for age_s in drain.ages_s],
            }
        )
        for drain in drains:
            drain.frames = drain.bytes = 0
            drain.ages_s.clear()
    ponging.cancel()


async def keep_ponging(drains: list[Drain]) -> None:
    pong = masked(b'{"type":"pong"}')
    while True:
        await asyncio.sleep(PONG_INTERVAL_S)
        for drain in drains:
            if drain.transport is not None:
                drain.transport.write(pong)


def say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url", help="ws://host:port/path; BENCH_TOKEN is the bearer token, and subscribes")
    parser.add_argument("--watchers", type=int, required=True)
    parser.add_argument("--probes", type=int, default=0)
    parser.add_argument("--rate-hz", type=float, default=10.0)
    parser.add_argument("--deflate", action="store_true")
    uvloop.run(run(parser.parse_args()))
