"""The SQL of the rollups: one statement computes any number of buckets, another their days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from solarrally.domain.bucket import BUCKET_S
from solarrally.domain.energy import CLOCK_SLACK_S, JITTER_WH, POWER_MARGIN, EnergyMethod
from solarrally.domain.reading import NEVER_BILLED, ConnectorStatus, EnergySource
from solarrally.storage.codes import SOURCE_CODE, STATUS_CODE

LOOK_BACK_READINGS: Final = 10
"""Enough to find each measurand of a device that says one at a time, and few beside a bucket's hundred."""

ROUNDING_WH: Final = 1.0
"""Less than this between a total and its named sources is rounding, as in `domain.energy.whole_wh`."""

_KEY = "evse_id, connector_id, bucket_start"
_SAID = """
    ts, coalesce(seq, -1) AS seq, received_at, digest, quality, status, energy_source, power_w,
    energy_register_wh, session_energy_wh, session_energy_solar_wh, session_energy_grid_wh,
    voltage_v, current_a, temperature_c
"""
_IS_BILLABLE = f"quality & {NEVER_BILLED} = 0"
_SOLAR, _GRID = SOURCE_CODE[EnergySource.SOLAR], SOURCE_CODE[EnergySource.GRID]
_VACANT = ", ".join(
    str(STATUS_CODE[status])
    for status in (ConnectorStatus.AVAILABLE, ConnectorStatus.UNAVAILABLE, ConnectorStatus.RESERVED)
)
_POWER, _REGISTER, _COUNTER, _SOLAR_COUNTER, _GRID_COUNTER = range(5)
_MEASURANDS = {
    _POWER: "power_w",
    _REGISTER: "energy_register_wh",
    _COUNTER: "session_energy_wh",
    _SOLAR_COUNTER: "session_energy_solar_wh",
    _GRID_COUNTER: "session_energy_grid_wh",
}


def _deliverable_wh(elapsed_s: str) -> str:
    """`domain.energy.deliverable_wh`, in SQL."""
    return f"max_power_w * {POWER_MARGIN / 3600} * ({elapsed_s} + {CLOCK_SLACK_S})"


def _values_of(kind: int, measurand: str) -> str:
    """The rows that say this measurand, each with the two such rows before it."""
    was_vacant = "false"
    if kind == _POWER:
        was_vacant = f"coalesce(lag(status IN ({_VACANT}) AND power_w <= $6) OVER w, false)"
    return f"""
        SELECT {kind} AS kind, is_inside, source, at_s, {measurand} AS v, lag({measurand}) OVER w AS v1,
               lag(at_s) OVER w AS at1_s, lag({measurand}, 2) OVER w AS v2, lag(at_s, 2) OVER w AS at2_s,
               {was_vacant} AS was_vacant
        FROM said WHERE is_billable AND {measurand} IS NOT NULL WINDOW w AS (ORDER BY place)
    """


_MEASURED = {
    "reading_count": "count(*)",
    "billable_count": "count(*) FILTER (WHERE is_billable)",
    "power_count": "count(power_w) FILTER (WHERE is_billable)",
    "power_avg_w": "avg(power_w) FILTER (WHERE is_billable)",
    "power_min_w": "min(power_w) FILTER (WHERE is_billable)",
    "power_max_w": "max(power_w) FILTER (WHERE is_billable)",
    "voltage_count": "count(voltage_v) FILTER (WHERE is_billable)",
    "voltage_avg_v": "avg(voltage_v::float8) FILTER (WHERE is_billable)",
    "current_count": "count(current_a) FILTER (WHERE is_billable)",
    "current_avg_a": "avg(current_a::float8) FILTER (WHERE is_billable)",
    "current_max_a": "max(current_a) FILTER (WHERE is_billable)",
    "temperature_count": "count(temperature_c) FILTER (WHERE is_billable)",
    "temperature_avg_c": "avg(temperature_c::float8) FILTER (WHERE is_billable)",
    "temperature_max_c": "max(temperature_c) FILTER (WHERE is_billable)",
}
_ENERGY = ["energy_method", "energy_solar_wh", "energy_grid_wh", "energy_unattributed_wh", "charging_s"]


def _upsert(table: str, keys: str, columns: Sequence[str], rows: str) -> str:
    written = [*columns, "computed_at"]
    replaced = ", ".join(f"{name} = excluded.{name}" for name in written)
    return (
        f"INSERT INTO {table} ({keys}, {', '.join(written)}) {rows} "
        f"ON CONFLICT ({keys}) DO UPDATE SET {replaced}"
    )


