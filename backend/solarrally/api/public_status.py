"""The public status as bytes, made once for everybody who asks within two seconds."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries import PublicSites, public_sites

KEPT_S: Final = 2.0
GZIP_LEVEL: Final = 5


@dataclass(slots=True, frozen=True, kw_only=True)
class Picture:
    """One answer, as it is and compressed."""

    etag: str
    """Weak: the same as long as nothing but `generated_at` differs."""
    body: bytes
    gzipped: bytes


class PublicStatus:
    """Keeps the newest picture; however many ask, the database is asked by one at a time."""

    def __init__(self, engine: AsyncEngine, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._picture: Picture | None = None
        self._kept_until_s = 0.0
        self._making: asyncio.Task[Picture] | None = None

    async def picture(self) -> Picture:
        """A picture that is at most `KEPT_S` old. Raises `StoreUnavailable`, to all who wait for the same."""
        if self._picture is not None and self._clock() < self._kept_until_s:
            return self._picture
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make(), name="public-status")
        return await asyncio.shield(self._making)  # one who leaves takes it from nobody else

    async def _make(self) -> Picture:
        began_s = self._clock()
        sites = await public_sites(self._engine)
        self._picture = await asyncio.to_thread(_drawn, sites, datetime.now(UTC))
        self._kept_until_s = began_s + KEPT_S
        return self._picture


def _drawn(sites: PublicSites, generated_at: datetime) -> Picture:
    content = msgspec.json.encode(sites.sites)
    body = msgspec.json.encode(
        {
            "generated_at": generated_at,
            "is_complete": sites.is_complete,
            "sites": msgspec.Raw(content),
        }
    )
    digest = blake2b(content, digest_size=16)
    digest.update(b"complete" if sites.is_complete else b"cut")
    return Picture(
        etag=f'W/"{digest.hexdigest()}"', body=body, gzipped=gzip.compress(body, GZIP_LEVEL, mtime=0)
    )
