"""What the routes work with, made once per application at its start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection

from solarrally.api.account_rules import AccountRules
from solarrally.api.accounts import Accounts
from solarrally.api.bill_rules import BillRules
from solarrally.api.cursors import Cursors
from solarrally.api.import_rules import ImportRules
from solarrally.api.live_limits import LiveLimits
from solarrally.api.live_sockets import OpenSockets
from solarrally.api.mailroom import Mailroom
from solarrally.api.options import ApiOptions
from solarrally.api.public_status import PublicStatus
from solarrally.api.rate_limits import RateLimits, make_rate_limits
from solarrally.api.refusals import Refusals
from solarrally.api.slots import Slots
from solarrally.api.throttle import Throttle
from solarrally.api.tokens import AccessTokens
from solarrally.hub import Hub
from solarrally.mail import Mailer
from solarrally.storage.edits.logins import LoginRules
from solarrally.storage.passwords import Passwords
from solarrally.storage.queries import RollupRules

FREE_LOGINS_PER_ACCOUNT: Final = 5
FREE_LOGINS_PER_ADDRESS: Final = 30
MAX_IMPORTS: Final = 2


@dataclass(slots=True, frozen=True, kw_only=True)
class Services:
    """Everything a route may need."""

    engine: AsyncEngine
    hub: Hub
    tokens: AccessTokens
    accounts: Accounts
    passwords: Passwords
    cursors: Cursors
    throttle_per_account: Throttle
    """Keyed by (username, address)."""
    throttle_per_address: Throttle
    rate_limits: RateLimits
    refusals: Refusals
    login_rules: LoginRules
    account_rules: AccountRules
    bill_rules: BillRules
    mailroom: Mailroom
    public_status: PublicStatus | None
    """None: switched off."""
    rollup_rules: RollupRules
    max_open_commands: int
    exports: Slots
    imports: Slots
    import_rules: ImportRules
    dialects: Sequence[str]
    """What a station may be registered to speak; empty: anything."""
    live: LiveLimits
    sockets: OpenSockets


def make_services(
    *, engine: AsyncEngine, hub: Hub, options: ApiOptions, mailer: Mailer | None = None
) -> Services:
    """The services of one application."""
    live = replace(
        options.live_limits,
        ticket_ttl_s=options.ws_ticket_ttl_s,
        allowed_origins=frozenset(options.allowed_origins),
    )
    return Services(
        engine=engine,
        hub=hub,
        tokens=AccessTokens(options.jwt_secret, options.access_token_ttl_s),
        accounts=Accounts(engine, options.account_cache_s),
        passwords=Passwords(),
        cursors=Cursors(options.jwt_secret),
        throttle_per_account=Throttle(FREE_LOGINS_PER_ACCOUNT),
        throttle_per_address=Throttle(FREE_LOGINS_PER_ADDRESS),
        rate_limits=make_rate_limits(
            caller_rate_hz=options.caller_rate_limit_hz, caller_burst=options.caller_rate_burst
        ),
        refusals=Refusals(engine),
        login_rules=options.login_rules,
        account_rules=options.account_rules,
        bill_rules=options.bill_rules,
        mailroom=Mailroom(mailer),
        public_status=PublicStatus(engine) if options.has_public_status else None,
        rollup_rules=options.rollup_rules,
        max_open_commands=options.max_open_commands,
        exports=Slots(options.max_exports, "exports"),
        imports=Slots(MAX_IMPORTS, "imports"),
        import_rules=options.import_rules,
        dialects=options.dialects,
        live=live,
        sockets=OpenSockets(live.max_watchers, live.max_watchers_per_account),
    )


def services_of(connection: HTTPConnection) -> Services:
    """The services of the application that the connection came to."""
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services


ServicesDependency = Annotated[Services, Depends(services_of)]
