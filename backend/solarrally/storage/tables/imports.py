"""Offline logs of devices that were uploaded, and how much of each has been taken in."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from solarrally.storage.tables.common import INSTANT, NOW, metadata

import_job = Table(
    "import_job",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("evse_id", ForeignKey("evse.id"), nullable=False),
    Column("connector_id", SmallInteger),
    Column("file_name", Text),
    Column("sha256", Text, nullable=False),
    Column(
        "status",
        Text,
        CheckConstraint("status IN ('queued', 'completed')", name="status_is_known"),
        nullable=False,
    ),
    Column("created_by", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Column("completed_at", INSTANT),
    Column("size_bytes", BigInteger, nullable=False),
    Column("line_count", BigInteger, nullable=False),
    Column("stored_count", BigInteger, nullable=False),
    Column("duplicate_count", BigInteger, nullable=False),
    Column("rejected_count", BigInteger, nullable=False),
    Column("rejected_lines", JSONB, nullable=False, server_default=text("'[]'")),  # the first of them
    CheckConstraint(
        "stored_count + duplicate_count + rejected_count <= line_count", name="no_line_is_counted_twice"
    ),
    Index("ix_import_job_created_id", "created_at", "id"),
    Index("uq_import_job_file", "evse_id", text("coalesce(connector_id, -1)"), "sha256", unique=True),
)
