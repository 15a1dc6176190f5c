"""REAL columns hold seven significant digits; read as doubles they show digits nobody measured."""

from __future__ import annotations


def real(value: float | None) -> float | None:
    """The value of a REAL column as it was written: 230.1, not 230.10000610351562."""
    return None if value is None else float(f"{value:.7g}")
