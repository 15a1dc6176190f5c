"""What needs somebody's attention, from the moment it was seen until it is over."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from solarrally.storage.tables.common import INSTANT, metadata

alert = Table(
    "alert",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("evse_id", ForeignKey("evse.id"), nullable=False),
    Column("connector_id", SmallInteger),
    Column("session_id", Uuid),
    Column("kind", Text, nullable=False),
    Column(
        "severity",
        Text,
        CheckConstraint("severity IN ('critical', 'warning', 'info')", name="severity_is_known"),
        nullable=False,
    ),
    Column("detail", Text),
    Column("opened_at", INSTANT, nullable=False),
    Column("last_seen_at", INSTANT, nullable=False),
    Column("acknowledged_at", INSTANT),
    Column("acknowledged_by", Text),
    Column("resolved_at", INSTANT),
    Column("resolved_by", Text),
    Column("note", Text),
    Index(
        "uq_alert_open",
        "evse_id",
        text("coalesce(connector_id, -1)"),
        "kind",
        unique=True,
        postgresql_where=text("resolved_at IS NULL"),
    ),
    Index("ix_alert_opened_id", "opened_at", "id"),
    Index("ix_alert_evse_opened", "evse_id", "opened_at", "id"),
)
