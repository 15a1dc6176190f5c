"""Users as the command line and `migrate` make them."""

from __future__ import annotations

import pytest

from solarrally.storage.engine import create_engine
from solarrally.storage.passwords import Passwords
from solarrally.storage.users import (
    InvalidUser,
    Role,
    UserExists,
    count_users,
    create_user,
    credentials_of,
    mail_address,
)


async def test_the_first_admin_is_made_when_there_is_nobody(database_url: str) -> None:
    engine = create_engine(database_url)
    try:
        assert await count_users(engine) == 0
        account = await create_user(engine, "admin", "a generated password", "admin")
        assert await count_users(engine) == 1
        credentials = await credentials_of(engine, "admin")
    finally:
        await engine.dispose()

    assert credentials is not None
    assert credentials.account == account
    assert (account.role, account.is_active, account.id_token) == (Role.ADMIN, True, None)
    assert credentials.password_hash.startswith("$argon2id$")
    assert await Passwords().is_right("a generated password", credentials.password_hash)
    assert not await Passwords().is_right("another password", credentials.password_hash)


async def test_with_a_connection_the_caller_commits(database_url: str) -> None:
    engine = create_engine(database_url)
    try:
        async with engine.connect() as connection:
            await create_user(connection, "admin", "a generated password", "admin")
            assert await count_users(connection) == 1
        assert await count_users(engine) == 0
        async with engine.begin() as connection:
            await create_user(connection, "admin", "a generated password", "admin")
        with pytest.raises(UserExists, match="username"):
            await create_user(engine, "admin", "a generated password", "guest")
    finally:
        await engine.dispose()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "Admin"}, "username"),
        ({"username": "admin\n"}, "username"),
        ({"username": "x" * 65}, "username"),
        ({"password": "seven77"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"role": "root"}, "role"),
        ({"id_token": ""}, "id_token"),
        ({"id_token": "a\0"}, "id_token"),
    ],
)
async def test_what_no_user_may_have_is_refused_by_its_field(
    database_url: str, changes: dict[str, str], field: str
) -> None:
    engine = create_engine(database_url)
    values = {"username": "admin", "password": "long enough", "role": "admin", **changes}
    try:
        with pytest.raises(InvalidUser) as refusal:
            await create_user(
                engine, values["username"], values["password"], values["role"], values.get("id_token")
            )
        assert await count_users(engine) == 0
    finally:
        await engine.dispose()

    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Dora@Example.ORG", "dora@example.org"),
        ("dora@b\u00fccher.example", "dora@xn--bcher-kva.example"),
    ],
)
def test_a_mail_address_is_stored_in_one_way_only(given: str, stored: str) -> None:
    assert mail_address(given) == stored


@pytest.mark.parametrize(
    "text",
    [
        "", "dora", "@example.org", "dora@", "a b@example.org", "d\u00f6ra@example.org", "dora@example.org\n",
        "dora@example.org\r\nBcc: all@example.org", "Dora <dora@example.org>", "dora@exam\0ple.org",
        f"{'x' * 65}@example.org",
    ],
)  # fmt: skip
def test_what_is_no_mail_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidUser, match="email"):
        mail_address(text)
