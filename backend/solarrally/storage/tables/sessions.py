"""Charging sessions, their immutable bills, and what happened to stations."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from solarrally.storage.tables.common import INSTANT, NOW, metadata

charging_session = Table(
    "charging_session",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("evse_id", ForeignKey("evse.id"), nullable=False),
    Column("site_id", ForeignKey("site.id"), nullable=False),  # where the EVSE stood when it started
    Column("connector_id", SmallInteger, nullable=False),
    Column("device_session_id", Text),
    Column("id_token", Text),
    Column(
        "status",
        Text,
        CheckConstraint("status IN ('ACTIVE', 'COMPLETED')", name="status_is_ocpi"),
        nullable=False,
    ),
    Column("started_at", INSTANT, nullable=False),
    Column("ended_at", INSTANT),
    Column("end_reason", Text),
    Column("last_reading_at", INSTANT, nullable=False),
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
    Column("updated_at", INSTANT, nullable=False, server_default=NOW),
    # updated_at of a completed one, set by a trigger. An index on updated_at itself would have every index of
    # a running session written anew with each batch.
    Column("settled_at", INSTANT),
    CheckConstraint(
        "energy_wh = energy_solar_wh + energy_grid_wh + energy_unattributed_wh", name="energy_split_adds_up"
    ),
    CheckConstraint("ended_at IS NULL OR ended_at >= started_at", name="ends_after_start"),
    Index("ix_charging_session_connector_started", "evse_id", "connector_id", "started_at"),
    Index("ix_charging_session_started_id", "started_at", "id"),
    Index("ix_charging_session_id_token_started", "id_token", "started_at", "id"),  # a driver's own
    Index("ix_charging_session_site_started", "site_id", "started_at", "id"),
    Index("ix_charging_session_evse_started", "evse_id", "started_at", "id"),
    Index("ix_charging_session_device_session", "device_session_id", "started_at", "id"),
    Index(
        "ix_charging_session_settled_id", "settled_at", "id", postgresql_where=text("settled_at IS NOT NULL")
    ),
    Index("ix_charging_session_active", "evse_id", postgresql_where=text("status = 'ACTIVE'")),
    Index("ix_charging_session_active_started", "started_at", postgresql_where=text("status = 'ACTIVE'")),
    Index(  # domain.alert.DOUBTFUL_ENERGY
        "ix_charging_session_doubtful", "ended_at", postgresql_where=text("(quality & 73) <> 0")
    ),
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
    Column("started_at", INSTANT, nullable=False),
    Column("ended_at", INSTANT, nullable=False),
    Column("energy_solar_wh", BigInteger, nullable=False),
    Column("energy_grid_wh", BigInteger, nullable=False),
    Column("energy_unattributed_wh", BigInteger, nullable=False),
    Column("tariff_id", ForeignKey("tariff.id"), nullable=False),
    Column("price_solar_per_kwh", Numeric(12, 4), nullable=False),
    Column("price_grid_per_kwh", Numeric(12, 4), nullable=False),
    Column("currency", Text, nullable=False),
    Column("total", Numeric(14, 4), nullable=False),  # without VAT
    Column("vat_percent", Numeric(5, 2), nullable=False, server_default=text("0")),
    Column("vat", Numeric(14, 4), nullable=False, server_default=text("0")),
    Column("lines", JSONB, nullable=False, server_default=text("'[]'")),  # energy and cost by price
    Column("issuer", JSONB, nullable=False, server_default=text("'{}'")),  # site and operator as they were
    Column("issued_at", INSTANT, nullable=False, server_default=NOW),
    UniqueConstraint("session_id", "revision"),
    Index("ix_bill_issued_id", "issued_at", "id"),
    Index("ix_bill_id_token_issued", "id_token", "issued_at", "id"),  # a driver's own
    Index("ix_bill_evse_issued", "evse_uid", "issued_at", "id"),
    CheckConstraint("(kind = 'credit') = (credits_bill_id IS NOT NULL)", name="credit_says_of_what"),
    CheckConstraint("CASE kind WHEN 'credit' THEN total <= 0 ELSE total >= 0 END", name="sign_fits_kind"),
)

station_event = Table(
    "station_event",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("evse_id", ForeignKey("evse.id"), nullable=False),
    Column("connector_id", SmallInteger),
    Column("ts", INSTANT, nullable=False),
    Column("kind", Text, nullable=False),
    Column("detail", Text),
    Index("ix_station_event_evse_ts_id", "evse_id", "ts", "id"),
)
