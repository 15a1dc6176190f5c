"""The schema, as SQLAlchemy tables. Alembic's migrations must produce exactly this (a test compares them)."""

from __future__ import annotations

from solarrally.storage.tables.common import metadata
from solarrally.storage.tables.messages import parked_message, rejected_message
from solarrally.storage.tables.people import app_user, live_ticket
from solarrally.storage.tables.readings import (
    raw_dropped_day,
    reading,
    reading_15min,
    reading_daily,
    rollup_due,
)
from solarrally.storage.tables.sessions import bill, charging_session, station_event
from solarrally.storage.tables.sites import connector, evse, site, tariff

__all__ = [
    "app_user",
    "bill",
    "charging_session",
    "connector",
    "evse",
    "live_ticket",
    "metadata",
    "parked_message",
    "raw_dropped_day",
    "reading",
    "reading_15min",
    "reading_daily",
    "rejected_message",
    "rollup_due",
    "site",
    "station_event",
    "tariff",
]
