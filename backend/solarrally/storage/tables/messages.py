"""Messages put aside, and those that could not be used."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
)

from solarrally.storage.tables.common import INSTANT, QUEUE, metadata

# Messages put aside, to be taken up again in the order of their ids.
parked_message = Table(
    "parked_message",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("evse_uid", Text, nullable=False),
    Column("received_at", INSTANT, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("qos", SmallInteger, nullable=False),
    Column("retained", Boolean, nullable=False),
    Column("redelivered", Boolean, nullable=False),
    Column("import_id", Uuid),  # of an uploaded log, if it comes from one
    postgresql_with=QUEUE,
)

rejected_message = Table(
    "rejected_message",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("received_at", INSTANT, nullable=False),
    Column("topic", Text, nullable=False),
    Column("reason", Text, nullable=False, index=True),
    Column("field", Text),
    Column("detail", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("payload_size_bytes", Integer, nullable=False),
)
