"""The schema, as SQLAlchemy tables. Alembic's migrations must produce exactly this (a test compares them)."""

from __future__ import annotations

from solarrally.storage.tables.alerts import alert, alert_review
from solarrally.storage.tables.commands import command
from solarrally.storage.tables.common import metadata
from solarrally.storage.tables.credentials import evse_credential
from solarrally.storage.tables.imports import import_job
from solarrally.storage.tables.leads import ingest_lead
from solarrally.storage.tables.messages import parked_message, rejected_message
from solarrally.storage.tables.people import (
    api_key,
    app_user,
    audit_log,
    live_ticket,
    login_session,
    mailed_token,
    refresh_token,
    role,
)
from solarrally.storage.tables.readings import (
    raw_dropped_day,
    reading,
    reading_15min,
    reading_daily,
    rollup_due,
)
from solarrally.storage.tables.sessions import bill, charging_session, station_event
from solarrally.storage.tables.sites import connector, evse, evse_move, site, tariff
from solarrally.storage.tables.streams import stream_checkpoint

__all__ = [
    "alert",
    "alert_review",
    "api_key",
    "app_user",
    "audit_log",
    "bill",
    "charging_session",
    "command",
    "connector",
    "evse",
    "evse_credential",
    "evse_move",
    "import_job",
    "ingest_lead",
    "live_ticket",
    "login_session",
    "mailed_token",
    "metadata",
    "parked_message",
    "raw_dropped_day",
    "reading",
    "reading_15min",
    "reading_daily",
    "refresh_token",
    "rejected_message",
    "role",
    "rollup_due",
    "site",
    "station_event",
    "stream_checkpoint",
    "tariff",
]
