"""A station's entry in the registry: the one there is, or the one that is made with its first credential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally import wiring
from solarrally.errors import SolarRallyError
from solarrally.provisioning.passwords import check_username
from solarrally.provisioning.station_topics import NATIVE, check_apart, default_base_topic, topics_of
from solarrally.settings import Settings
from solarrally.storage.audit import Actor
from solarrally.storage.edits.editing import EditConflict
from solarrally.storage.edits.evses import add_evse_in
from solarrally.storage.queries.credentials import (
    CredentialRow,
    Provisionable,
    foreign_stations,
    provisionable_in,
    valid_credentials,
)
from solarrally.storage.queries.sites import SITE_ORDERS, SiteRow, list_sites
from solarrally.storage.queries.window import Window
from solarrally.terminal import say

CLI: Final = Actor(user_id=None, name="cli")
_MAX_SITES: Final = 10_000


@dataclass(slots=True, frozen=True, kw_only=True)
class Wish:
    """What the command line says of a station; None: nothing."""

    site: str | None = None
    dialect: str | None = None
    base_topic: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Applicant:
    """A station that is to have a credential."""

    evse_uid: str
    dialect: str
    base_topic: str | None
    is_enabled: bool
    held: Sequence[CredentialRow]
    """What it has that holds, the newest last."""
    registration: Mapping[str, Any] | None = None
    """What it is registered with; None: it is registered."""


async def known_sites(engine: AsyncEngine) -> list[SiteRow]:
    """By id."""
    window = Window(order=SITE_ORDERS["id"], is_descending=False, after=None, limit=_MAX_SITES)
    return await list_sites(engine, window)


async def station_in(connection: AsyncConnection, evse_uid: str) -> Provisionable:
    """Raises `EditConflict` when it is not registered."""
    station = await provisionable_in(connection, evse_uid)
    if station is None:
        raise EditConflict("evse_uid", f"there is no station {evse_uid}")
    return station


async def registered(connection: AsyncConnection, evse_uid: str) -> Applicant:
    """Raises `EditConflict` when it is not registered."""
    station = await station_in(connection, evse_uid)
    return Applicant(
        evse_uid=evse_uid,
        dialect=station.dialect,
        base_topic=station.base_topic,
        is_enabled=station.is_enabled,
        held=await valid_credentials(connection, station.id, now=wiring.utc_now()),
    )


async def applicant(
    connection: AsyncConnection, settings: Settings, evse_uid: str, wish: Wish, sites: Sequence[SiteRow]
) -> Applicant:
    """Registered or not; nothing is written. Raises `SolarRallyError` for all that is in the way of it."""
    if await provisionable_in(connection, evse_uid) is None:
        return await _newcomer(connection, settings, evse_uid, wish, sites)
    station = await registered(connection, evse_uid)
    for name, wanted, there in (
        ("--dialect", wish.dialect, station.dialect),
        ("--base-topic", wish.base_topic, station.base_topic),
    ):
        if wanted is not None and wanted != there:
            raise SolarRallyError(
                f"{evse_uid} is registered with {there or 'none'}, not with {name} {wanted}: change that"
                f" first, with `solarrally stations set-base-topic {evse_uid}`"
            )
    if wish.site is not None:
        say(f"{evse_uid} is registered already: --site changes nothing")
    return station


async def enter(connection: AsyncConnection, station: Applicant) -> None:
    """Register it, if it is not yet. The caller commits it with its credential."""
    if station.registration is not None:
        await add_evse_in(connection, CLI, station.registration, [])


async def _newcomer(
    connection: AsyncConnection, settings: Settings, evse_uid: str, wish: Wish, sites: Sequence[SiteRow]
) -> Applicant:
    dialect = wish.dialect or NATIVE
    if dialect == NATIVE and wish.base_topic is not None:
        raise EditConflict("base_topic", "a native station publishes below the topic root: name its dialect")
    base_topic = None if dialect == NATIVE else wish.base_topic or default_base_topic(dialect, evse_uid)
    check_username(dialect, evse_uid)
    topics_of(dialect, evse_uid, base_topic)
    if dialect != NATIVE:
        check_apart(dialect, evse_uid, base_topic, await foreign_stations(connection, evse_uid))
    return Applicant(
        evse_uid=evse_uid,
        dialect=dialect,
        base_topic=base_topic,
        is_enabled=True,
        held=[],
        registration={
            "evse_uid": evse_uid,
            "site_id": _site_id(sites, settings, wish.site),
            "dialect": dialect,
            "base_topic": base_topic,
        },
    )


def _site_id(sites: Sequence[SiteRow], settings: Settings, name: str | None) -> int:
    for site in sites:
        if site.name == (name or settings.site_name):
            return site.id
    if name is not None:
        known = ", ".join(site.name for site in sites) or "none"
        raise SolarRallyError(f"there is no site {name!r}; there are: {known}")
    if not sites:
        raise SolarRallyError("there is no site yet: run `solarrally migrate`")
    return sites[0].id
