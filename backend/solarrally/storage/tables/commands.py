"""Commands to stations: an outbox that the ingestor publishes from, and what became of each."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from solarrally.storage.tables.common import INSTANT, NOW, metadata

command = Table(
    "command",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("evse_id", ForeignKey("evse.id"), nullable=False),
    Column("connector_id", SmallInteger),
    Column("command", Text, nullable=False),
    Column("params", JSONB, nullable=False),
    Column(
        "status",
        Text,
        CheckConstraint(
            "status IN ('pending', 'sent', 'accepted', 'completed', 'rejected', 'failed', 'timed_out',"
            " 'expired', 'cancelled')",
            name="status_is_known",
        ),
        nullable=False,
    ),
    Column("detail", Text),
    Column("requested_by", Text, nullable=False),
    Column("requested_by_user_id", ForeignKey("app_user.id", ondelete="SET NULL")),
    Column("idempotency_scope", Text),  # whose key it is: `user:7`, or `api_key:3`
    Column("idempotency_key", Text),
    Column("request_digest", Text),  # of what was asked for under that key
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Column("expires_at", INSTANT, nullable=False),
    Column("tried_at", INSTANT),  # taken to be given to the broker: from here on it may be there
    Column("sent_at", INSTANT),  # the broker has said that it has it
    Column("answered_at", INSTANT),
    Column("finished_at", INSTANT),
    UniqueConstraint("idempotency_scope", "idempotency_key"),
    CheckConstraint(
        "(finished_at IS NULL) = (status IN ('pending', 'sent', 'accepted'))", name="is_finished_or_open"
    ),
    Index("ix_command_created_id", "created_at", "id"),
    Index("ix_command_evse_created", "evse_id", "created_at", "id"),
    Index("ix_command_user_created", "requested_by_user_id", "created_at", "id"),
    Index("ix_command_unfinished", "evse_id", "created_at", postgresql_where=text("finished_at IS NULL")),
)
