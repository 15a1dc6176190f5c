"""Which stations are free, as everybody may know it: no sessions, no energy, no people, no money."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.domain.reading import ConnectorStatus
from solarrally.storage.queries.connecting import connected
from solarrally.storage.tables import connector, evse, site

MAX_EVSES: Final = 10_000
"""In one picture: 2.7 MB of JSON with two connectors each."""

PublicWord = Literal["available", "charging", "occupied", "unavailable", "faulted", "unknown"]

WORD_OF_STATUS: Final[dict[str, PublicWord]] = {
    ConnectorStatus.AVAILABLE: "available",
    ConnectorStatus.PREPARING: "occupied",
    ConnectorStatus.CHARGING: "charging",
    ConnectorStatus.SUSPENDED_EV: "occupied",
    ConnectorStatus.SUSPENDED_EVSE: "occupied",
    ConnectorStatus.FINISHING: "occupied",
    ConnectorStatus.RESERVED: "occupied",
    ConnectorStatus.UNAVAILABLE: "unavailable",
    ConnectorStatus.FAULTED: "faulted",
}


class PublicConnectorRow(msgspec.Struct, frozen=True, gc=False):
    """Whether a connector is free, and what fits it. Structs: ten thousand are made at once."""

    connector_id: int
    status: PublicWord
    standard: str | None
    power_type: str | None


class PublicEvseRow(msgspec.Struct, frozen=True):
    """A station with its connectors, by connector_id."""

    evse_uid: str
    name: str | None
    is_online: bool
    connectors: Sequence[PublicConnectorRow]


class PublicSiteRow(msgspec.Struct, frozen=True):
    """A site with its stations, by evse_uid."""

    name: str
    city: str | None
    timezone: str
    evses: Sequence[PublicEvseRow]


@dataclass(slots=True, frozen=True, kw_only=True)
class PublicSites:
    """Sites by name. Not complete: of more than `MAX_EVSES` stations the last are left out."""

    sites: Sequence[PublicSiteRow]
    is_complete: bool


async def public_sites(engine: AsyncEngine) -> PublicSites:
    """The sites that have stations which are enabled."""
    async with connected(engine) as connection:
        sites = (await connection.execute(_SITES)).all()
        evses = (await connection.execute(_EVSES)).all()
        connectors = (await connection.execute(_CONNECTORS)).all()
    # Tens of thousands of rows: in a thread, so that nobody else waits for it.
    return await asyncio.to_thread(_public_sites, sites, evses, connectors)


_SITES: Select[Any] = select(site.c.id, site.c.name, site.c.city, site.c.timezone).order_by(site.c.name)
_EVSES: Select[Any] = (
    select(evse.c.id, evse.c.site_id, evse.c.evse_uid, evse.c.name, evse.c.is_online)
    .join(site, site.c.id == evse.c.site_id)
    .where(evse.c.is_enabled)
    .order_by(site.c.name, evse.c.evse_uid)
    .limit(MAX_EVSES + 1)
)
_CONNECTORS: Select[Any] = (
    select(
        connector.c.evse_id,
        connector.c.connector_id,
        connector.c.status,
        connector.c.standard,
        connector.c.power_type,
    )
    .where(connector.c.evse_id.in_(select(_EVSES.subquery().c.id)))
    .order_by(connector.c.evse_id, connector.c.connector_id)
)


def _public_sites(
    sites: Sequence[Row[Any]], evses: Sequence[Row[Any]], connectors: Sequence[Row[Any]]
) -> PublicSites:
    connectors_of: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in connectors:
        connectors_of[row.evse_id].append(row)
    evses_of: defaultdict[int, list[PublicEvseRow]] = defaultdict(list)
    for one in evses[:MAX_EVSES]:
        theirs = [_connector(row, is_online=one.is_online) for row in connectors_of[one.id]]
        evses_of[one.site_id].append(PublicEvseRow(one.evse_uid, one.name, one.is_online, theirs))
    return PublicSites(
        sites=[
            PublicSiteRow(one.name, one.city, one.timezone, evses_of[one.id])
            for one in sites
            if one.id in evses_of
        ],
        is_complete=len(evses) <= MAX_EVSES,
    )


def _connector(row: Row[Any], *, is_online: bool) -> PublicConnectorRow:
    """What an offline station said last is not how it is now."""
    word: PublicWord = WORD_OF_STATUS.get(row.status, "unknown") if is_online else "unknown"
    return PublicConnectorRow(row.connector_id, word, row.standard, row.power_type)
