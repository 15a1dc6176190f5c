"""The schema, as SQLAlchemy tables. Alembic's migrations must produce exactly this (a test compares them)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_INSTANT = DateTime(timezone=True)
_NOW = func.now()

site = Table(
    "site",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("timezone", Text, nullable=False),
    Column(
        "currency",
        Text,
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso4217"),
        nullable=False,
    ),
    Column("latitude_deg", Float),
    Column("longitude_deg", Float),
    Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
)

tariff = Table(
    "tariff",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("valid_from", _INSTANT, nullable=False),
    Column("currency", Text, nullable=False),
    Column("price_solar_per_kwh", Numeric(12, 4), nullable=False),
    Column("price_grid_per_kwh", Numeric(12, 4), nullable=False),
    Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
    UniqueConstraint("site_id", "valid_from"),
    CheckConstraint("price_solar_per_kwh >= 0 AND price_grid_per_kwh >= 0", name="prices_not_negative"),
)

evse = Table(
    "evse",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("evse_uid", Text, nullable=False, unique=True),
    Column("site_id", ForeignKey("site.id"), nullable=False, index=True),
    Column("dialect", Text, nullable=False, server_default="native"),
    Column("vendor", Text),
    Column("model", Text),
    Column("firmware", Text),
    Column("max_power_w", Float),
    Column("is_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("is_online", Boolean, nullable=False, server_default=text("false")),
    Column("online_changed_at", _INSTANT),
    Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
)

# The newest of each connector, updated with every batch: HOT updates need free space in the page.
connector = Table(
    "connector",
    metadata,
    Column("evse_id", ForeignKey("evse.id"), primary_key=True, autoincrement=False),
    Column("connector_id", SmallInteger, primary_key=True, autoincrement=False),
    Column("ts", _INSTANT),
    Column("received_at", _INSTANT),
    Column("status", Text),
    Column("reported_status", Text),
    Column("power_w", Float),
    Column("voltage_v", Float),
    Column("current_a", Float),
    Column("temperature_c", Float),
    Column("soc_percent", Float),
    Column("energy_source", Text),
    Column("error_code", Text),
    Column("quality", SmallInteger, nullable=False, server_default=text("0")),
    Column("session_id", Uuid),
    Column("fold", JSONB),
    postgresql_with={"fillfactor": "50"},
)

# Partitioned by day (UTC). Status, source and event are small codes: see storage.codes.
reading = Table(
    "reading",
    metadata,
    Column("ts", _INSTANT, nullable=False),
    Column("received_at", _INSTANT, nullable=False),
    Column("device_ts", _INSTANT),
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
        Column("computed_at", _INSTANT, nullable=False),
    ]


# A quarter of an hour divides the days of every time zone: local statistics can be made from it.
reading_15min = Table(
    "reading_15min",
    metadata,
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", SmallInteger, nullable=False),
    Column("bucket_start", _INSTANT, nullable=False),
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

_QUEUE = {"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "1000"}
"""Rows come and go, and what matters is to sweep up behind them, however few there are at the time."""

# The buckets with readings that their rollup does not know yet; the key's order is that of the work.
rollup_due = Table(
    "rollup_due",
    metadata,
    Column("bucket_start", _INSTANT, nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", SmallInteger, nullable=False),
    PrimaryKeyConstraint("bucket_start", "evse_id", "connector_id"),
    postgresql_with=_QUEUE,
)

# The days (UTC) of which readings were dropped, and when: what was derived of them before stays as it is.
raw_dropped_day = Table(
    "raw_dropped_day",
    metadata,
    Column("day", Date, primary_key=True),
    Column("dropped_at", _INSTANT, nullable=False),
)

# Messages put aside, to be taken up again in the order of their ids.
parked_message = Table(
    "parked_message",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("evse_uid", Text, nullable=False),
    Column("received_at", _INSTANT, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("qos", SmallInteger, nullable=False),
    Column("retained", Boolean, nullable=False),
    Column("redelivered", Boolean, nullable=False),
    postgresql_with=_QUEUE,
)

charging_session = Table(
    "charging_session",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("evse_id", ForeignKey("evse.id"), nullable=False),
    Column("connector_id", SmallInteger, nullable=False),
    Column("device_session_id", Text),
    Column("id_token", Text),
    Column(
        "status",
        Text,
        CheckConstraint("status IN ('ACTIVE', 'COMPLETED')", name="status_is_ocpi"),
        nullable=False,
    ),
    Column("started_at", _INSTANT, nullable=False),
    Column("ended_at", _INSTANT),
    Column("end_reason", Text),
    Column("last_reading_at", _INSTANT, nullable=False),
    Column("reading_count", Integer, nullable=False),
    Column("energy_wh", BigInteger, nullable=False),
    Column("energy_solar_wh", BigInteger, nullable=False),
    Column("energy_grid_wh", BigInteger, nullable=False),
    Column("energy_unattributed_wh", BigInteger, nullable=False),
    Column("energy_method", Text, nullable=False),
    Column("peak_power_w", Float),
    Column("charging_s", Float, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    Column("tariff_id", ForeignKey("tariff.id"), nullable=False),
    Column("currency", Text, nullable=False),
    Column("cost", Numeric(14, 4), nullable=False),
    Column("fold", JSONB, nullable=False),
    Column("updated_at", _INSTANT, nullable=False, server_default=_NOW),
    CheckConstraint(
        "energy_wh = energy_solar_wh + energy_grid_wh + energy_unattributed_wh", name="energy_split_adds_up"
    ),
    CheckConstraint("ended_at IS NULL OR ended_at >= started_at", name="ends_after_start"),
    Index("ix_charging_session_connector_started", "evse_id", "connector_id", "started_at"),
    Index("ix_charging_session_started_id", "started_at", "id"),
    Index("ix_charging_session_id_token_started", "id_token", "started_at", "id"),  # a driver's own
    Index("ix_charging_session_active", "evse_id", postgresql_where=text("status = 'ACTIVE'")),
    postgresql_with={"fillfactor": "80"},  # a running session is rewritten with every batch
)

# Immutable: a trigger refuses all but INSERT. A correction is a credit and a new invoice (OCPI 2.2.1 CDRs).
bill = Table(
    "bill",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("session_id", Uuid, nullable=False),
    Column("revision", Integer, nullable=False),
    Column(
        "kind", Text, CheckConstraint("kind IN ('invoice', 'credit')", name="kind_is_known"), nullable=False
    ),
    Column("credits_bill_id", ForeignKey("bill.id"), unique=True),  # no bill is credited twice
    Column("evse_uid", Text, nullable=False),
    Column("connector_id", SmallInteger, nullable=False),
    Column("id_token", Text),
    Column("started_at", _INSTANT, nullable=False),
    Column("ended_at", _INSTANT, nullable=False),
    Column("energy_solar_wh", BigInteger, nullable=False),
    Column("energy_grid_wh", BigInteger, nullable=False),
    Column("energy_unattributed_wh", BigInteger, nullable=False),
    Column("tariff_id", ForeignKey("tariff.id"), nullable=False),
    Column("price_solar_per_kwh", Numeric(12, 4), nullable=False),
    Column("price_grid_per_kwh", Numeric(12, 4), nullable=False),
    Column("currency", Text, nullable=False),
    Column("total", Numeric(14, 4), nullable=False),
    Column("issued_at", _INSTANT, nullable=False, server_default=_NOW),
    UniqueConstraint("session_id", "revision"),
    CheckConstraint("(kind = 'credit') = (credits_bill_id IS NOT NULL)", name="credit_says_of_what"),
    CheckConstraint("CASE kind WHEN 'credit' THEN total <= 0 ELSE total >= 0 END", name="sign_fits_kind"),
)

station_event = Table(
    "station_event",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("evse_id", ForeignKey("evse.id"), nullable=False),
    Column("connector_id", SmallInteger),
    Column("ts", _INSTANT, nullable=False),
    Column("kind", Text, nullable=False),
    Column("detail", Text),
    Index("ix_station_event_evse_ts", "evse_id", "ts"),
)

rejected_message = Table(
    "rejected_message",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("received_at", _INSTANT, nullable=False),
    Column("topic", Text, nullable=False),
    Column("reason", Text, nullable=False, index=True),
    Column("field", Text),
    Column("detail", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("payload_size_bytes", Integer, nullable=False),
)

app_user = Table(
    "app_user",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("username", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column(
        "role",
        Text,
        CheckConstraint("role IN ('admin', 'operator', 'user', 'guest')", name="role_is_known"),
        nullable=False,
    ),
    Column("id_token", Text, unique=True),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("created_at", _INSTANT, nullable=False, server_default=_NOW),
)

live_ticket = Table(
    "live_ticket",
    metadata,
    Column("ticket_hash", LargeBinary, primary_key=True),
    Column("user_id", ForeignKey("app_user.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
)
