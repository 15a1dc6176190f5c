"""What needs somebody's attention, from the moment it was seen until it is over."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
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
    Column("ended_at", INSTANT),  # when what it is about was over; null while it lasts, resolved or not
    Column("occurrence_count", Integer, nullable=False, server_default=text("1")),
    Column("acknowledged_at", INSTANT),
    Column("acknowledged_by", Text),
    Column("resolved_at", INSTANT),
    Column("resolved_by", Text),
    Column("note", Text),
    CheckConstraint("ended_at IS NULL OR ended_at >= opened_at", name="ends_after_opening"),
    CheckConstraint("ended_at IS NULL OR resolved_at IS NOT NULL", name="what_is_over_is_resolved"),
    Index(
        "uq_alert_lasting",
        "evse_id",
        text("coalesce(connector_id, -1)"),
        "kind",
        text("coalesce(session_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
        unique=True,
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("ix_alert_unresolved_opened", "opened_at", "id", postgresql_where=text("resolved_at IS NULL")),
    Index("ix_alert_opened_id", "opened_at", "id"),
    Index("ix_alert_evse_opened", "evse_id", "opened_at", "id"),
)

# One row: how far the events of stations were searched for faults that came and went between two reviews.
alert_review = Table(
    "alert_review",
    metadata,
    Column(
        "is_only_row",
        Boolean,
        CheckConstraint("is_only_row", name="has_one_row"),
        primary_key=True,
        server_default=text("true"),
    ),
    Column("last_event_id", BigInteger, nullable=False),
)
