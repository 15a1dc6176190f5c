"""Telemetry, what is derived of it by time, and what is to be derived."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    Date,
    Float,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import REAL

from solarrally.storage.tables.common import INSTANT, QUEUE, metadata

# Partitioned by day (UTC). Status, source and event are small codes: see storage.codes.
reading = Table(
    "reading",
    metadata,
    Column("ts", INSTANT, nullable=False),
    Column("received_at", INSTANT, nullable=False),
    Column("device_ts", INSTANT),
    Column("evse_id", Integer, nullable=False),
    Column("digest", Integer, nullable=False),
    Column("connector_id", SmallInteger, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    Column("status", SmallInteger),
    Column("energy_source", SmallInteger),
    Column("transaction_event", SmallInteger),
    Column("seq", BigInteger),
    Column("power_w", Float),
    Column("energy_register_wh", Float),
    Column("session_energy_wh", Float),
    Column("session_energy_solar_wh", Float),
    Column("session_energy_grid_wh", Float),
    Column("voltage_v", REAL),
    Column("current_a", REAL),
    Column("voltage_l1_v", REAL),
    Column("voltage_l2_v", REAL),
    Column("voltage_l3_v", REAL),
    Column("current_l1_a", REAL),
    Column("current_l2_a", REAL),
    Column("current_l3_a", REAL),
    Column("power_offered_w", REAL),
    Column("temperature_c", REAL),
    Column("soc_percent", REAL),
    Column("session_id", Text),
    Column("error_code", Text),
    Column("id_token", Text),
    Column("stop_reason", Text),
    PrimaryKeyConstraint("evse_id", "connector_id", "ts", "digest"),  # serves "one connector, newest first"
    postgresql_partition_by="RANGE (ts)",
)


def _rollup_columns() -> list[Column[Any]]:
    """What a bucket and a day say alike. An average stands beside the count it comes from, so that a day's
    follows exactly from its buckets'. Only billable readings are measured; see `storage.rollups`.
    """
    return [
        Column("reading_count", Integer, nullable=False),
        Column("billable_count", Integer, nullable=False),
        Column("energy_method", Text),
        Column("energy_solar_wh", Float, nullable=False),
        Column("energy_grid_wh", Float, nullable=False),
        Column("energy_unattributed_wh", Float, nullable=False),
        Column(
            "energy_wh",
            Float,
            Computed("energy_solar_wh + energy_grid_wh + energy_unattributed_wh", persisted=True),
        ),
        Column("charging_s", Float, nullable=False),
        Column("power_count", Integer, nullable=False),
        Column("power_avg_w", Float),
        Column("power_min_w", Float),
        Column("power_max_w", Float),
        Column("voltage_count", Integer, nullable=False),
        Column("voltage_avg_v", Float),
        Column("current_count", Integer, nullable=False),
        Column("current_avg_a", Float),
        Column("current_max_a", Float),
        Column("temperature_count", Integer, nullable=False),
        Column("temperature_avg_c", Float),
        Column("temperature_max_c", Float),
        Column("computed_at", INSTANT, nullable=False),
    ]


# A quarter of an hour divides the days of every time zone: local statistics can be made from it.
reading_15min = Table(
    "reading_15min",
    metadata,
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", SmallInteger, nullable=False),
    Column("bucket_start", INSTANT, nullable=False),
    *_rollup_columns(),
    PrimaryKeyConstraint("evse_id", "connector_id", "bucket_start"),
)

reading_daily = Table(
    "reading_daily",
    metadata,
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", SmallInteger, nullable=False),
    Column("day", Date, nullable=False),  # UTC
    *_rollup_columns(),
    PrimaryKeyConstraint("evse_id", "connector_id", "day"),
    postgresql_with={"fillfactor": "70"},  # rewritten with every bucket of the day
)

# The buckets with readings that their rollup does not know yet; the key's order is that of the work.
rollup_due = Table(
    "rollup_due",
    metadata,
    Column("bucket_start", INSTANT, nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", SmallInteger, nullable=False),
    PrimaryKeyConstraint("bucket_start", "evse_id", "connector_id"),
    postgresql_with=QUEUE,
)

# The days (UTC) of which readings were dropped, and when: what was derived of them before stays as it is.
raw_dropped_day = Table(
    "raw_dropped_day",
    metadata,
    Column("day", Date, primary_key=True),
    Column("dropped_at", INSTANT, nullable=False),
)
