"""`solarrally users`, `roles` and `keys`: who may use the API, administered by whoever has the database."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally import database_wiring, wiring
from solarrally.domain.permission import PERMISSIONS_IN_WORDS, Permission, Role
from solarrally.errors import SolarRallyError
from solarrally.settings import load_settings
from solarrally.storage.audit import Actor
from solarrally.storage.edits.api_keys import (
    MAX_KEY_LIFE_S,
    MAX_KEY_NAME_LENGTH,
    create_api_key,
    revoke_api_key,
)
from solarrally.storage.edits.editing import editing
from solarrally.storage.edits.logins import end_logins_of
from solarrally.storage.edits.roles import add_role, change_role, remove_role
from solarrally.storage.edits.users import add_user, change_user, remove_user, set_password
from solarrally.storage.engine import create_engine
from solarrally.storage.passwords import Passwords
from solarrally.storage.queries.api_keys import API_KEY_ORDERS, list_api_keys
from solarrally.storage.queries.logins import LOGIN_ORDERS, list_logins
from solarrally.storage.queries.roles import ROLE_ORDERS, list_roles
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.users import (
    ACCOUNT_ORDERS,
    ROLE_NAME_PATTERN,
    Account,
    AccountFilter,
    credentials_of,
    list_accounts,
)
from solarrally.terminal import plain, print_json, print_table, say, table, utc

users = typer.Typer(help="People who may use the API.", no_args_is_help=True)
roles = typer.Typer(help="What people may do: the built-in roles, and your own.", no_args_is_help=True)
keys = typer.Typer(help="API keys, for machines.", no_args_is_help=True)

CLI: Final = Actor(user_id=None, name="cli")
DAY_S: Final = 86_400
_MAX_ROWS: Final = 10_000

_T = TypeVar("_T")
_R = TypeVar("_R")

Username = Annotated[str, typer.Argument(help="Who.")]
RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="Its name.")]
NewPassword = Annotated[
    str,
    typer.Option(
        "--password",
        prompt="Password",
        confirmation_prompt=True,
        hide_input=True,
        envvar="SOLARRALLY_NEW_PASSWORD",
        help="Asked for when not given. Others on this machine can see it on the command line.",
    ),
]
Permissions = Annotated[
    list[Permission] | None,
    typer.Option(
        "--permission", metavar="WORD", help="As `solarrally roles permissions` lists them; repeat it."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@users.command("add")
def users_add(
    username: Annotated[str, typer.Argument(help="Lower-case letters, digits and . _ @ -")],
    role: Annotated[str, typer.Option(help="What they may do.")] = Role.OPERATOR,
    id_token: Annotated[
        str | None, typer.Option(help="Of a driver: the token whose sessions are theirs.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Where a forgotten password is reset.")] = None,
    password: NewPassword = "",
) -> None:
    """Add somebody who may log in to the API."""
    account = _run(
        lambda engine: add_user(
            engine,
            CLI,
            None,
            username=username,
            password=password,
            role_name=role,
            id_token=id_token,
            email=email,
            passwords=Passwords(),
        )
    )
    say(f"user {account.username} added, with the role {account.role}")
    if role == Role.USER and id_token is None:
        say("warning: a driver without --id-token has no sessions; see `solarrally users set-id-token`")


@users.command("list")
def users_list(
    role: Annotated[str | None, typer.Option(help="Only with this role.")] = None,
    active: Annotated[
        bool | None, typer.Option("--active/--disabled", help="Only who may, or may not, log in.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the users."""
    where = AccountFilter(role=role, is_active=active)
    found = _run(lambda engine: list_accounts(engine, where, _all(ACCOUNT_ORDERS["username"])))
    if as_json:
        print_json([plain(account) for account in found])
        return
    shown = table("id", "username", "role", "active", "id token", "email", "added (UTC)")
    for account in found:
        shown.add_row(
            str(account.id),
            account.username,
            account.role,
            "yes" if account.is_active else "no",
            escape(account.id_token or ""),
            escape(account.email or ""),
            utc(account.created_at),
        )
    print_table(shown, f"{len(found)} users")


@users.command("show")
def users_show(username: Username, as_json: AsJson = False) -> None:
    """Show one user, with what the role allows."""
    account = _run(lambda engine: _account(engine, username))
    if as_json:
        print_json(plain(account))
        return
    for name, value in plain(account).items():
        _print(f"{name:20} {', '.join(value) if isinstance(value, list) else value}")


@users.command("disable")
def users_disable(username: Username) -> None:
    """Let somebody log in no more, and end what is open: within 30 s everywhere."""
    _change(username, {"is_active": False})
    say(f"user {username} is disabled")


