"""Whose stations a statement may touch: all, or those whose messages are in one shard of a stream."""

from __future__ import annotations

from dataclasses import dataclass

from solarrally.domain.stream import HashRange


@dataclass(slots=True, frozen=True)
class Scope:
    """Conditions in SQL, and the parameters they need. Without a range of hashes: every station."""

    hashes: HashRange | None = None

    def holds(self, uid_column: str, place: int) -> str:
        """Whether a station is in it, by its id; `values` are the parameters from `$place` on."""
        if self.hashes is None:
            return "true"
        return f"decode(md5({uid_column}), 'hex') BETWEEN ${place}::bytea AND ${place + 1}::bytea"

    def holds_number(self, evse_id_column: str, place: int) -> str:
        """The same by its number in the database."""
        if self.hashes is None:
            return "true"
        is_held = self.holds("evse.evse_uid", place)
        return f"EXISTS (SELECT FROM evse WHERE evse.id = {evse_id_column} AND {is_held})"

    @property
    def values(self) -> tuple[bytes, ...]:
        return () if self.hashes is None else self.hashes.as_bytes()
