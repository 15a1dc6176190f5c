"""Who may use the API, how they prove it, and what they did."""

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
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from solarrally.storage.tables.common import INSTANT, NOW, metadata

# The permissions of the built-in ones (admin, operator, user, guest) are the code's, and null here.
role = Table(
    "role",
    metadata,
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False, server_default=text("''")),
    Column("permissions", ARRAY(Text)),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
)

app_user = Table(
    "app_user",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("username", Text, nullable=False, unique=True),
    Column("email", Text, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("password_changed_at", INSTANT, nullable=False, server_default=NOW),
    Column("role", ForeignKey("role.name"), nullable=False),
    Column("id_token", Text, unique=True),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
)

# A login, until it ends: the family of its refresh tokens.
login_session = Table(
    "login_session",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("app_user.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Column("last_used_at", INSTANT, nullable=False, server_default=NOW),
    Column("expires_at", INSTANT, nullable=False),
    Column("address", Text),
    Column("user_agent", Text),
    Column("ended_at", INSTANT),
    Column("end_reason", Text),
    Index("ix_login_session_user", "user_id", "created_at", "id"),
)

# Good once. Those used are kept until they expire: one that comes again was stolen from somebody.
refresh_token = Table(
    "refresh_token",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("login_id", ForeignKey("login_session.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Column("expires_at", INSTANT, nullable=False),
    Column("used_at", INSTANT),
    Column("replaced_by_hash", LargeBinary),
    Column("retried_at", INSTANT),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("user_id", ForeignKey("app_user.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Column("expires_at", INSTANT, nullable=False),
    Column("last_used_at", INSTANT),
    Column("revoked_at", INSTANT),
)

# Sent by mail, good once: an invitation, or the reset of a password.
mailed_token = Table(
    "mailed_token",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column(
        "kind",
        Text,
        CheckConstraint("kind IN ('invitation', 'password_reset')", name="kind_is_known"),
        nullable=False,
    ),
    Column("user_id", ForeignKey("app_user.id", ondelete="CASCADE"), index=True),
    Column("email", Text, nullable=False),
    Column("role", ForeignKey("role.name")),
    Column("id_token", Text),
    Column("created_by_user_id", ForeignKey("app_user.id", ondelete="SET NULL")),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Column("expires_at", INSTANT, nullable=False),
    Column("used_at", INSTANT),
)

live_ticket = Table(
    "live_ticket",
    metadata,
    Column("ticket_hash", LargeBinary, primary_key=True),
    Column("user_id", ForeignKey("app_user.id", ondelete="CASCADE"), nullable=False),
    Column("login_id", ForeignKey("login_session.id", ondelete="CASCADE")),
    Column("expires_at", INSTANT, nullable=False),
)

# Append-only: a trigger refuses all but INSERT. No foreign keys: it outlives what it speaks of.
audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False, server_default=NOW),
    Column("actor_user_id", Integer),
    Column("actor_name", Text, nullable=False),
    Column("actor_api_key_id", Integer),
    Column("address", Text),
    Column("request_id", Text),
    Column("action", Text, nullable=False),
    Column("object_type", Text, nullable=False),
    Column("object_id", Text),
    Column(
        "outcome",
        Text,
        CheckConstraint("outcome IN ('done', 'refused')", name="outcome_is_known"),
        nullable=False,
    ),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("detail", Text),
    Index("ix_audit_log_at", "at", "id"),
    Index("ix_audit_log_refused", "at", "id", postgresql_where=text("outcome = 'refused'")),
    Index("ix_audit_log_action", "action", "at", "id"),
    Index("ix_audit_log_actor_name", "actor_name", "at", "id"),
    Index("ix_audit_log_object", "object_type", "object_id", "at", "id"),
    Index("ix_audit_log_actor", "actor_user_id", "at", "id"),
)
