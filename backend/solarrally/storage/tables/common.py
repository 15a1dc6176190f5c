"""What all tables have in common: one metadata, one way of naming constraints."""

from __future__ import annotations

from typing import Final

from sqlalchemy import DateTime, MetaData, func

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

INSTANT: Final = DateTime(timezone=True)
NOW: Final = func.now()
QUEUE: Final = {"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "1000"}
"""Storage of a queue: rows come and go, and what matters is to sweep up behind them, however few there are at
the time.
"""
