"""Who may use the API, and how they prove it."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from solarrally.storage.tables.common import INSTANT, NOW, metadata

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
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
)

live_ticket = Table(
    "live_ticket",
    metadata,
    Column("ticket_hash", LargeBinary, primary_key=True),
    Column("user_id", ForeignKey("app_user.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", INSTANT, nullable=False),
)
