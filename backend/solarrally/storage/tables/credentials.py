"""What stations prove their identity with: never a secret, only what tells one credential from another."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    UniqueConstraint,
)

from solarrally.storage.tables.common import INSTANT, NOW, metadata

evse_credential = Table(
    "evse_credential",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("evse_id", ForeignKey("evse.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    # SHA-256 of a certificate, the user name that a password belongs to, or the certificate id at AWS IoT
    Column("reference", Text, nullable=False),
    Column("serial_hex", Text),  # of the certificate, as revocation lists name it
    Column("not_before", INSTANT),
    Column("not_after", INSTANT),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Column("created_by", Text, nullable=False),
    Column("revoked_at", INSTANT),
    Column("revoked_by", Text),
    UniqueConstraint("kind", "reference"),
    CheckConstraint("kind IN ('certificate', 'password', 'aws_iot')", name="kind_is_known"),
    Index("ix_evse_credential_evse_id", "evse_id"),
)
