"""What imports may cost, and who reads them."""

from __future__ import annotations

from dataclasses import dataclass

from solarrally.domain.offline_log import OpenOfflineLog


@dataclass(slots=True, frozen=True, kw_only=True)
class ImportRules:
    """Options of imports."""

    open_log: OpenOfflineLog | None = None
    """Reads a log; without it there are no imports (501)."""
    max_bytes: int = 256 * 2**20
    """Of one log, unpacked."""
    patience_s: float = 30.0
    """A body may take so long, and as much longer as its size takes at `slowest_bytes_per_s`."""
    slowest_bytes_per_s: int = 16_384
    topic_root: str = "evse"
