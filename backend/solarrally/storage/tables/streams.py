"""How far each shard of a stream has been taken in: written in the transaction that holds its readings."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table, Text, text

from solarrally.storage.tables.common import INSTANT, NOW, metadata

stream_checkpoint = Table(
    "stream_checkpoint",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("shard_id", Text, primary_key=True),
    Column("sequence_number", Text),  # of the last record taken in; null before the first
    Column("is_finished", Boolean, nullable=False, server_default=text("false")),  # closed and read
    Column("updated_at", INSTANT, nullable=False, server_default=NOW),
)
