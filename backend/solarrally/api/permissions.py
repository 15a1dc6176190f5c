"""Who may do what: the table of built-in roles and permissions, and the only place that knows it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from solarrally.storage.users import Role


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
