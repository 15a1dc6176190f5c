"""The bare fan-out: `websockets.broadcast` of a frame of one size to all who are connected, at one rate."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve


async def run(options: argparse.Namespace) -> None:
    connections: set[ServerConnection] = set()

    async def hold(connection: ServerConnection) -> None:
        connections.add(connection)
        try:
            await connection.wait_closed()
        finally:
            connections.discard(connection)

    text = "x" * options.size_bytes
    async with serve(hold, "127.0.0.1", 0, compression=None) as server:
        sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
        sys.stdout.flush()
        ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        while not ended.done():
            broadcast(connections, text)
            next_s = max(next_s + 1 / options.rate_hz, loop.time())
            await asyncio.sleep(next_s - loop.time())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--size-bytes", type=int, required=True)
    parser.add_argument("--rate-hz", type=float, required=True)
    uvloop.run(run(parser.parse_args()))
