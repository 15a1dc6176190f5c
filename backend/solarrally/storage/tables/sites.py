"""Sites with their tariffs, EVSEs, and the newest of each connector."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
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
    Column("address", Text),
    Column("city", Text),
    Column("postal_code", Text),
    Column(
        "country",
        Text,
        CheckConstraint("country ~ '^[A-Z]{3}$'", name="country_is_iso3166_alpha3"),
    ),
    Column("operator_name", Text),  # who issues the bills
    Column("operator_tax_id", Text),
    Column("latitude_deg", Float),
    Column("longitude_deg", Float),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
)

tariff = Table(
    "tariff",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("valid_from", INSTANT, nullable=False),
    Column("currency", Text, nullable=False),
    Column("price_solar_per_kwh", Numeric(12, 4), nullable=False),
    Column("price_grid_per_kwh", Numeric(12, 4), nullable=False),
    Column("vat_percent", Numeric(5, 2), nullable=False, server_default=text("0")),
    Column("elements", JSONB, nullable=False, server_default=text("'[]'")),  # prices by time of day
    Column("timezone", Text),  # whose clocks the elements go by; the site's where it is null
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    UniqueConstraint("site_id", "valid_from"),
    CheckConstraint("price_solar_per_kwh >= 0 AND price_grid_per_kwh >= 0", name="prices_not_negative"),
    CheckConstraint("vat_percent >= 0 AND vat_percent <= 100", name="vat_is_a_percentage"),
    Index("ix_tariff_valid_from_id", "valid_from", "id"),
)

evse = Table(
    "evse",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("evse_uid", Text, nullable=False, unique=True),
    Column("site_id", ForeignKey("site.id"), nullable=False, index=True),
    Column("dialect", Text, nullable=False, server_default="native"),
    Column("base_topic", Text, unique=True),  # where it publishes, when that is not what its dialect expects
    Column("vendor", Text),
    Column("model", Text),
    Column("firmware", Text),
    Column("max_power_w", Float),
    Column("name", Text),
    Column("credentials_ref", Text),  # such as the fingerprint of its certificate
    Column("is_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("is_online", Boolean, nullable=False, server_default=text("false")),
    Column("online_changed_at", INSTANT),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Column("edited_at", INSTANT),  # by somebody; the ingestor then loads it again
    Index("ix_evse_edited", "edited_at", postgresql_where=text("edited_at IS NOT NULL")),
)

# Where an EVSE stood before: its sessions of that time keep the site, and so its tariff.
evse_move = Table(
    "evse_move",
    metadata,
    Column("evse_id", ForeignKey("evse.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("moved_at", INSTANT, primary_key=True),
    Column("from_site_id", ForeignKey("site.id"), nullable=False),
)

# The newest of each connector, updated with every batch: HOT updates need free space in the page.
connector = Table(
    "connector",
    metadata,
    Column("evse_id", ForeignKey("evse.id"), primary_key=True, autoincrement=False),
    Column("connector_id", SmallInteger, primary_key=True, autoincrement=False),
    Column("ts", INSTANT),
    Column("received_at", INSTANT),
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
    Column("standard", Text),  # OCPI 2.2.1 ConnectorType, ConnectorFormat and PowerType
    Column("format", Text),
    Column("power_type", Text),
    postgresql_with={"fillfactor": "50"},
)
