"""What the routes work with, made once per application at its start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection

from solarrally.api.accounts import Accounts
from solarrally.api.cursors import Cursors
from solarrally.api.live_limits import LiveLimits
from solarrally.api.live_sockets import OpenSockets
from solarrally.api.options import ApiOptions
from solarrally.api.throttle import Throttle
from solarrally.api.tokens import AccessTokens
from solarrally.hub import Hub
from solarrally.storage.users import Passwords

FREE_LOGINS_PER_ACCOUNT: Final = 5
FREE_LOGINS_PER_ADDRESS: Final = 30


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
    live: LiveLimits
    sockets: OpenSockets


def make_services(*, engine: AsyncEngine, hub: Hub, options: ApiOptions) -> Services:
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
        live=live,
        sockets=OpenSockets(live.max_watchers),
    )


def services_of(connection: HTTPConnection) -> Services:
    """The services of the application that the connection came to."""
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services


ServicesDependency = Annotated[Services, Depends(services_of)]
