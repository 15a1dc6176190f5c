"""How often an ingestor has begun to lead: tells the one that lost its connection whether another did."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Table, text

from solarrally.storage.tables.common import metadata

ingest_lead = Table(
    "ingest_lead",
    metadata,
    Column("is_only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("term", BigInteger, nullable=False, server_default=text("1")),
    CheckConstraint("is_only_row", name="only_row"),
)
