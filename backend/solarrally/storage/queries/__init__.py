"""The read side: one file per question, SQLAlchemy Core in, plain frozen values out."""

from __future__ import annotations

from solarrally.storage.queries.bills import BillRow, bills_of
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.evses import ConnectorRow, EvseFilter, EvseRow, evse_of, list_evses
from solarrally.storage.queries.liveness import ping
from solarrally.storage.queries.readings import ReadingPosition, ReadingRow, readings_of
from solarrally.storage.queries.rejected import RejectedRow, list_rejected
from solarrally.storage.queries.sessions import (
    SessionFilter,
    SessionPosition,
    SessionRow,
    SessionScope,
    list_sessions,
    session_of,
)
from solarrally.storage.queries.snapshot import load_snapshot

__all__ = [
    "BillRow",
    "ConnectorRow",
    "EvseFilter",
    "EvseRow",
    "ReadingPosition",
    "ReadingRow",
    "RejectedRow",
    "SessionFilter",
    "SessionPosition",
    "SessionRow",
    "SessionScope",
    "bills_of",
    "connected",
    "evse_of",
    "list_evses",
    "list_rejected",
    "list_sessions",
    "load_snapshot",
    "ping",
    "readings_of",
    "session_of",
]
