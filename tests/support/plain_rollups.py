"""What a rollup must say, computed from raw rows in plain Python, reading by reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from solarrally.domain.energy import CLOCK_SLACK_S, JITTER_WH, POWER_MARGIN
from solarrally.domain.reading import NEVER_BILLED
from solarrally.storage.rollups import RollupRules

BUCKET = timedelta(minutes=15)
LOOK_BACK_READINGS = 10
SOLAR_CODE, GRID_CODE = 1, 2
VACANT_CODES = (1, 7, 8)
"""Available, reserved, unavailable."""
COUNTERS = {
    "register": "energy_register_wh",
    "session_counter": "session_energy_wh",
    "solar": "session_energy_solar_wh",
    "grid": "session_energy_grid_wh",
}
MEASURED = {"power": "w", "voltage": "v", "current": "a", "temperature": "c"}

Row = Mapping[str, Any]
Bucket = tuple[int, int, datetime]


def bucket_of(row: Row) -> Bucket:
    ts = row["ts"]
    start = ts.replace(minute=ts.minute // 15 * 15, second=0, microsecond=0)
    return row["evse_id"], row["connector_id"], start


def plain_buckets(
    rows: Iterable[Row], max_power_w: Mapping[int, float | None], rules: RollupRules
) -> dict[Bucket, dict[str, Any]]:
    """Every bucket that has readings."""
    by_connector = defaultdict(list)
    for row in rows:
        by_connector[row["evse_id"], row["connector_id"]].append(row)
    buckets = {}
    for readings in by_connector.values():
        readings.sort(
            key=lambda r: (r["ts"], -1 if r["seq"] is None else r["seq"], r["received_at"], r["digest"])
        )
        for bucket in {bucket_of(row) for row in readings}:
            limit_w = max_power_w[bucket[0]] or rules.default_max_power_w
            buckets[bucket] = _plain_bucket(readings, bucket[2], limit_w, rules)
    return buckets


def _plain_bucket(
    readings: Sequence[Row], start: datetime, max_power_w: float, rules: RollupRules
) -> dict[str, Any]:
    inside = [row for row in readings if start <= row["ts"] < start + BUCKET]
    silence = timedelta(seconds=rules.silence_timeout_s)
    before = [row for row in readings if start - silence <= row["ts"] < start and is_billable(row)]
    seen = before[-LOOK_BACK_READINGS:] + [row for row in inside if is_billable(row)]
    billable = [row for row in inside if is_billable(row)]
    energy: defaultdict[str, defaultdict[Any, float]] = defaultdict(lambda: defaultdict(float))
    highest: dict[str, float] = {}
    charging_s = 0.0
    source, power, past = None, None, defaultdict[str, list[tuple[float, datetime]]](list)
    for row in seen:
        if row["energy_source"] in (SOLAR_CODE, GRID_CODE):
            source = row["energy_source"]
        ts, counts = row["ts"], row["ts"] >= start
        for name, column in COUNTERS.items():
            if row[column] is None:
                continue
            values = past[name]
            if counts and values and ts - values[-1][1] <= silence:
                starts_at_zero = name != "register"
                energy[name][source] += _added(values, row[column], ts, starts_at_zero, max_power_w, silence)
                highest[name] = max(highest.get(name, row[column]), row[column])
            values.append((row[column], ts))
        if row["power_w"] is not None:
            if counts and power is not None and ts - power[1] <= silence:
                bridged_s = min((ts - power[1]).total_seconds(), rules.gap_cap_s) if power[2] else 0.0
                energy["power"][source] += (row["power_w"] + power[0]) / 2 * bridged_s / 3600
                if max(row["power_w"], power[0]) > rules.charging_threshold_w:
                    charging_s += bridged_s
            is_vacant = row["status"] in VACANT_CODES and row["power_w"] <= rules.charging_threshold_w
            power = (row["power_w"], ts, not is_vacant)
    return {
        "reading_count": len(inside),
        "billable_count": len(billable),
        "charging_s": charging_s,
        **_energies(energy, highest),
        **_measured(billable),
    }


def _added(
    past: Sequence[tuple[float, datetime]],
    value_wh: float,
    ts: datetime,
    starts_at_zero: bool,
    max_power_w: float,
    silence: timedelta,
) -> float:
    """What one counter value adds, after those in `past`."""

    def follows(earlier: tuple[float, datetime], value_wh: float, ts: datetime) -> bool:
        return 0 <= value_wh - earlier[0] <= deliverable_wh(earlier[1], ts)

    def deliverable_wh(since: datetime, until: datetime) -> float:
        return max_power_w * POWER_MARGIN * ((until - since).total_seconds() + CLOCK_SLACK_S) / 3600

    last_wh, last_at = past[-1]
    new_segment_wh = 0.0
    if len(past) > 1 and last_at - past[-2][1] <= silence and not follows(past[-2], last_wh, last_at):
        trusted_wh, trusted_at = past[-2]
        if follows(past[-2], value_wh, ts):
            return value_wh - trusted_wh
        fell = last_wh < trusted_wh - JITTER_WH
        if starts_at_zero and fell and last_wh <= deliverable_wh(trusted_at, last_at):
            new_segment_wh = last_wh
    return new_segment_wh + value_wh - last_wh if follows(past[-1], value_wh, ts) else 0.0


def _energies(energy: Mapping[str, Mapping[Any, float]], highest: Mapping[str, float]) -> dict[str, Any]:
    method = None
    if "power" in energy:
        method = "power"
    if "session_counter" in energy:
        method = "session_counter"
    if highest.get("register", 0) > 0:
        method = "register"
    if method is None:
        return {
            "energy_method": None,
            "energy_solar_wh": 0.0,
            "energy_grid_wh": 0.0,
            "energy_unattributed_wh": 0.0,
        }
    total_wh = sum(energy[method].values())
    solar_wh, grid_wh = energy[method].get(SOLAR_CODE, 0.0), energy[method].get(GRID_CODE, 0.0)
    if "solar" in energy or "grid" in energy:
        solar_wh, grid_wh = (sum(energy.get(name, {}).values()) for name in ("solar", "grid"))
    named_wh = solar_wh + grid_wh
    if named_wh > 0 and named_wh > total_wh - 1.0:
        solar_wh, grid_wh = solar_wh * total_wh / named_wh, grid_wh * total_wh / named_wh
    return {
        "energy_method": method,
        "energy_solar_wh": solar_wh,
        "energy_grid_wh": grid_wh,
        "energy_unattributed_wh": max(0.0, total_wh - solar_wh - grid_wh),
    }


def _measured(billable: Sequence[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, unit in MEASURED.items():
        values = [row[f"{name}_{unit}"] for row in billable if row[f"{name}_{unit}"] is not None]
        found[f"{name}_count"] = len(values)
        found[f"{name}_avg_{unit}"] = sum(values) / len(values) if values else None
        if name in ("power", "current", "temperature"):
            found[f"{name}_max_{unit}"] = max(values, default=None)
        if name == "power":
            found["power_min_w"] = min(values, default=None)
    return found


def plain_day(buckets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The day that these buckets make."""
    day: dict[str, Any] = {
        name: sum(bucket[name] for bucket in buckets)
        for name in buckets[0]
        if name.endswith(("_count", "_wh", "_s"))
    }
    methods = {bucket["energy_method"] for bucket in buckets} - {None}
    day["energy_method"] = "+".join(sorted(methods)) or None
    for name, unit in MEASURED.items():
        total = sum(
            bucket[f"{name}_count"] * bucket[f"{name}_avg_{unit}"]
            for bucket in buckets
            if bucket[f"{name}_count"]
        )
        count = day[f"{name}_count"]
        day[f"{name}_avg_{unit}"] = total / count if count else None
    for name in ("power_min_w", "power_max_w", "current_max_a", "temperature_max_c"):
        values = [bucket[name] for bucket in buckets if bucket[name] is not None]
        pick = min if "_min_" in name else max
        day[name] = pick(values) if values else None
    return day


def is_billable(row: Row) -> bool:
    return not row["quality"] & NEVER_BILLED
