"""The read side: one file per question, SQLAlchemy Core in, plain frozen values out."""

from __future__ import annotations

from solarrally.storage.queries.bills import BillRow, bills_of
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.evses import (
    EVSE_ORDERS,
    ConnectorRow,
    EvseFilter,
    EvseRow,
    evse_of,
    list_evses,
)
from solarrally.storage.queries.liveness import ping
from solarrally.storage.queries.readings import READING_ORDERS, ReadingRow, readings_of
from solarrally.storage.queries.rejected import REJECTED_ORDERS, RejectedRow, list_rejected
from solarrally.storage.queries.sessions import (
    SESSION_ORDERS,
    SessionFilter,
    SessionRow,
    SessionScope,
    list_sessions,
    session_of,
)
from solarrally.storage.queries.snapshot import load_snapshot
from solarrally.storage.queries.window import Order, Window

__all__ = [
    "EVSE_ORDERS",
    "READING_ORDERS",
    "REJECTED_ORDERS",
    "SESSION_ORDERS",
    "BillRow",
    "ConnectorRow",
    "EvseFilter",
    "EvseRow",
    "Order",
    "ReadingRow",
    "RejectedRow",
    "SessionFilter",
    "SessionRow",
    "SessionScope",
    "Window",
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