_MEASURED_NAMES = ", ".join(_MEASURED)
_MEASUREMENTS = ", ".join(f"{sql} AS {name}" for name, sql in _MEASURED.items())
_ALL_VALUES = " UNION ALL ".join(_values_of(*each) for each in _MEASURANDS.items())


# For each bucket, from the top: its readings and the last ones before it, with the source of the interval
# that ends at each (what the reading says, else what was said last); one row for each counter value and
# power, beside the two of its kind before it; the energy each interval adds; the sums of the best counter.
#
# A counter value that does not follow from the one before it (a fall, or a rise beyond what can be delivered)
# adds nothing, and the next one tells which of the two was wrong: where that follows from the last but one,
# the value between was; else a new segment began there, in a session counter with the energy it showed.
# That is `domain.energy.Counter` with a memory of two values.
#
# Power is not integrated from a reading that shows the connector vacant: the vehicle came after it.
#
# It all happens inside a LATERAL: a window over one bucket needs no partitions, and its order is the key's.
def buckets_sql(bucket_s: int) -> str:
    """What readings say of these buckets, each so long: the key, and a rollup's columns in their order."""
    return f"""
SELECT {_KEY}, {_MEASURED_NAMES}, energy_method, coalesce(energy_solar_wh, 0) AS energy_solar_wh,
       coalesce(energy_grid_wh, 0) AS energy_grid_wh,
       coalesce(energy_unattributed_wh, 0) AS energy_unattributed_wh,
       coalesce(charging_s, 0) AS charging_s, now() AS computed_at
FROM (
    SELECT d.*, coalesce(e.max_power_w, $7) AS max_power_w
    FROM unnest($1::int4[], $2::int2[], $3::timestamptz[]) AS d ({_KEY})
    JOIN evse e ON e.id = d.evse_id
) AS due CROSS JOIN LATERAL (
    WITH said AS MATERIALIZED (
        SELECT *, max(CASE WHEN energy_source IN ({_SOLAR}, {_GRID}) AND is_billable
                           THEN place * 4 + energy_source END) OVER (ORDER BY place) % 4 AS source
        FROM (
            SELECT *, row_number() OVER (ORDER BY ts, seq, received_at, digest) AS place,
                   date_part('epoch', ts - due.bucket_start) AS at_s,
                   ts >= due.bucket_start AS is_inside, {_IS_BILLABLE} AS is_billable
            FROM (
                SELECT {_SAID} FROM reading
                WHERE evse_id = due.evse_id AND connector_id = due.connector_id AND ts >= $8 AND ts < $9
                  AND ts >= due.bucket_start AND ts < due.bucket_start + interval '{bucket_s} s'
                UNION ALL (
                    SELECT {_SAID} FROM reading
                    WHERE evse_id = due.evse_id AND connector_id = due.connector_id AND ts >= $8 AND ts < $9
                      AND ts >= due.bucket_start - $4::interval AND ts < due.bucket_start AND {_IS_BILLABLE}
                    ORDER BY ts DESC, coalesce(seq, -1) DESC, received_at DESC, digest DESC
                    LIMIT {LOOK_BACK_READINGS}
                )
            ) AS r
        ) AS placed
    ), valued AS ({_ALL_VALUES}
    ), doubted AS (
        SELECT *, at_s - at1_s AS elapsed_s,
               at1_s - at2_s <= $10 AND NOT v1 - v2 BETWEEN 0 AND {_deliverable_wh("at1_s - at2_s")}
               AS is_v1_in_doubt
        FROM valued WHERE is_inside AND at_s - at1_s <= $10
    ), added AS (
        SELECT kind, source, v,
            CASE
                WHEN was_vacant THEN 0
                WHEN kind = {_POWER} THEN (v1 + v) / 2 * least(elapsed_s, $5) / 3600
                WHEN is_v1_in_doubt AND v - v2 BETWEEN 0 AND {_deliverable_wh("at_s - at2_s")} THEN v - v2
                WHEN v - v1 BETWEEN 0 AND {_deliverable_wh("elapsed_s")} THEN v - v1 + CASE
                    WHEN is_v1_in_doubt AND kind <> {_REGISTER} AND v1 < v2 - {JITTER_WH}
                         AND v1 <= {_deliverable_wh("at1_s - at2_s")} THEN v1 ELSE 0 END
                ELSE 0
            END AS energy_wh,
            CASE WHEN kind = {_POWER} AND greatest(v, v1) > $6 AND NOT was_vacant
                 THEN least(elapsed_s, $5) END AS charging_s
        FROM doubted
    ), summed AS (
        SELECT kind, source, sum(energy_wh) AS energy_wh, sum(charging_s) AS charging_s, max(v) AS highest
        FROM added GROUP BY kind, source
    ), chosen AS (
        SELECT CASE WHEN max(highest) FILTER (WHERE kind = {_REGISTER}) > 0 THEN {_REGISTER}
                    WHEN bool_or(kind = {_COUNTER}) THEN {_COUNTER}
                    WHEN bool_or(kind = {_POWER}) THEN {_POWER} END AS best,
               bool_or(kind IN ({_SOLAR_COUNTER}, {_GRID_COUNTER})) AS is_split_counted,
               sum(charging_s) AS charging_s
        FROM summed
    ), split AS (
        SELECT best, c.charging_s, coalesce(sum(energy_wh) FILTER (WHERE kind = best), 0) AS total_wh,
            coalesce(sum(energy_wh) FILTER (WHERE CASE WHEN is_split_counted THEN kind = {_SOLAR_COUNTER}
                ELSE kind = best AND source = {_SOLAR} END), 0) AS solar_wh,
            coalesce(sum(energy_wh) FILTER (WHERE CASE WHEN is_split_counted THEN kind = {_GRID_COUNTER}
                ELSE kind = best AND source = {_GRID} END), 0) AS grid_wh
        FROM chosen c CROSS JOIN summed GROUP BY best, c.charging_s
    ), scaled AS (
        SELECT *, CASE WHEN solar_wh + grid_wh > greatest(0, total_wh - {ROUNDING_WH})
                       THEN total_wh / (solar_wh + grid_wh) ELSE 1 END AS scale
        FROM split WHERE best IS NOT NULL
    ), energy AS (
        SELECT CASE best WHEN {_REGISTER} THEN '{EnergyMethod.REGISTER}' WHEN {_COUNTER}
                    THEN '{EnergyMethod.SESSION_COUNTER}' ELSE '{EnergyMethod.POWER}' END AS energy_method,
            solar_wh * scale AS energy_solar_wh, grid_wh * scale AS energy_grid_wh,
            greatest(0, total_wh - (solar_wh + grid_wh) * scale) AS energy_unattributed_wh, charging_s
        FROM scaled
    ), measured AS (
        SELECT {_MEASUREMENTS} FROM said WHERE is_inside
    )
    SELECT * FROM measured LEFT JOIN energy ON true WHERE reading_count > 0
) AS computed
"""


