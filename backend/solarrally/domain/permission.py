"""Who may do what: the permissions, the built-in roles, and the only place that knows them."""

from __future__ import annotations

from collections.abc import Iterable, Set
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """The built-in roles. Others are made by administrators and are rows of `role`."""

    ADMIN = "admin"
    OPERATOR = "operator"
    USER = "user"
    GUEST = "guest"


class Permission(StrEnum):
    """`resource:action`. `…_own`: only what belongs to the caller's own `id_token`."""

    ACCOUNT_READ_OWN = "account:read_own"
    ACCOUNT_WRITE_OWN = "account:write_own"
    ALERT_READ = "alert:read"
    ALERT_WRITE = "alert:write"
    API_KEY_READ = "api_key:read"
    API_KEY_WRITE = "api_key:write"
    AUDIT_READ = "audit:read"
    BILL_READ = "bill:read"
    BILL_READ_OWN = "bill:read_own"
    COMMAND_READ = "command:read"
    COMMAND_READ_OWN = "command:read_own"
    DOCS_READ = "docs:read"
    EVSE_CONTROL = "evse:control"
    EVSE_CONTROL_OWN = "evse:control_own"
    """Start with the own id_token, and stop, pause and resume the own session."""
    EVSE_READ = "evse:read"
    EVSE_WRITE = "evse:write"
    EXPORT_READ = "export:read"
    IMPORT_READ = "import:read"
    IMPORT_WRITE = "import:write"
    LIVE_SUBSCRIBE = "live:subscribe"
    REJECTED_MESSAGE_READ = "rejected_message:read"
    ROLE_READ = "role:read"
    ROLE_WRITE = "role:write"
    SESSION_READ = "session:read"
    SESSION_READ_OWN = "session:read_own"
    SITE_READ = "site:read"
    SITE_WRITE = "site:write"
    STATS_READ = "stats:read"
    STATUS_READ = "status:read"
    TARIFF_READ = "tariff:read"
    TARIFF_WRITE = "tariff:write"
    TELEMETRY_READ = "telemetry:read"
    TELEMETRY_READ_OWN = "telemetry:read_own"
    USER_READ = "user:read"
    USER_WRITE = "user:write"


PERMISSIONS_IN_WORDS: Final[dict[Permission, str]] = {
    Permission.ACCOUNT_READ_OWN: "See the own account, logins and API keys.",
    Permission.ACCOUNT_WRITE_OWN: "Change the own password, end own logins, make and revoke own API keys.",
    Permission.ALERT_READ: "See alerts and their rules.",
    Permission.ALERT_WRITE: "Acknowledge alerts, and change their rules.",
    Permission.API_KEY_READ: "See everybody's API keys (never the keys themselves).",
    Permission.API_KEY_WRITE: "Make API keys, and revoke everybody's.",
    Permission.AUDIT_READ: "Read the audit log.",
    Permission.BILL_READ: "See all bills.",
    Permission.BILL_READ_OWN: "See the bills of own sessions.",
    Permission.COMMAND_READ: "See all commands and how they ended.",
    Permission.COMMAND_READ_OWN: "See the own commands.",
    Permission.DOCS_READ: "Read the description of the API.",
    Permission.EVSE_CONTROL: "Start, stop, limit and reset stations.",
    Permission.EVSE_CONTROL_OWN: "Start with the own id_token; stop, pause and resume the own session.",
    Permission.EVSE_READ: "See the stations, their state and their events.",
    Permission.EVSE_WRITE: "Add, change and disable stations.",
    Permission.EXPORT_READ: "Export readings, sessions and bills.",
    Permission.IMPORT_READ: "See imports and how they ended.",
    Permission.IMPORT_WRITE: "Import what stations kept while they were offline.",
    Permission.LIVE_SUBSCRIBE: "Open the live WebSocket; the other permissions decide what it shows.",
    Permission.REJECTED_MESSAGE_READ: "See messages that could not be used.",
    Permission.ROLE_READ: "See roles and what they allow.",
    Permission.ROLE_WRITE: "Make, change and remove roles, within the own permissions.",
    Permission.SESSION_READ: "See all sessions.",
    Permission.SESSION_READ_OWN: "See the sessions of the own id_token.",
    Permission.SITE_READ: "See the sites.",
    Permission.SITE_WRITE: "Add and change sites.",
    Permission.STATS_READ: "See sums and rates over sites and periods.",
    Permission.STATUS_READ: "See which stations are free.",
    Permission.TARIFF_READ: "See the tariffs.",
    Permission.TARIFF_WRITE: "Add tariffs and end them.",
    Permission.TELEMETRY_READ: "See all readings.",
    Permission.TELEMETRY_READ_OWN: "See the readings of own sessions.",
    Permission.USER_READ: "See the users and their logins.",
    Permission.USER_WRITE: "Add, invite, change and remove users, within the own permissions.",
}

_EVERYONE: Final = frozenset(
    {
        Permission.ACCOUNT_READ_OWN,
        Permission.ACCOUNT_WRITE_OWN,
        Permission.DOCS_READ,
        Permission.LIVE_SUBSCRIBE,
        Permission.STATUS_READ,
    }
)
_OWN: Final = frozenset(
    {
        Permission.BILL_READ_OWN,
        Permission.COMMAND_READ_OWN,
        Permission.EVSE_CONTROL_OWN,
        Permission.SESSION_READ_OWN,
        Permission.TARIFF_READ,
        Permission.TELEMETRY_READ_OWN,
    }
)
_OPERATIONS: Final = frozenset(
    {
        Permission.ALERT_READ,
        Permission.ALERT_WRITE,
        Permission.BILL_READ,
        Permission.COMMAND_READ,
        Permission.EVSE_CONTROL,
        Permission.EVSE_READ,
        Permission.EXPORT_READ,
        Permission.IMPORT_READ,
        Permission.IMPORT_WRITE,
        Permission.REJECTED_MESSAGE_READ,
        Permission.SESSION_READ,
        Permission.SITE_READ,
        Permission.STATS_READ,
        Permission.TARIFF_READ,
        Permission.TELEMETRY_READ,
    }
)
_ADMINISTRATION: Final = frozenset(
    {
        Permission.API_KEY_READ,
        Permission.API_KEY_WRITE,
        Permission.AUDIT_READ,
        Permission.EVSE_WRITE,
        Permission.ROLE_READ,
        Permission.ROLE_WRITE,
        Permission.SITE_WRITE,
        Permission.TARIFF_WRITE,
        Permission.USER_READ,
        Permission.USER_WRITE,
    }
)

PERMISSIONS_OF_ROLE: Final[dict[Role, frozenset[Permission]]] = {
    Role.GUEST: _EVERYONE,
    Role.USER: _EVERYONE | _OWN,
    Role.OPERATOR: _EVERYONE | _OPERATIONS,
    Role.ADMIN: _EVERYONE | _OPERATIONS | _ADMINISTRATION,
}


def permissions_of(role: str, listed: Iterable[str] | None) -> frozenset[str]:
    """What a role allows: the code's table for a built-in one, else what is `listed` with it.

    Words that no version of ours knows (any more) allow nothing.
    """
    if listed is None:
        return frozenset(PERMISSIONS_OF_ROLE[Role(role)])
    return frozenset(Permission) & frozenset(listed)


def beyond(permissions: Set[str], own: Set[str]) -> frozenset[str]:
    """Those of the permissions that somebody who has `own` may not give to others.

    Who may do something for everybody may let others do it for themselves: `bill:read` covers
    `bill:read_own`.
    """
    return frozenset(permissions) - own - {f"{permission}_own" for permission in own}
