"""What the settings tell the application, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from solarrally.api.account_rules import AccountRules
from solarrally.api.bill_rules import BillRules
from solarrally.api.import_rules import ImportRules
from solarrally.api.live_limits import LiveLimits
from solarrally.domain.station import SessionRules
from solarrally.storage.edits.logins import LoginRules
from solarrally.storage.queries import RollupRules


def default_rollup_rules() -> RollupRules:
    """Those of ingestion with its defaults."""
    rules = SessionRules()
    return RollupRules(
        silence_timeout_s=rules.silence_timeout_s,
        gap_cap_s=rules.gap_cap_s,
        charging_threshold_w=rules.charging_threshold_w,
        default_max_power_w=500_000.0,
    )


@dataclass(slots=True, frozen=True, kw_only=True)
class ApiOptions:
    """Options of one application. Tests set those they are about."""

    jwt_secret: str
    """Signs access tokens and page cursors; at least 32 characters."""
    access_token_ttl_s: int = 900
    ws_ticket_ttl_s: float = 30.0
    allowed_origins: Sequence[str] = ()
    """Whose pages may call the API, use the refresh cookie and open the WebSocket besides our own."""
    dashboard_dir: Path | None = None
    """The built files of the dashboard, which may be missing; None: none is served."""
    open_docs: bool = False
    """The API's description needs no token."""
    has_public_status: bool = False
    """Anybody may see, without a login, which stations are free."""
    account_cache_s: float = 15.0
    """How long an account is remembered: within that a disabled user or a new role takes effect."""
    caller_rate_limit_hz: float = 50.0
    """Requests a second of one user, or of one API key, beyond which they are answered with 429."""
    caller_rate_burst: int = 200
    """Requests at once, before that limit is felt."""
    trusted_proxies: Sequence[str] = ()
    """Networks (CIDR) whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    login_rules: LoginRules = field(default_factory=LoginRules)
    account_rules: AccountRules = field(default_factory=AccountRules)
    bill_rules: BillRules = field(default_factory=BillRules)
    dialects: Sequence[str] = ()
    """What a station may be registered to speak; empty: anything."""
    rollup_rules: RollupRules = field(default_factory=default_rollup_rules)
    """By which history is computed where it is not rolled up yet: those of ingestion."""
    max_open_commands: int = 10
    """Commands of one station that are not finished, at a time."""
    max_exports: int = 2
    """At once; each keeps a connection to the database."""
    import_rules: ImportRules = field(default_factory=ImportRules)
    live_limits: LiveLimits = field(default_factory=LiveLimits)
