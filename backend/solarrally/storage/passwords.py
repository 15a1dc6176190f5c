"""Password hashes, made and checked without holding up anything else."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from solarrally.errors import SolarRallyError

CONCURRENT_HASHES: Final = 2
"""Each hash takes 64 MiB and about 90 ms of a core."""
MAX_WAITING_HASHES: Final = 32


class TooManyLogins(SolarRallyError):
    """More passwords are waiting to be hashed than is reasonable."""


class Passwords:
    """Argon2 in threads, at most two at a time.

    `is_right` takes the same time for unknown users as for known ones.
    """

    def __init__(self, hasher: PasswordHash | None = None) -> None:
        self._hasher = PasswordHash((Argon2Hasher(),)) if hasher is None else hasher
        self._slots = asyncio.Semaphore(CONCURRENT_HASHES)
        self._waiting_count = 0
        self._dummy_hash: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to store. Raises `TooManyLogins`."""
        async with self._slot():
            return await asyncio.to_thread(self._hasher.hash, password)

    async def is_right(self, password: str, password_hash: str | None) -> bool:
        """Whether the password belongs to the hash; for None (no such user) False after the same work.

        Raises `TooManyLogins`.
        """
        if self._dummy_hash is None:
            self._dummy_hash = await self.hash(secrets.token_urlsafe())
        async with self._slot():
            is_right = await asyncio.to_thread(self._verify, password, password_hash or self._dummy_hash)
        return is_right and password_hash is not None

    def _verify(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password, password_hash)
        except UnknownHashError:  # such as "!", to lock an account: no password belongs to it
            return False

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._waiting_count >= MAX_WAITING_HASHES:
            raise TooManyLogins(f"{self._waiting_count} passwords are being checked")
        self._waiting_count += 1
        try:
            async with self._slots:
                yield
        finally:
            self._waiting_count -= 1
