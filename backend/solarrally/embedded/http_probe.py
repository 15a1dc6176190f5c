"""The status of one HTTP request to loopback, without an HTTP library."""

import asyncio

from solarrally.embedded.ports import LOOPBACK


async def http_status(port: int, path: str, *, timeout_s: float = 2.0) -> int | None:
    """The status code of GET path; None if nobody answers in time or what answers is not HTTP."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
                status_line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    words = status_line.split()
    return int(words[1]) if len(words) >= 2 and words[1].isdigit() else None
