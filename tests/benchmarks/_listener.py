"""Somebody who listens to the live channel, so that live notification is paid for: counts and throws away."""

from __future__ import annotations

import asyncio
import json
import sys

from solarrally.storage.connections import connect
from solarrally.storage.notice import CHANNEL


async def listen(dsn: str) -> None:
    """Until standard input is closed; then says how much was heard."""
    notices = notices_bytes = 0

    def heard(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        nonlocal notices, notices_bytes
        notices += 1
        notices_bytes += len(str(payload))

    connection = await connect(dsn, application_name="bench listener")
    await connection.add_listener(CHANNEL, heard)
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    sys.stdout.write(json.dumps({"notices": notices, "notices_bytes": notices_bytes}) + "\n")
    await connection.close()


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1]))