@users.command("enable")
def users_enable(username: Username) -> None:
    """Let somebody log in again."""
    _change(username, {"is_active": True})
    say(f"user {username} is enabled")


@users.command("set-role")
def users_set_role(username: Username, role: RoleName) -> None:
    """Give somebody another role."""
    _change(username, {"role": role})
    say(f"user {username} has the role {role}")


@users.command("set-id-token")
def users_set_id_token(
    username: Username,
    id_token: Annotated[str | None, typer.Argument(help="The token; none takes it away.")] = None,
) -> None:
    """Say whose sessions a driver's are."""
    _change(username, {"id_token": id_token})
    say(f"user {username} has {'no id token' if id_token is None else f'the id token {id_token}'}")


@users.command("set-email")
def users_set_email(
    username: Username,
    email: Annotated[str | None, typer.Argument(help="The address; none takes it away.")] = None,
) -> None:
    """Say where a forgotten password is reset."""
    _change(username, {"email": email})
    say(f"user {username} has {'no mail address' if email is None else f'the address {email}'}")


@users.command("set-password")
def users_set_password(username: Username, password: NewPassword = "") -> None:
    """Set another password, and end all logins of the user."""

    async def work(engine: AsyncEngine) -> None:
        account = await _account(engine, username)
        await set_password(engine, CLI, account.id, password, passwords=Passwords(), now=wiring.utc_now())

    _run(work)
    say(f"user {username} has another password")


