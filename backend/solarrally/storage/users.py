"""The people who may use the API: their accounts, password hashes and single-use live tickets."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Row, Select, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import ReturningInsert

from solarrally.errors import SolarRallyError
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import app_user, live_ticket

MIN_PASSWORD_LENGTH: Final = 8
MAX_PASSWORD_LENGTH: Final = 128
"""Longer ones would only buy an attacker our processor time."""
MAX_ID_TOKEN_LENGTH: Final = 255
USERNAME_PATTERN: Final = r"^[a-z0-9][a-z0-9._@-]{0,63}$"
"""Lower-case ASCII, so that no two names look alike."""
CONCURRENT_HASHES: Final = 2
"""Each hash takes 64 MiB and about 90 ms of a core."""
MAX_WAITING_HASHES: Final = 32


class Role(StrEnum):
    """What somebody is here for; `api.permissions` says what each may do."""

    ADMIN = "admin"
    OPERATOR = "operator"
    USER = "user"
    GUEST = "guest"


class InvalidUser(SolarRallyError):
    """A new user's `field` is not acceptable."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class UserExists(SolarRallyError):
    """Another user has this `field` already."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is taken")
        self.field = field


class TooManyLogins(SolarRallyError):
    """More passwords are waiting to be hashed than is reasonable."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Account:
    """One user, without the password."""

    id: int
    username: str
    role: Role
    id_token: str | None
    is_active: bool
    created_at: datetime


@dataclass(slots=True, frozen=True, kw_only=True)
class Credentials:
    """An account and its password hash."""

    account: Account
    password_hash: str


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


async def create_user(
    database: AsyncEngine | AsyncConnection,
    username: str,
    password: str,
    role: str,
    id_token: str | None = None,
    *,
    passwords: Passwords | None = None,
) -> Account:
    """Add a user. With a connection, the caller commits. Sessions with `id_token` are the user's own.

    Raises `InvalidUser` and `UserExists`, each with the field.
    """
    _check(username, password, role, id_token)
    password_hash = await (Passwords() if passwords is None else passwords).hash(password)
    values = {"username": username, "password_hash": password_hash, "role": role, "id_token": id_token}
    statement: ReturningInsert[Any] = insert(app_user).values(values).returning(*_ACCOUNT_COLUMNS)
    try:
        if isinstance(database, AsyncConnection):
            return _account((await database.execute(statement)).one())
        async with connected(database) as connection:
            account = _account((await connection.execute(statement)).one())
            await connection.commit()
            return account
    except IntegrityError as error:
        raise UserExists("id_token" if "uq_app_user_id_token" in str(error.orig) else "username") from error


async def count_users(database: AsyncEngine | AsyncConnection) -> int:
    """How many users there are, active or not."""
    statement = select(func.count()).select_from(app_user)
    if isinstance(database, AsyncConnection):
        return int((await database.execute(statement)).scalar_one())
    async with connected(database) as connection:
        return int((await connection.execute(statement)).scalar_one())


async def account_of(engine: AsyncEngine, user_id: int) -> Account | None:
    """The account, or None when there is no such user."""
    async with connected(engine) as connection:
        row = (await connection.execute(_ACCOUNTS.where(app_user.c.id == user_id))).one_or_none()
    return None if row is None else _account(row)


async def credentials_of(engine: AsyncEngine, username: str) -> Credentials | None:
    """Account and password hash, or None when there is no such user."""
    statement = _ACCOUNTS.add_columns(app_user.c.password_hash).where(app_user.c.username == username)
    async with connected(engine) as connection:
        row = (await connection.execute(statement)).one_or_none()
    return None if row is None else Credentials(account=_account(row), password_hash=row.password_hash)


ACCOUNT_ORDERS: Final[dict[str, Order[Account]]] = {
    "id": Order(columns=(app_user.c.id,), kinds=(int,), position=lambda account: (account.id,)),
    "username": Order(columns=(app_user.c.username,), kinds=(str,), position=lambda row: (row.username,)),
}


async def list_accounts(engine: AsyncEngine, window: Window[Account]) -> list[Account]:
    """The accounts of the window."""
    async with connected(engine) as connection:
        return [_account(row) for row in await connection.execute(window.of(_ACCOUNTS))]


async def create_ticket(
    engine: AsyncEngine, user_id: int, *, now: datetime, ttl_s: float
) -> tuple[str, datetime]:
    """A ticket that opens the live WebSocket once, and when it expires. Only its hash is stored."""
    ticket = secrets.token_urlsafe(32)
    expires_at = now + timedelta(seconds=ttl_s)
    async with connected(engine) as connection:
        await connection.execute(delete(live_ticket).where(live_ticket.c.expires_at < now))
        await connection.execute(
            insert(live_ticket).values(
                ticket_hash=_ticket_hash(ticket), user_id=user_id, expires_at=expires_at
            )
        )
        await connection.commit()
    return ticket, expires_at


async def redeem_ticket(engine: AsyncEngine, ticket: str, *, now: datetime) -> int | None:
    """The id of the user it was made for, and the ticket is gone; None if it is unknown, used or expired."""
    statement = (
        delete(live_ticket)
        .where(live_ticket.c.ticket_hash == _ticket_hash(ticket))
        .returning(live_ticket.c.user_id, live_ticket.c.expires_at)
    )
    async with connected(engine) as connection:
        row = (await connection.execute(statement)).one_or_none()
        await connection.commit()
    return None if row is None or row.expires_at <= now else int(row.user_id)


_ACCOUNT_COLUMNS: Final = (
    app_user.c.id,
    app_user.c.username,
    app_user.c.role,
    app_user.c.id_token,
    app_user.c.is_active,
    app_user.c.created_at,
)
_ACCOUNTS: Final[Select[Any]] = select(*_ACCOUNT_COLUMNS)


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        username=row.username,
        role=Role(row.role),
        id_token=row.id_token,
        is_active=row.is_active,
        created_at=row.created_at,
    )


def _ticket_hash(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode()).digest()


def _check(username: str, password: str, role: str, id_token: str | None) -> None:
    if re.fullmatch(USERNAME_PATTERN, username) is None:
        raise InvalidUser("username", "1 to 64 of a-z 0-9 . _ @ -, beginning with a letter or digit")
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise InvalidUser("password", f"{MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters")
    if role not in set(Role):
        raise InvalidUser("role", f"one of {', '.join(Role)}")
    if id_token is not None and (not 1 <= len(id_token) <= MAX_ID_TOKEN_LENGTH or "\0" in id_token):
        raise InvalidUser("id_token", f"1 to {MAX_ID_TOKEN_LENGTH} characters, without NUL")
