"""Who may do what: the table of roles and permissions, and the only place that knows it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from solarrally.storage.users import Role


class Permission(StrEnum):
    """`resource:action`. `…_own`: only what belongs to the caller's own `id_token`."""

    STATUS_READ = "status:read"
    EVSES_READ = "evses:read"
    SESSIONS_READ = "sessions:read"
    SESSIONS_READ_OWN = "sessions:read_own"
    TELEMETRY_READ = "telemetry:read"
    TELEMETRY_READ_OWN = "telemetry:read_own"
    BILLS_READ = "bills:read"
    BILLS_READ_OWN = "bills:read_own"
    LIVE_SUBSCRIBE = "live:subscribe"
    REJECTED_MESSAGES_READ = "rejected_messages:read"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    ACCOUNT_READ_OWN = "account:read_own"
    DOCS_READ = "docs:read"


_EVERYONE: Final = frozenset(
    {Permission.STATUS_READ, Permission.LIVE_SUBSCRIBE, Permission.ACCOUNT_READ_OWN, Permission.DOCS_READ}
)
_OWN: Final = frozenset(
    {Permission.SESSIONS_READ_OWN, Permission.TELEMETRY_READ_OWN, Permission.BILLS_READ_OWN}
)
_OPERATIONS: Final = frozenset(
    {
        Permission.EVSES_READ,
        Permission.SESSIONS_READ,
        Permission.TELEMETRY_READ,
        Permission.BILLS_READ,
        Permission.REJECTED_MESSAGES_READ,
    }
)
_ADMINISTRATION: Final = frozenset({Permission.USERS_READ, Permission.USERS_WRITE})

PERMISSIONS_OF_ROLE: Final[dict[Role, frozenset[Permission]]] = {
    Role.GUEST: _EVERYONE,
    Role.USER: _EVERYONE | _OWN,
    Role.OPERATOR: _EVERYONE | _OPERATIONS,
    Role.ADMIN: _EVERYONE | _OPERATIONS | _ADMINISTRATION,
}
