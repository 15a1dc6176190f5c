"""The database: reached, migrated, and with what everybody begins with in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import asyncpg
import structlog
from sqlalchemy.exc import DBAPIError

from solarrally.domain.permission import Role
from solarrally.errors import StoreUnavailable
from solarrally.settings import Settings
from solarrally.storage.audit import Actor
from solarrally.storage.edits.users import add_user
from solarrally.storage.engine import create_engine
from solarrally.storage.migrate import migrate
from solarrally.storage.passwords import Passwords
from solarrally.storage.users import count_users
from solarrally.wiring import build_store, database_dsn

log = structlog.get_logger()


@contextmanager
def reaching_database(settings: Settings) -> Iterator[None]:
    """Say in one line that the database cannot be reached, and where it was looked for.

    A reader of ours that went away, and a value that the database refuses, are something else.
    """
    try:
        yield
    except (BrokenPipeError, asyncpg.DataError):
        raise
    except (OSError, asyncpg.PostgresError, DBAPIError) as error:
        if isinstance(error, DBAPIError) and _is_about_a_value(error):
            raise
        place = urlsplit(database_dsn(settings))
        raise StoreUnavailable(
            f"no PostgreSQL for us at {place.hostname}:{place.port or 5432}{place.path} "
            f"(SOLARRALLY_DATABASE_URL): {error}"
        ) from error


def _is_about_a_value(error: DBAPIError) -> bool:
    """Class 22 of PostgreSQL's error codes, data exceptions; also what asyncpg could not encode."""
    return str(getattr(error.orig, "sqlstate", None) or "").startswith("22")


async def migrate_and_seed(settings: Settings) -> None:
    """The newest schema, the default site with its tariff, the partitions, and the first admin."""
    with reaching_database(settings):
        await _migrate_and_seed(settings)


async def _migrate_and_seed(settings: Settings) -> None:
    report = await migrate(database_dsn(settings))
    log.info("schema_migrated", revision=report.to_revision, steps=len(report.steps))
    store = build_store(settings)
    try:
        made = await store.ensure_site(
            timezone=settings.site_timezone,
            currency=settings.currency,
            price_solar_per_kwh=settings.price_solar_per_kwh,
            price_grid_per_kwh=settings.price_grid_per_kwh,
        )
        await store.make_partitions(settings.partition_days_ahead)
    finally:
        await store.close()
    if made:
        log.info("site_made", site=settings.site_name, currency=settings.currency)
    if settings.admin_password is not None:
        await _ensure_admin(settings, settings.admin_password.get_secret_value())


async def _ensure_admin(settings: Settings, password: str) -> None:
    engine = create_engine(database_dsn(settings), pool_size=1, application_name="solarrally-migrate")
    try:
        if not await count_users(engine):
            await add_user(
                engine,
                Actor(user_id=None, name="cli"),
                None,
                username="admin",
                password=password,
                role_name=Role.ADMIN,
                passwords=Passwords(),
            )
            log.info("admin_made", username="admin")
    finally:
        await engine.dispose()
