"""A database filled by SQL alone: as many stations, sessions, readings and rollups as a question needs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

import asyncpg

from solarrally.storage.partitions import ensure_partitions

SITES: Final = 20
DRIVERS: Final = 20_000
END: Final = datetime(2026, 11, 21, tzinfo=UTC)
"""Midnight after the last day."""
READING_EVERY_S: Final = 30


async def fill_stations(connection: asyncpg.Connection, count: int) -> None:
    """Sites, stations and connectors. Site 1 has half of the stations, the last one has 5."""
    await connection.execute(
        f"""
        INSERT INTO site (name, timezone, currency)
        SELECT 'Site ' || n, 'America/Jamaica', 'JMD' FROM generate_series(2, {SITES}) AS n;
        INSERT INTO tariff (site_id, valid_from, currency, price_solar_per_kwh, price_grid_per_kwh)
        SELECT id, '1970-01-01Z', 'JMD', 10, 50 FROM site
        WHERE id > 1;  -- `migrate` made the first
        INSERT INTO evse (evse_uid, site_id, is_online)
        SELECT 'CP-' || to_char(n, 'FM000000'),
               CASE WHEN n <= 5 THEN {SITES} WHEN n % 2 = 0 THEN 1 ELSE 2 + n / 2 % {SITES - 2} END,
               n % 10 > 0
        FROM generate_series(1, {count}) AS n;
        INSERT INTO connector
            (evse_id, connector_id, ts, received_at, status, reported_status, power_w, voltage_v, current_a,
             temperature_c, energy_source)
        SELECT id, 1, now(), now(), 'charging', 'charging', 7200, 230, 31.3, 34.5, 'solar' FROM evse;
        """
    )


async def fill_sessions(connection: asyncpg.Connection, first: int, last: int, stations: int) -> None:
    """Sessions number `first` to `last`, spread over two years; the newest of each tenth station runs."""
    await connection.execute(
        f"""
        INSERT INTO charging_session
            (id, evse_id, site_id, connector_id, device_session_id, id_token, status, started_at, ended_at,
             end_reason, last_reading_at, reading_count, energy_wh, energy_solar_wh, energy_grid_wh,
             energy_unattributed_wh, energy_method, peak_power_w, charging_s, quality, tariff_id, currency,
             cost, fold, updated_at, settled_at)
        SELECT md5(n::text)::uuid, e.id, e.site_id, 1, 's' || n, 'token-' || n * 7919 % {DRIVERS},
               CASE WHEN is_running THEN 'ACTIVE' ELSE 'COMPLETED' END, started_at,
               CASE WHEN NOT is_running THEN ended_at END, CASE WHEN NOT is_running THEN 'EVDisconnected' END,
               ended_at, 3600, 7200, 5000, 2200, 0, 'register', 7341, 3541, 0, t.id, 'JMD', 160,
               jsonb_build_object('energy', repeat(md5(n::text), 10)), ended_at,
               CASE WHEN NOT is_running THEN ended_at END
        FROM (
            SELECT n, n % {stations} + 1 AS station, random() < {stations / 10 / (last - first + 1)}
                   AS is_running, $1::timestamptz - random() * interval '730 days' AS started_at
            FROM generate_series($2::int8, $3::int8) AS n
        ) AS made
        CROSS JOIN LATERAL (SELECT started_at + interval '1 hour' AS ended_at) AS lasted
        JOIN evse e ON e.evse_uid = 'CP-' || to_char(station, 'FM000000')
        JOIN tariff t ON t.site_id = e.site_id
        """,
        END,
        first,
        last,
    )
    await connection.execute("VACUUM ANALYZE charging_session")


async def fill_readings(connection: asyncpg.Connection, first: date, days: int, stations: int) -> int:
    """Days of readings of the first so many stations, one each half minute, and their rollups; how many."""
    await ensure_partitions(connection, [first + timedelta(days=n) for n in range(days)])
    for day in range(days):
        midnight = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=day)
        await connection.execute(
            f"""
            INSERT INTO reading
                (ts, received_at, evse_id, digest, connector_id, quality, status, energy_source, seq,
                 power_w, energy_register_wh, voltage_v, current_a, temperature_c, session_id)
            SELECT ts, ts, e, s, 1, 0, 3, 1, s,
                   7200 + s % 100, s * 60, 230, 31.3, 34.5, 'session-4711'
            FROM generate_series(1, {stations}) AS e, generate_series(0, 86399, {READING_EVERY_S}) AS s,
                 LATERAL (SELECT $1::timestamptz + s * interval '1 s' AS ts) AS at
            """,
            midnight,
        )
        await connection.execute(
            f"""
            INSERT INTO reading_15min
                (evse_id, connector_id, bucket_start, reading_count, billable_count, energy_method,
                 energy_solar_wh, energy_grid_wh, energy_unattributed_wh, charging_s, power_count,
                 power_avg_w, power_min_w, power_max_w, voltage_count, current_count, temperature_count,
                 computed_at)
            SELECT e, 1, $1::timestamptz + q * interval '15 min', 30, 30, 'register', 1800, 0, 0, 900, 30,
                   7250, 7200, 7299, 0, 0, 0, now()
            FROM generate_series(1, {stations}) AS e, generate_series(0, 95) AS q
            """,
            midnight,
        )
    await connection.execute("VACUUM ANALYZE reading")
    await connection.execute("VACUUM ANALYZE reading_15min")
    return days * stations * 86_400 // READING_EVERY_S
