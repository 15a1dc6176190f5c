"""Whether a run counts: everything that was published is stored once, and every counter adds up."""

from __future__ import annotations

import time

from tests.benchmarks._stack import Failed, Stack, query
from tests.support.ingestor import IngestorProcess

SETTLE_TIMEOUT_S = 60.0
QUIET_S = 1.5
"""Sessions and connectors are written a moment after their readings."""

_MUST_BE_ZERO = (
    "solarrally_readings_duplicate_total",
    "solarrally_readings_late_total",
    "solarrally_readings_implausible_total",
    "solarrally_readings_distrusted_clock_total",
    "solarrally_reading_conflicts_unexplained_total",
    "solarrally_unknown_fields_total",
    "solarrally_batch_retries_total",
    "solarrally_broker_reconnects_total",
)


def committed(counters: dict[str, float]) -> int:
    """Messages that were stored, committed and acknowledged."""
    return int(counters.get('solarrally_messages_total{fate="stored"}', 0))


def wait_committed(ingestor: IngestorProcess, count: int, timeout_s: float = SETTLE_TIMEOUT_S) -> None:
    """Return when that many messages are committed. Raises `Failed` when nothing moves for that long."""
    newest, moved_at_s = -1, time.monotonic()
    while newest < count:
        now = committed(ingestor.counters())
        if now > newest:
            newest, moved_at_s = now, time.monotonic()
        elif time.monotonic() - moved_at_s > timeout_s:
            raise Failed(f"{count} messages were published, {newest} are committed and no more come")
        time.sleep(0.05)


def verify(
    stack: Stack, ingestor: IngestorProcess, *, published: int, stations: int, sessions: int | None = None
) -> None:
    """Raises `Failed` with all that is wrong. Without `sessions` every station must have one."""
    expected_sessions = stations if sessions is None else sessions
    time.sleep(QUIET_S)
    counters = ingestor.counters()
    row = query(
        stack.postgres.dsn,
        "SELECT (SELECT count(*) FROM reading) AS readings,"
        " (SELECT count(*) FROM charging_session) AS sessions,"
        " (SELECT coalesce(sum(reading_count), 0) FROM charging_session)::bigint AS session_readings,"
        " (SELECT count(*) FROM evse) AS stations",
    )[0]
    wrong = []
    for what, found, expected in (
        ("readings stored", row["readings"], published),
        ("sessions", row["sessions"], expected_sessions),
        ("stations", row["stations"], stations),
        ("messages with the fate `stored`", committed(counters), published),
    ):
        if found != expected:
            wrong.append(f"{what}: {found}, expected {expected}")
    if sessions is None and row["session_readings"] != published:
        wrong.append(f"readings of sessions: {row['session_readings']}, expected {published}")
    wrong += [
        f"{name}: {counters.get(name)}, expected 0" for name in _MUST_BE_ZERO if counters.get(name) != 0
    ]
    delivered, formed, parked, unparked = (
        counters.get(f"solarrally_messages_{name}_total", 0.0)
        for name in ("delivered", "formed", "parked", "unparked")
    )
    fates = sum(value for name, value in counters.items() if name.startswith("solarrally_messages_total{"))
    if delivered + formed + unparked != fates + parked:
        wrong.append(
            f"{delivered:g} delivered + {formed:g} formed + {unparked:g} unparked, "
            f"but {fates:g} fates + {parked:g} parked"
        )
    if wrong:
        raise Failed("; ".join(wrong))
