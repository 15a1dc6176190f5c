"""`solarrally users`, `roles` and `keys` as somebody types them, on a real database."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from solarrally.errors import SolarRallyError
from solarrally.storage.edits.users import LastAdmin
from solarrally.storage.engine import create_engine
from solarrally.storage.passwords import Passwords
from solarrally.storage.users import InvalidUser, UserExists, credentials_of
from tests.support.command_line import Cli, Rows, invoking, rows_of


@pytest.fixture
def cli(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cheap_passwords: None) -> Cli:
    """Runs a command in this process; errors are raised (`main` would print them), usage errors are not."""
    monkeypatch.chdir(tmp_path)  # no .env here
    monkeypatch.setenv("SOLARRALLY_DATABASE_URL", database_url)
    return invoking()


@pytest.fixture
def rows(database_url: str) -> Rows:
    return rows_of(database_url)


def add(cli: Cli, username: str, role: str, *more: str) -> Result:
    result = cli("users", "add", username, "--role", role, "--password", "long enough", *more)
    assert result.exit_code == 0, result.output
    return result


def is_password_of(database_url: str, username: str, password: str) -> bool:
    async def check() -> bool:
        engine = create_engine(database_url)
        try:
            credentials = await credentials_of(engine, username)
            assert credentials is not None
            return await Passwords().is_right(password, credentials.password_hash)
        finally:
            await engine.dispose()

    return asyncio.run(check())


def users(cli: Cli, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cli("users", "list", "--json", *words).stdout)
    return found


def test_a_user_is_added_listed_and_in_the_audit_log(cli: Cli, rows: Any) -> None:
    add(cli, "olivia", "operator", "--email", "Olivia@example.org")
    (user,) = users(cli)
    (entry,) = rows("SELECT * FROM audit_log")

    assert (user["username"], user["role"], user["is_active"]) == ("olivia", "operator", True)
    assert user["email"] == "olivia@example.org"
    assert (entry["actor_name"], entry["action"], entry["object_id"]) == (
        "cli",
        "user.create",
        str(user["id"]),
    )
    assert "olivia" in cli("users", "list").stdout
    assert "evse:control" in cli("users", "show", "olivia").stdout


def test_the_password_is_asked_for_twice_and_not_shown(cli: Cli, database_url: str) -> None:
    result = cli("users", "add", "olivia", given="long enough\nlong enough\n")

    assert result.exit_code == 0
    assert "long enough" not in result.output
    assert is_password_of(database_url, "olivia", "long enough")


def test_a_script_gives_the_password_where_nobody_sees_it(
    cli: Cli, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLARRALLY_NEW_PASSWORD", "quite another")

    assert cli("users", "add", "olivia").exit_code == 0
    assert is_password_of(database_url, "olivia", "quite another")


def test_a_driver_without_an_id_token_is_warned_about(cli: Cli) -> None:
    assert "warning: a driver without --id-token" in add(cli, "dora", "user").output
    assert "warning" not in add(cli, "eric", "user", "--id-token", "04A2B3C4").output
    assert cli("users", "set-id-token", "dora", "04FFFFFF").exit_code == 0
    assert [user["id_token"] for user in users(cli)] == ["04FFFFFF", "04A2B3C4"]


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (("add", "Olivia", "--password", "long enough"), InvalidUser, "username"),
        (("add", "olivia", "--password", "short"), InvalidUser, "password"),
        (("add", "olivia", "--password", "long enough", "--role", "boss"), InvalidUser, "role"),
        (("add", "admin", "--password", "long enough"), UserExists, "username"),
        (("disable", "admin"), LastAdmin, "last active admin"),
        (("set-role", "admin", "guest"), LastAdmin, "last active admin"),
        (("delete", "admin", "--yes"), LastAdmin, "last active admin"),
        (("show", "nobody"), SolarRallyError, "no user nobody"),
    ],
)
def test_what_cannot_be_done_is_said(
    cli: Cli, words: tuple[str, ...], error: type[SolarRallyError], text: str
) -> None:
    add(cli, "admin", "admin")
    with pytest.raises(error, match=text):
        cli("users", *words)
    assert [user["username"] for user in users(cli, "--active", "--role", "admin")] == ["admin"]


def test_a_user_is_disabled_and_enabled_again(cli: Cli) -> None:
    add(cli, "olivia", "operator")
    cli("users", "disable", "olivia")
    assert [user["username"] for user in users(cli, "--disabled")] == ["olivia"]
    cli("users", "enable", "olivia")
    assert users(cli, "--disabled") == []


def test_another_password_ends_all_logins(cli: Cli, rows: Any, database_url: str) -> None:
    add(cli, "olivia", "operator")
    rows(
        "INSERT INTO login_session (id, user_id, expires_at, user_agent)"
        " SELECT gen_random_uuid(), id, now() + interval '1 day', 'a browser' FROM app_user"
    )
    assert "a browser" in cli("users", "logins", "olivia").stdout
    cli("users", "set-password", "olivia", "--password", "quite another")

    assert is_password_of(database_url, "olivia", "quite another")
    assert json.loads(cli("users", "logins", "olivia", "--json").stdout) == []
    (login,) = json.loads(cli("users", "logins", "olivia", "--all", "--json").stdout)
    assert login["end_reason"] == "password_changed"
    (changed,) = rows("SELECT password_changed_at > created_at AS is_so FROM app_user")
    assert changed["is_so"]


def test_the_logins_of_a_user_are_ended(cli: Cli, rows: Any) -> None:
    add(cli, "olivia", "operator")
    rows(
        "INSERT INTO login_session (id, user_id, expires_at)"
        " SELECT gen_random_uuid(), id, now() + interval '1 day' FROM app_user, generate_series(1, 3)"
    )
    assert "3 logins ended" in cli("users", "revoke-logins", "olivia").output
    assert "0 logins ended" in cli("users", "revoke-logins", "olivia").output


def test_a_user_is_removed_only_after_a_yes(cli: Cli) -> None:
    add(cli, "olivia", "operator")
    assert cli("users", "delete", "olivia", given="n\n").exit_code == 1
    assert len(users(cli)) == 1
    assert cli("users", "delete", "olivia", given="y\n").exit_code == 0
    assert users(cli) == []


def test_a_role_is_made_given_changed_and_removed(cli: Cli) -> None:
    made = cli("roles", "add", "crew", "--permission", "evse:read", "--permission", "site:read")
    assert made.exit_code == 0
    add(cli, "olivia", "crew")
    cli("roles", "set", "crew", "--permission", "evse:read", "--description", "On site.")

    (crew,) = [role for role in json.loads(cli("roles", "list", "--json").stdout) if role["name"] == "crew"]
    assert (crew["permissions"], crew["description"], crew["is_built_in"]) == (
        ["evse:read"],
        "On site.",
        False,
    )
    with pytest.raises(SolarRallyError, match="have this role"):
        cli("roles", "delete", "crew")
    cli("users", "delete", "olivia", "--yes")
    assert cli("roles", "delete", "crew").exit_code == 0
    with pytest.raises(SolarRallyError, match="built-in"):
        cli("roles", "delete", "guest")
    with pytest.raises(SolarRallyError, match="built-in"):
        cli("roles", "set", "guest", "--description", "Mine.")


@pytest.mark.parametrize(
    "words",
    [
        ("roles", "add", "Crew", "--permission", "evse:read"),
        ("roles", "add", "crew", "--permission", "evse:fly"),
        ("roles", "add", "crew"),
        ("roles", "set", "crew"),
        ("keys", "create", "olivia", "--name", "grafana"),
        ("keys", "create", "olivia", "--name", "grafana", "--scope", "stats:fly"),
        ("keys", "create", "olivia", "--name", "grafana", "--scope", "stats:read", "--days", "400"),
    ],
)
def test_words_that_cannot_be_are_a_usage_error(cli: Cli, words: tuple[str, ...]) -> None:
    assert cli(*words).exit_code == 2


def test_every_permission_is_listed(cli: Cli) -> None:
    assert re.search(r"^user:write +Add, invite", cli("roles", "permissions").stdout, re.MULTILINE)


def test_a_key_is_shown_once_and_revoked(cli: Cli, rows: Any) -> None:
    add(cli, "olivia", "operator")
    made = cli("keys", "create", "olivia", "--name", "grafana", "--scope", "stats:read", "--days", "30")
    key = made.stdout.strip()

    assert re.fullmatch(r"srk_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}", key)
    (stored,) = rows("SELECT * FROM api_key")
    assert stored["key_hash"] == hashlib.sha256(key.encode()).digest()
    listed = cli("keys", "list", "--user", "olivia").output
    assert key[:12] in listed
    assert key not in listed
    assert cli("keys", "revoke", str(stored["id"])).exit_code == 0
    assert json.loads(cli("keys", "list", "--json").stdout) == []
    assert json.loads(cli("keys", "list", "--all", "--json").stdout)[0]["revoked_at"] is not None
    with pytest.raises(SolarRallyError, match="no key 99"):
        cli("keys", "revoke", "99")
