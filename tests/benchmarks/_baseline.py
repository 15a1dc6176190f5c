"""The baseline: the ingestion most projects begin with, and many keep.

aiomqtt hands over a message that is acknowledged already, pydantic checks it, one SQLAlchemy ORM object is
added and committed, then the next. No sessions, no rollups, no duplicates found, nothing told to watchers.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import datetime

import aiomqtt
from pydantic import BaseModel
from sqlalchemy import BigInteger, DateTime, Identity
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from solarrally.brokers.address import parse_address
from solarrally.storage.engine import sqlalchemy_url


class Base(DeclarativeBase):
    """The tables of the baseline."""


class NaiveReading(Base):
    """One message, one row."""

    __tablename__ = "naive_reading"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    evse_uid: Mapped[str] = mapped_column(index=True)
    ts: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    session_id: Mapped[str | None]
    status: Mapped[str | None]
    energy_source: Mapped[str | None]
    power_w: Mapped[float | None]
    voltage_v: Mapped[float | None]
    current_a: Mapped[float | None]
    session_total_energy_kwh: Mapped[float | None]
    session_energy_kwh_solar: Mapped[float | None]
    session_energy_kwh_grid: Mapped[float | None]
    temperature_c: Mapped[float | None]
    seq: Mapped[int | None]


class Telemetry(BaseModel):
    """The payload, as far as the baseline cares."""

    timestamp: datetime
    session_id: str | None = None
    status: str | None = None
    energy_source: str | None = None
    power_w: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    session_total_energy_kwh: float | None = None
    session_energy_kwh_solar: float | None = None
    session_energy_kwh_grid: float | None = None
    temperature_c: float | None = None
    seq: int | None = None


async def ingest(dsn: str, mqtt_url: str, count: int) -> None:
    """Store that many messages, then say how long it took from the first message to the last commit."""
    engine = create_async_engine(sqlalchemy_url(dsn))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    new_session = async_sessionmaker(engine, expire_on_commit=False)
    address = parse_address(mqtt_url)
    started_s = 0.0
    stored = 0
    async with aiomqtt.Client(
        address.host, address.port, username=address.username, password=address.password
    ) as client:
        await client.subscribe("evse/+/telemetry", qos=1)
        sys.stdout.write("{}\n")
        sys.stdout.flush()
        async for message in client.messages:
            started_s = started_s or time.monotonic()
            body = Telemetry.model_validate_json(bytes(message.payload))
            fields = body.model_dump(exclude={"timestamp"})
            async with new_session() as session:
                session.add(
                    NaiveReading(evse_uid=str(message.topic).split("/")[1], ts=body.timestamp, **fields)
                )
                await session.commit()
            stored += 1
            if stored == count:
                break
    took_s = time.monotonic() - started_s
    await engine.dispose()
    sys.stdout.write(json.dumps({"stored": stored, "took_s": took_s}) + "\n")


if __name__ == "__main__":
    asyncio.run(ingest(sys.argv[1], sys.argv[2], int(sys.argv[3])))
