"""The people who may use the API: their accounts and password hashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Row, Select, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.permission import Role as Role
from solarrally.domain.permission import permissions_of
from solarrally.errors import SolarRallyError
from solarrally.storage.passwords import Passwords
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import app_user
from solarrally.storage.tables import role as role_table

MIN_PASSWORD_LENGTH: Final = 8
MAX_PASSWORD_LENGTH: Final = 128
"""Longer ones would only buy an attacker our processor time."""
MAX_ID_TOKEN_LENGTH: Final = 255
MAX_MAIL_ADDRESS_LENGTH: Final = 254
ROLE_NAME_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,31}$"
USERNAME_PATTERN: Final = r"^[a-z0-9][a-z0-9._@-]{0,63}$"
"""Lower-case ASCII, so that no two names look alike."""


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


@dataclass(slots=True, frozen=True, kw_only=True)
class Account:
    """One user, without the password."""

    id: int
    username: str
    role: str
    """A built-in `Role`, or the name of one that was made here."""
    permissions: frozenset[str]
    """What the role allows."""
    email: str | None
    id_token: str | None
    is_active: bool
    created_at: datetime
    password_changed_at: datetime


@dataclass(slots=True, frozen=True, kw_only=True)
class Credentials:
    """An account and its password hash."""

    account: Account
    password_hash: str


async def create_user(
    database: AsyncEngine | AsyncConnection,
    username: str,
    password: str,
    role: str,
    id_token: str | None = None,
    email: str | None = None,
    *,
    passwords: Passwords | None = None,
) -> Account:
    """Add a user. With a connection, the caller commits. Sessions with `id_token` are the user's own.

    Raises `InvalidUser` and `UserExists`, each with the field.
    """
    check_username(username)
    check_password(password)
    password_hash = await (Passwords() if passwords is None else passwords).hash(password)
    if isinstance(database, AsyncConnection):
        return await insert_user(database, username, password_hash, role, id_token, email)
    async with connected(database) as connection:
        account = await insert_user(connection, username, password_hash, role, id_token, email)
        await connection.commit()
        return account


async def insert_user(
    connection: AsyncConnection,
    username: str,
    password_hash: str,
    role: str,
    id_token: str | None = None,
    email: str | None = None,
) -> Account:
    """Add a user whose password is hashed already. Raises `InvalidUser` and `UserExists`."""
    check_username(username)
    check_id_token(id_token)
    values = {
        "username": username,
        "password_hash": password_hash,
        "role": role,
        "email": None if email is None else mail_address(email),
        "id_token": id_token,
    }
    with refusals_named():
        statement = insert(app_user).values(values).returning(app_user.c.id)
        user_id = (await connection.execute(statement)).scalar_one()
    account = await account_in(connection, user_id)
    assert account is not None
    return account


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
        return await account_in(connection, user_id)


async def account_in(
    connection: AsyncConnection, user_id: int, *, is_to_be_changed: bool = False
) -> Account | None:
    """The account as the transaction sees it; locked when it is to be changed. None: no such user."""
    statement = _ACCOUNTS.where(app_user.c.id == user_id)
    if is_to_be_changed:
        statement = statement.with_for_update(of=app_user)
    row = (await connection.execute(statement)).one_or_none()
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


@dataclass(slots=True, frozen=True, kw_only=True)
class AccountFilter:
    """Which accounts; None does not restrict."""

    role: str | None = None
    is_active: bool | None = None
    q: str | None = None
    """What the username or the mail address begins with; lower-case."""


async def list_accounts(engine: AsyncEngine, where: AccountFilter, window: Window[Account]) -> list[Account]:
    """The accounts of the window."""
    statement = window.of(_ACCOUNTS)
    if where.role is not None:
        statement = statement.where(app_user.c.role == where.role)
    if where.is_active is not None:
        statement = statement.where(app_user.c.is_active == where.is_active)
    if where.q is not None:
        statement = statement.where(
            app_user.c.username.startswith(where.q, autoescape=True)
            | app_user.c.email.startswith(where.q, autoescape=True)
        )
    async with connected(engine) as connection:
        return [_account(row) for row in await connection.execute(statement)]


_ACCOUNT_COLUMNS: Final = (
    app_user.c.id,
    app_user.c.username,
    app_user.c.role,
    app_user.c.email,
    app_user.c.id_token,
    app_user.c.is_active,
    app_user.c.created_at,
    app_user.c.password_changed_at,
    role_table.c.permissions,
)
_ACCOUNTS: Final[Select[Any]] = select(*_ACCOUNT_COLUMNS).join(
    role_table, role_table.c.name == app_user.c.role
)


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        username=row.username,
        role=row.role,
        permissions=permissions_of(row.role, row.permissions),
        email=row.email,
        id_token=row.id_token,
        is_active=row.is_active,
        created_at=row.created_at,
        password_changed_at=row.password_changed_at,
    )


def check_username(username: str) -> None:
    """Raises `InvalidUser`."""
    if re.fullmatch(USERNAME_PATTERN, username) is None:
        raise InvalidUser("username", "1 to 64 of a-z 0-9 . _ @ -, beginning with a letter or digit")


def check_password(password: str) -> None:
    """Raises `InvalidUser`."""
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise InvalidUser("password", f"{MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters")


def check_id_token(id_token: str | None) -> None:
    """Raises `InvalidUser`."""
    if id_token is not None and (not 1 <= len(id_token) <= MAX_ID_TOKEN_LENGTH or "\0" in id_token):
        raise InvalidUser("id_token", f"1 to {MAX_ID_TOKEN_LENGTH} characters, without NUL")


def mail_address(text: str) -> str:
    """A mail address as we store it: ASCII and lower-case, so that nobody has it twice. Raises `InvalidUser`.

    Letters beyond ASCII may be in the domain only, and reserved domains (`plant.local`) are none.
    """
    try:
        checked = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        raise InvalidUser("email", "not a mail address such as dora@example.org") from error
    assert checked.ascii_email is not None  # without SMTPUTF8 there always is one
    return checked.ascii_email.lower()


@contextmanager
def refusals_named() -> Iterator[None]:
    """Say by its field what the database refuses of a user: `UserExists`, or `InvalidUser` for the role."""
    try:
        yield
    except IntegrityError as error:
        text = str(error.orig)
        for field in ("username", "email", "id_token"):
            if f"uq_app_user_{field}" in text:
                raise UserExists(field) from error
        if "fk_app_user_role" in text:
            raise InvalidUser("role", "there is no such role") from error
        raise
