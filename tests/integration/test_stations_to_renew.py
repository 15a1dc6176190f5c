"""Who is about to be unable to connect: counted for the alert, station by station."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from solarrally.storage.rollups import RollupRules
from solarrally.storage.store import PostgresStore

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SOON, LATER, PAST = NOW + timedelta(days=10), NOW + timedelta(days=300), NOW - timedelta(days=1)
RULES = RollupRules(
    silence_timeout_s=1800, gap_cap_s=300, charging_threshold_w=100, default_max_power_w=500_000
)


@pytest.mark.parametrize(
    ("credentials", "count"),
    [
        ([], 0),  # a station of which we know no credential is the broker's business
        ([("certificate", SOON, False)], 1),
        ([("certificate", LATER, False)], 0),
        ([("certificate", SOON, False), ("certificate", LATER, False)], 0),  # its successor is there
        ([("certificate", SOON, False), ("certificate", LATER, True)], 1),  # and was revoked
        ([("certificate", SOON, False), ("password", None, False)], 0),
        ([("certificate", PAST, False)], 0),  # it is too late, and its silence an alert of its own
        ([("aws_iot", SOON, False)], 1),
    ],
)
async def test_a_station_counts_when_nothing_it_has_lasts(
    database_url: str,
    connection: asyncpg.Connection,
    credentials: list[tuple[str, datetime | None, bool]],
    count: int,
) -> None:
    await connection.execute(
        "INSERT INTO site (name, timezone, currency) VALUES ('Depot', 'UTC', 'JMD');"
        "INSERT INTO evse (evse_uid, site_id) VALUES ('CP-1', 1), ('CP-2', 1)"
    )
    for number, (kind, not_after, is_revoked) in enumerate(credentials):
        await connection.execute(
            "INSERT INTO evse_credential (evse_id, kind, reference, not_after, created_by, revoked_at) "
            "VALUES (1, $1, $2, $3, 'test', CASE WHEN $4 THEN now() END)",
            kind,
            str(number),
            not_after,
            is_revoked,
        )
    store = PostgresStore(database_url, site_name="Depot", rollup_rules=RULES)
    try:
        assert await store.count_stations_to_renew(NOW, NOW + timedelta(days=30)) == count
    finally:
        await store.close()