COMPUTE_BUCKETS = _upsert("reading_15min", _KEY, [*_MEASURED, *_ENERGY], buckets_sql(BUCKET_S))


def _weighted(average: str, count: str) -> str:
    return f"sum({average} * {count}) / nullif(sum({count}), 0)"


SUMMED: Final = {
    "reading_count": "sum(reading_count)",
    "billable_count": "sum(billable_count)",
    "energy_method": "string_agg(DISTINCT energy_method, '+' ORDER BY energy_method)",
    "energy_solar_wh": "sum(energy_solar_wh)",
    "energy_grid_wh": "sum(energy_grid_wh)",
    "energy_unattributed_wh": "sum(energy_unattributed_wh)",
    "charging_s": "sum(charging_s)",
    "power_count": "sum(power_count)",
    "power_avg_w": _weighted("power_avg_w", "power_count"),
    "power_min_w": "min(power_min_w)",
    "power_max_w": "max(power_max_w)",
    "voltage_count": "sum(voltage_count)",
    "voltage_avg_v": _weighted("voltage_avg_v", "voltage_count"),
    "current_count": "sum(current_count)",
    "current_avg_a": _weighted("current_avg_a", "current_count"),
    "current_max_a": "max(current_max_a)",
    "temperature_count": "sum(temperature_count)",
    "temperature_avg_c": _weighted("temperature_avg_c", "temperature_count"),
    "temperature_max_c": "max(temperature_max_c)",
}
"""Each column of a longer time, from those of its buckets."""

# From the buckets, which stay: a day whose readings were dropped can still take a late bucket in.
COMPUTE_DAYS = _upsert(
    "reading_daily",
    "evse_id, connector_id, day",
    list(SUMMED),
    f"""
    SELECT evse_id, connector_id, day, {", ".join(SUMMED.values())}, now()
    FROM unnest($1::int4[], $2::int2[], $3::date[]) AS d (evse_id, connector_id, day)
    JOIN reading_15min b USING (evse_id, connector_id)
    WHERE b.bucket_start >= d.day::timestamp AT TIME ZONE 'UTC'
      AND b.bucket_start < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY evse_id, connector_id, day
    """,
)
