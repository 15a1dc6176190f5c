"""Tariffs made, and taken back before they come into force, each with its entry in the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.domain.tariff import TariffElement
from solarrally.errors import SolarRallyError
from solarrally.storage.audit import Actor, record
from solarrally.storage.edits.editing import EditConflict, editing
from solarrally.storage.queries.tariffs import TariffRow, tariff_in
from solarrally.storage.tables import site, tariff

LEAD_TIME: Final = timedelta(minutes=2)
"""The ingestor reads tariffs every minute: it knows a version before the first session that it is for."""
LEAD_TIME_SLACK: Final = timedelta(seconds=5)
FINAL_BEFORE: Final = timedelta(minutes=10)
"""A version this near cannot be taken back: a device's clock may be five minutes ahead, and the ingestor may
have priced a session with it.
"""


class InvalidTariff(SolarRallyError):
    """The tariff does not fit its site or the time; `field` says where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


async def add_tariff(
    engine: AsyncEngine,
    actor: Actor,
    *,
    site_id: int,
    valid_from: datetime | None,
    currency: str | None,
    price_solar_per_kwh: Decimal,
    price_grid_per_kwh: Decimal,
    vat_percent: Decimal,
    elements: Sequence[TariffElement],
) -> TariffRow:
    """Add a version of the site's prices, by its clocks as they are. `valid_from` None: as soon as may be.

    Raises `InvalidTariff` for an unknown site, another currency than its, or a time that is not at least two
    minutes ahead, and `EditConflict` when the site has a version from that instant.
    """
    async with editing(engine) as connection:
        statement = select(site.c.currency, site.c.timezone, func.now().label("now"))
        of_site = (
            await connection.execute(statement.where(site.c.id == site_id).with_for_update(read=True))
        ).one_or_none()
        if of_site is None:
            raise InvalidTariff("site_id", "there is no such site")
        if currency is not None and currency != of_site.currency:
            raise InvalidTariff("currency", f"must be the site's, {of_site.currency}")
        earliest = of_site.now + LEAD_TIME
        if valid_from is None:
            valid_from = earliest
        elif valid_from < earliest - LEAD_TIME_SLACK:
            raise InvalidTariff("valid_from", f"must be at least {LEAD_TIME.seconds} s ahead")
        values: dict[str, Any] = {
            "site_id": site_id,
            "valid_from": valid_from,
            "currency": of_site.currency,
            "price_solar_per_kwh": price_solar_per_kwh,
            "price_grid_per_kwh": price_grid_per_kwh,
            "vat_percent": vat_percent,
            "elements": [_plain(asdict(element)) for element in elements],
            "timezone": of_site.timezone,
        }
        try:
            result = await connection.execute(insert(tariff).values(values).returning(tariff.c.id))
        except IntegrityError as error:
            raise EditConflict("valid_from", "the site has a tariff from that instant") from error
        tariff_id = result.scalar_one()
        await record(connection, actor, "tariff.create", "tariff", tariff_id, after=_plain(values))
        made = await tariff_in(connection, tariff_id)
    assert made is not None
    return made


async def remove_tariff(engine: AsyncEngine, actor: Actor, tariff_id: int) -> bool:
    """Whether there was such a version. Raises `EditConflict` unless it comes into force in ten minutes or
    later, and when it is the only one of its site.
    """
    async with editing(engine) as connection:
        statement = select(tariff, func.now().label("now")).where(tariff.c.id == tariff_id)
        row = (await connection.execute(statement.with_for_update(of=tariff))).one_or_none()
        if row is None:
            return False
        if row.valid_from < row.now + FINAL_BEFORE:
            raise EditConflict("tariff_id", "it is in force, was, or will be within ten minutes")
        others = select(func.count()).where(
            tariff.c.site_id == row.site_id, tariff.c.valid_from < row.valid_from
        )
        if not await connection.scalar(others):
            raise EditConflict("tariff_id", "its site has no other prices until then")
        try:
            await connection.execute(delete(tariff).where(tariff.c.id == tariff_id))
        except IntegrityError as error:
            raise EditConflict("tariff_id", "sessions have it already") from error
        before = {column.name: getattr(row, column.name) for column in tariff.c if column.name != "id"}
        await record(connection, actor, "tariff.delete", "tariff", tariff_id, before=_plain(before))
    return True


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same as JSON values."""
    return {name: _plain_value(value) for name, value in values.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