@users.command("delete")
def users_delete(
    username: Username,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a user with all logins and API keys; sessions, bills and the audit log stay."""
    if not yes:
        typer.confirm(f"Remove {username}, with all logins and API keys?", abort=True)

    async def work(engine: AsyncEngine) -> None:
        await remove_user(engine, CLI, None, (await _account(engine, username)).id)

    _run(work)
    say(f"user {username} is removed")


@users.command("logins")
def users_logins(
    username: Username,
    everything: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List where somebody is logged in."""

    async def work(engine: AsyncEngine) -> Any:
        account = await _account(engine, username)
        return await list_logins(
            engine,
            account.id,
            _all(LOGIN_ORDERS["created_at"]),
            is_active=None if everything else True,
            now=wiring.utc_now(),
        )

    found = _run(work)
    if as_json:
        print_json([plain(row) for row in found])
        return
    shown = table("login", "since (UTC)", "last used (UTC)", "from", "with", "ended")
    for row in found:
        shown.add_row(
            str(row.id),
            utc(row.created_at),
            utc(row.last_used_at),
            row.address or "",
            escape(row.user_agent or ""),
            "" if row.ended_at is None else f"{utc(row.ended_at)} {row.end_reason}",
        )
    print_table(shown, f"{len(found)} logins")


@users.command("revoke-logins")
def users_revoke_logins(username: Username) -> None:
    """End all logins of a user: within 30 s everywhere. API keys go on; see `solarrally keys`."""

    async def work(engine: AsyncEngine) -> int:
        account = await _account(engine, username)
        async with editing(engine) as connection:
            return await end_logins_of(connection, CLI, account.id, reason="revoked", now=wiring.utc_now())

    say(f"{_run(work)} logins ended")


@roles.command("list")
def roles_list(as_json: AsJson = False) -> None:
    """List the roles."""
    found = _run(lambda engine: list_roles(engine, _all(ROLE_ORDERS["name"])))
    if as_json:
        print_json([plain(row) for row in found])
        return
    shown = table("role", "kind", "description", "permissions")
    for row in found:
        shown.add_row(
            row.name,
            "built-in" if row.is_built_in else "own",
            escape(row.description),
            ", ".join(sorted(row.permissions)),
        )
    print_table(shown, f"{len(found)} roles")


@roles.command("permissions")
def roles_permissions() -> None:
    """List all permissions that roles and keys are made of."""
    for permission in sorted(Permission):
        _print(f"{permission:26} {PERMISSIONS_IN_WORDS[permission]}")


@roles.command("add")
def roles_add(
    name: RoleName,
    permission: Permissions = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
) -> None:
    """Make a role."""
    if re.fullmatch(ROLE_NAME_PATTERN, name) is None:
        raise typer.BadParameter("1 to 32 of a-z 0-9 _ -, beginning with a letter")
    if not permission:
        raise typer.BadParameter("what is it to allow? Give --permission once or more")
    _run(
        lambda engine: add_role(
            engine, CLI, None, name=name, description=description, permissions=frozenset(permission)
        )
    )
    say(f"role {name} added")


@roles.command("set")
def roles_set(
    name: RoleName,
    permission: Permissions = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
) -> None:
    """Give a role other permissions, all of which are named, or another description."""
    changes: dict[str, Any] = {}
    if permission:
        changes["permissions"] = frozenset(permission)
    if description is not None:
        changes["description"] = description
    if not changes:
        raise typer.BadParameter("what is to change? Give --permission or --description")
    if _run(lambda engine: change_role(engine, CLI, None, name, changes)) is None:
        raise SolarRallyError(f"there is no role {name}")
    say(f"role {name} changed")


@roles.command("delete")
def roles_delete(name: RoleName) -> None:
    """Remove a role that nobody has."""
    if not _run(lambda engine: remove_role(engine, CLI, None, name)):
        raise SolarRallyError(f"there is no role {name}")
    say(f"role {name} is removed")


@keys.command("create")
def keys_create(
    username: Annotated[str, typer.Argument(help="Whose it is: it never may more than they.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[
        list[Permission],
        typer.Option(metavar="WORD", help="As `solarrally roles permissions` lists them; repeat it."),
    ],
    days: Annotated[
        int, typer.Option(min=1, max=int(MAX_KEY_LIFE_S) // DAY_S, help="How long it holds.")
    ] = 90,
) -> None:
    """Make an API key and write it to standard output, once: it cannot be shown again."""
    if not 1 <= len(name) <= MAX_KEY_NAME_LENGTH:
        raise typer.BadParameter(f"--name: 1 to {MAX_KEY_NAME_LENGTH} characters")

    async def work(engine: AsyncEngine) -> tuple[int, str]:
        account, now = await _account(engine, username), wiring.utc_now()
        async with editing(engine) as connection:
            return await create_api_key(
                connection,
                CLI,
                name=name,
                user_id=account.id,
                scopes=scope,
                expires_at=now + timedelta(days=days),
                now=now,
            )

    key_id, key = _run(work)
    sys.stdout.write(f"{key}\n")
    say(f"key {key_id} holds for {days} days; keep it now, it is not shown again")


@keys.command("list")
def keys_list(
    username: Annotated[str | None, typer.Option("--user", help="Only of this user.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that hold no longer, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the API keys, by the part of them that is no secret."""

    async def work(engine: AsyncEngine) -> Any:
        user_id = None if username is None else (await _account(engine, username)).id
        return await list_api_keys(
            engine,
            _all(API_KEY_ORDERS["id"]),
            owner_id=None,
            user_id=user_id,
            is_active=None if everything else True,
            now=wiring.utc_now(),
        )

    found = _run(work)
    if as_json:
        print_json([plain(row) for row in found])
        return
    shown = table(
        "id", "begins with", "name", "user", "scopes", "expires (UTC)", "last used (UTC)", "revoked"
    )
    for row in found:
        shown.add_row(
            str(row.id),
            row.prefix,
            escape(row.name),
            row.username,
            ", ".join(row.scopes),
            utc(row.expires_at),
            utc(row.last_used_at),
            utc(row.revoked_at),
        )
    print_table(shown, f"{len(found)} keys")


@keys.command("revoke")
def keys_revoke(key_id: Annotated[int, typer.Argument(help="As `list` shows it.", min=1)]) -> None:
    """Let a key be used no more: within 30 s everywhere."""

    async def work(engine: AsyncEngine) -> bool:
        async with editing(engine) as connection:
            return await revoke_api_key(connection, CLI, key_id, now=wiring.utc_now())

    if not _run(work):
        raise SolarRallyError(f"there is no key {key_id}")
    say(f"key {key_id} is revoked")


def _change(username: str, changes: dict[str, Any]) -> None:
    async def work(engine: AsyncEngine) -> None:
        account = await _account(engine, username)
        await change_user(engine, CLI, None, account.id, changes, now=wiring.utc_now())

    _run(work)


async def _account(engine: AsyncEngine, username: str) -> Account:
    credentials = await credentials_of(engine, username)
    if credentials is None:
        raise SolarRallyError(f"there is no user {username}")
    return credentials.account


def _run(work: Callable[[AsyncEngine], Coroutine[Any, Any, _T]]) -> _T:
    """Do the work with an engine of its own."""
    settings = load_settings()

    async def connected() -> _T:
        engine = create_engine(
            wiring.database_dsn(settings), pool_size=1, application_name="solarrally-users"
        )
        try:
            with database_wiring.reaching_database(settings):
                return await work(engine)
        finally:
            await engine.dispose()

    return asyncio.run(connected())


def _all(order: Order[_R]) -> Window[_R]:
    return Window(order=order, is_descending=False, after=None, limit=_MAX_ROWS)


def _print(text: str) -> None:
    Console(highlight=False, markup=False, soft_wrap=True).print(text)
