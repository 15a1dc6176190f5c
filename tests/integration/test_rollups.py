"""Rollups are always equal to the raw data they came from, however late and in whatever order that came."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from solarrally.dialects.routes import decode
from solarrally.domain.bucket import BUCKET, bucket_start
from solarrally.domain.session import Session
from solarrally.domain.station import ConnectorState, SessionRules, observe
from solarrally.storage.codes import SOURCE_CODE, STATUS_CODE
from solarrally.storage.partitions import ensure_partitions
from solarrally.storage.rollups import (
    RollupRules,
    mark_all_due,
    mark_due,
    next_limit,
    roll_up,
)
from solarrally_sim.dataset import read_recording
from solarrally_sim.replay import plan_replay, replay_messages
from solarrally_sim.sunlight import Sky
from tests.support.plain_rollups import Bucket, bucket_of, plain_buckets, plain_day
from tests.support.replayed import EPFL

RULES = RollupRules(
    silence_timeout_s=1800.0, gap_cap_s=300.0, charging_threshold_w=100.0, default_max_power_w=50_000.0
)
EVENING = datetime(2026, 3, 9, 22, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 12, tzinfo=UTC)
SOLAR, GRID = 1, 2
AVAILABLE, CHARGING = 1, 3
MAX_POWER_W: dict[int, float | None] = {1: None, 2: 11_000.0}

COLUMNS = """
    ts received_at evse_id connector_id digest quality status energy_source seq power_w energy_register_wh
    session_energy_wh session_energy_solar_wh session_energy_grid_wh voltage_v current_a temperature_c
""".split()  # noqa: SIM905  a list of words reads better than quotes and commas


def at(seconds: float) -> datetime:
    return EVENING + timedelta(seconds=seconds)


def said(seconds: float, **values: Any) -> dict[str, Any]:
    """A reading of connector 1 of station 1, as a row."""
    ts = at(seconds)
    row = dict.fromkeys(COLUMNS) | {"ts": ts, "received_at": ts, "evse_id": 1, "connector_id": 1}
    return row | {"digest": hash((seconds, *values.values())) % 2**31, "quality": 0} | values


@pytest.fixture
async def db(connection: asyncpg.Connection) -> asyncpg.Connection:
    """Two stations, the second of which said its maximum power, and the partition of one of the two days."""
    await connection.execute("INSERT INTO site (name, timezone, currency) VALUES ('Depot', 'UTC', 'JMD')")
    await connection.executemany(
        "INSERT INTO evse (evse_uid, site_id, max_power_w) VALUES ($1, 1, $2)",
        [(f"CP-{number}", limit_w) for number, limit_w in MAX_POWER_W.items()],
    )
    await ensure_partitions(connection, [EVENING.date()])
    return connection


async def store(db: asyncpg.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert readings and mark their buckets, in one transaction, as ingestion does."""
    async with db.transaction():
        await db.executemany(
            f"INSERT INTO reading ({', '.join(COLUMNS)}) VALUES "
            f"({', '.join(f'${n}' for n in range(1, len(COLUMNS) + 1))})",
            [[row[name] for name in COLUMNS] for row in rows],
        )
        marks = sorted({bucket_of(row) for row in rows})
        await mark_due(db, *(list(column) for column in zip(*marks, strict=True)))


async def rolled_up(db: asyncpg.Connection, due_before: datetime = LATER) -> None:
    """Compute all that is due."""
    while (await roll_up(db, due_before=due_before, limit=100, rules=RULES)).marks:
        pass


async def buckets(db: asyncpg.Connection) -> dict[Bucket, dict[str, Any]]:
    rows = await db.fetch("SELECT * FROM reading_15min ORDER BY bucket_start")
    return {(row["evse_id"], row["connector_id"], row["bucket_start"]): dict(row) for row in rows}


async def only_bucket(db: asyncpg.Connection, start: datetime) -> dict[str, Any]:
    return (await buckets(db))[1, 1, start]


async def marks(db: asyncpg.Connection) -> set[Bucket]:
    return {tuple(r) for r in await db.fetch("SELECT evse_id, connector_id, bucket_start FROM rollup_due")}


def differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """The columns in which a rollup is not what it should be."""
    return [
        f"{name}: {found[name]!r}, not {value!r}"
        for name, value in expected.items()
        if not (
            math.isclose(found[name], value, rel_tol=1e-9, abs_tol=1e-6)
            if isinstance(value, float) and found[name] is not None
            else found[name] == value
        )
    ]


# -- the rule itself ------------------------------------------------------------------------------------


async def assert_rollups_equal_the_readings(db: asyncpg.Connection) -> int:
    """Every bucket that is up to date, and every day, against plain Python; how many were compared."""
    expected = plain_buckets(map(dict, await db.fetch("SELECT * FROM reading")), MAX_POWER_W, RULES)
    stored, due = await buckets(db), await marks(db)
    assert stored.keys() <= expected.keys()
    assert expected.keys() - due <= stored.keys()
    by_day, compared = defaultdict(list), 0
    for key, row in stored.items():
        by_day[key[0], key[1], key[2].date()].append(row)
        if not due & {(key[0], key[1], key[2] - back * BUCKET) for back in range(3)}:
            compared += 1
            assert differences(row, expected[key]) == [], key
    days = {
        (row["evse_id"], row["connector_id"], row["day"]): dict(row)
        for row in await db.fetch("SELECT * FROM reading_daily")
    }
    assert days.keys() == by_day.keys()
    for day, rows in by_day.items():
        names = expected[rows[0]["evse_id"], rows[0]["connector_id"], rows[0]["bucket_start"]].keys()
        assert differences(days[day], plain_day([{name: row[name] for name in names} for row in rows])) == []
    return compared


def random_history(chance: random.Random, evse_id: int, connector_id: int) -> list[dict[str, Any]]:
    """Four hours over midnight of a device that says what it likes, with everything that goes wrong."""
    rows: list[dict[str, Any]] = []
    seconds, register_wh, session_wh, solar_wh = 0.0, chance.choice([0.0, 1e6]), 0.0, 0.0
    habits = {name: chance.choice([0.0, 0.3, 1.0]) for name in COLUMNS[9:]}
    while seconds < 4 * 3600:
        step_s = chance.choice([1.0, 10.0, 10.0, 60.0, 60.0, 400.0, 1799.5, 1800.0, 1800.5, 2500.0])
        seconds += step_s * chance.choice([1.0, 1.0, chance.random()])
        power_w = chance.choice([0.0, 99.0, 7_000.0, 7_200.5])
        added_wh = power_w * min(step_s, 120.0) / 3600
        register_wh += added_wh
        session_wh, solar_wh = session_wh + added_wh, solar_wh + added_wh * chance.choice([0.0, 0.4, 1.0])
        if chance.random() < 0.05:
            session_wh = solar_wh = chance.choice([0.0, 3.0, 500.0])  # another session, or a reboot
        wrong = chance.choice([0.0, register_wh - 1.0, register_wh + 5e7])  # a single wrong value
        values = {
            "power_w": power_w,
            "energy_register_wh": wrong if chance.random() < 0.05 else register_wh,
            "session_energy_wh": 0.0 if chance.random() < 0.05 else session_wh,
            "session_energy_solar_wh": solar_wh * chance.choice([1.0, 1.0, 1.3]),
            "session_energy_grid_wh": session_wh - solar_wh,
            "voltage_v": chance.choice([229.5, 231.25]),
            "current_a": chance.choice([0.0, 31.5]),
            "temperature_c": chance.choice([-3.5, 41.0]),
        }
        rows.append(
            said(
                seconds,
                evse_id=evse_id,
                connector_id=connector_id,
                quality=chance.choice([0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 20]),
                status=chance.choice([None, AVAILABLE, CHARGING, CHARGING]),
                energy_source=chance.choice([None, 0, SOLAR, GRID]),
                seq=chance.choice([None, len(rows)]),
                digest=len(rows),
                **{name: value for name, value in values.items() if chance.random() < habits[name]},
            )
        )
        if chance.random() < 0.1:  # another one with the same timestamp
            rows.append({**rows[-1], "digest": 10_000 + len(rows), "power_w": 1_000.0})
    return rows


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_comes_in_whatever_order_the_rollups_equal_the_readings(
    db: asyncpg.Connection, seed: int
) -> None:
    chance = random.Random(seed)
    rows = [row for place in ((1, 1), (1, 2), (2, 1)) for row in random_history(chance, *place)]
    rows.sort(
        key=lambda row: row["ts"].timestamp() + chance.choice([0, 0, 0, 2_000, 9_000]) * chance.random()
    )
    if seed % 3 == 0:
        chance.shuffle(rows)

    compared = 0
    while rows:
        size = chance.choice([1, 3, 20, 60])
        batch, rows = rows[:size], rows[size:]
        await store(db, batch)
        if chance.random() < 0.5:
            due_before = max(row["ts"] for row in batch) + timedelta(seconds=chance.choice([0, 900, 90_000]))
            await roll_up(db, due_before=due_before, limit=chance.choice([1, 2, 10, 100]), rules=RULES)
            compared += await assert_rollups_equal_the_readings(db)
    await rolled_up(db)

    assert await marks(db) == set()
    assert await assert_rollups_equal_the_readings(db) > 20


# -- what it means --------------------------------------------------------------------------------------


async def test_a_quarter_of_an_hour_adds_up_its_readings(db: asyncpg.Connection) -> None:
    await store(
        db,
        [
            said(0, power_w=7200.0, session_energy_wh=0.0, voltage_v=230.0, temperature_c=20.0),
            said(60, power_w=7200.0, session_energy_wh=120.0, energy_source=SOLAR, current_a=31.0),
            said(120, power_w=3600.0, session_energy_wh=220.0, energy_source=GRID, current_a=16.0),
        ],
    )
    await rolled_up(db)

    row = await only_bucket(db, EVENING)
    assert row["energy_method"] == "session_counter"
    assert (row["energy_wh"], row["energy_solar_wh"], row["energy_grid_wh"]) == (220.0, 120.0, 100.0)
    assert (row["reading_count"], row["power_count"], row["voltage_count"]) == (3, 3, 1)
    assert (row["power_avg_w"], row["power_min_w"], row["power_max_w"]) == (6000.0, 3600.0, 7200.0)
    assert (row["current_avg_a"], row["current_max_a"], row["voltage_avg_v"]) == (23.5, 31.0, 230.0)
    assert row["charging_s"] == 120.0


async def test_without_a_counter_power_is_integrated_and_a_gap_is_capped(db: asyncpg.Connection) -> None:
    await store(db, [said(0, power_w=6000.0), said(60, power_w=6000.0), said(800, power_w=6000.0)])
    await rolled_up(db)

    row = await only_bucket(db, EVENING)
    assert (row["energy_method"], row["energy_wh"]) == ("power", pytest.approx(6000 * (60 + 300) / 3600))
    assert row["energy_unattributed_wh"] == row["energy_wh"]


async def test_the_time_before_a_vehicle_came_is_not_integrated(db: asyncpg.Connection) -> None:
    await store(
        db,
        [
            said(0, power_w=0.0, status=AVAILABLE),
            said(200, power_w=9000.0, status=CHARGING),
            said(240, power_w=9000.0, status=CHARGING),
        ],
    )
    await rolled_up(db)

    row = await only_bucket(db, EVENING)
    assert (row["energy_wh"], row["charging_s"]) == (100.0, 40.0)


async def test_an_interval_belongs_to_the_bucket_in_which_it_ends(db: asyncpg.Connection) -> None:
    await store(db, [said(890, energy_register_wh=1000.0), said(910, energy_register_wh=1040.0)])
    await rolled_up(db)

    assert (await only_bucket(db, at(0)))["energy_wh"] == 0.0
    assert (await only_bucket(db, at(900)))["energy_wh"] == 40.0


async def test_after_a_long_silence_nothing_is_known_of_the_energy(db: asyncpg.Connection) -> None:
    await store(db, [said(0, energy_register_wh=1000.0), said(1801, energy_register_wh=1500.0)])
    await rolled_up(db)

    assert (await only_bucket(db, at(1800)))["energy_wh"] == 0.0


@pytest.mark.parametrize(
    ("values_wh", "energy_wh"),
    [
        ([5000.0, 5010.0, 0.0, 5030.0], 30.0),  # a single zero
        ([5000.0, 5010.0, 9e6, 5030.0, 5040.0], 40.0),  # a single leap
        ([0.0, 4_000_000.0, 4_000_010.0], 10.0),  # a baseline of 0, then the true register
        ([5000.0, 5010.0, 20.0, 30.0], 20.0),  # the meter was exchanged
        ([5000.0, 4999.0, 5010.0], 10.0),  # rounding noise
    ],
)
async def test_a_register_is_compared_and_never_simply_trusted(
    db: asyncpg.Connection, values_wh: list[float], energy_wh: float
) -> None:
    await store(db, [said(10.0 * n, energy_register_wh=value) for n, value in enumerate(values_wh)])
    await rolled_up(db)

    assert (await only_bucket(db, EVENING))["energy_wh"] == energy_wh


async def test_a_session_counter_that_restarts_begins_at_zero(db: asyncpg.Connection) -> None:
    values_wh = [8000.0, 8010.0, 15.0, 30.0]
    await store(db, [said(10.0 * n, session_energy_wh=value) for n, value in enumerate(values_wh)])
    await rolled_up(db)

    assert (await only_bucket(db, EVENING))["energy_wh"] == 10.0 + 30.0


async def test_the_devices_own_split_wins_and_is_scaled_down_to_the_total(db: asyncpg.Connection) -> None:
    await store(
        db,
        [
            said(0, session_energy_wh=0.0, session_energy_solar_wh=0.0, session_energy_grid_wh=0.0),
            said(
                60,
                session_energy_wh=100.0,
                session_energy_solar_wh=90.0,
                session_energy_grid_wh=60.0,
                energy_source=GRID,
            ),
        ],
    )
    await rolled_up(db)

    row = await only_bucket(db, EVENING)
    assert (row["energy_solar_wh"], row["energy_grid_wh"]) == (pytest.approx(60.0), pytest.approx(40.0))


@pytest.mark.parametrize("quality", [4, 8, 16])
async def test_an_implausible_reading_is_counted_and_measures_nothing(
    db: asyncpg.Connection, quality: int
) -> None:
    await store(
        db,
        [
            said(0, power_w=1000.0, energy_register_wh=100.0),
            said(10, power_w=9e6, energy_register_wh=180.0, quality=quality),
            said(20, power_w=1000.0, energy_register_wh=106.0),
        ],
    )
    await rolled_up(db)

    row = await only_bucket(db, EVENING)
    assert (row["reading_count"], row["billable_count"], row["power_max_w"]) == (3, 2, 1000.0)
    assert row["energy_wh"] == 6.0


async def test_a_day_is_a_utc_day_and_the_sum_of_its_buckets(db: asyncpg.Connection) -> None:
    await store(db, [said(600.0 * n, energy_register_wh=100.0 * n, power_w=600.0) for n in range(25)])
    await rolled_up(db)

    days = await db.fetch("SELECT day::text, energy_wh, reading_count FROM reading_daily ORDER BY day")
    assert [tuple(day) for day in days] == [("2026-03-09", 1100.0, 12), ("2026-03-10", 1300.0, 13)]


# -- marks ----------------------------------------------------------------------------------------------


async def test_a_bucket_is_computed_when_it_is_over(db: asyncpg.Connection) -> None:
    await store(db, [said(0, power_w=1.0)])

    assert (await roll_up(db, due_before=at(899.9), limit=9, rules=RULES)).marks == []
    done = await roll_up(db, due_before=at(900), limit=9, rules=RULES)

    assert done.marks == [(1, 1, EVENING)]
    assert await marks(db) == set()


async def test_the_oldest_come_first_and_no_more_than_asked_for(db: asyncpg.Connection) -> None:
    await store(db, [said(900.0 * n, power_w=1.0) for n in (3, 0, 2, 1)])

    done = await roll_up(db, due_before=LATER, limit=2, rules=RULES)

    assert sorted(start for _, _, start in done.marks) == [at(0), at(900)]


async def test_a_late_reading_changes_the_bucket_behind_its_own_too(db: asyncpg.Connection) -> None:
    await store(db, [said(0, power_w=0.0), said(910, power_w=3600.0)])
    await rolled_up(db)
    assert (await only_bucket(db, at(900)))["energy_wh"] == pytest.approx(3600 / 2 * 300 / 3600)

    await store(db, [said(890, power_w=3600.0)])
    done = await roll_up(db, due_before=LATER, limit=9, rules=RULES)

    assert done.bucket_count == 2
    assert (await only_bucket(db, at(900)))["energy_wh"] == pytest.approx(20.0)


async def test_a_mark_lives_and_dies_with_its_transaction(db: asyncpg.Connection) -> None:
    transaction = db.transaction()
    await transaction.start()
    await mark_due(db, [1], [1], [EVENING])
    await transaction.rollback()

    assert await marks(db) == set()


async def test_a_bucket_marked_twice_is_due_once(db: asyncpg.Connection) -> None:
    for _ in range(2):
        await mark_due(db, [1, 1], [1, 1], [EVENING, EVENING])

    assert await marks(db) == {(1, 1, EVENING)}


async def test_everything_can_be_marked_to_be_computed_again(db: asyncpg.Connection) -> None:
    await store(db, [said(0, power_w=1.0), said(950, power_w=1.0)])
    await rolled_up(db)
    await db.execute("UPDATE reading_15min SET power_avg_w = 77")

    assert await mark_all_due(db, at(901)) == 1
    assert await mark_all_due(db, at(0)) == 1
    await rolled_up(db)

    assert {row["power_avg_w"] for row in (await buckets(db)).values()} == {1.0}


def test_buckets_begin_on_the_quarter_hour() -> None:
    assert bucket_start(datetime(2026, 3, 9, 22, 44, 59, 999_999, tzinfo=UTC)) == at(30 * 60)
    assert bucket_start(at(45 * 60)) == at(45 * 60)


@pytest.mark.parametrize(
    ("limit", "took_s", "expected"),
    [(10, 0.010, 5), (10, 0.001, 20), (1, 1.0, 1), (900, 0.001, 1000), (10, 0.0, 1000)],
)
def test_the_next_call_is_as_long_as_it_should_be(limit: int, took_s: float, expected: int) -> None:
    assert next_limit(limit, took_s, target_s=0.005) == expected


# -- beside the bills -----------------------------------------------------------------------------------


async def test_the_rollups_of_recorded_sessions_add_up_to_what_is_billed(db: asyncpg.Connection) -> None:
    """Both are made from the same readings by different means; a session is rounded to whole Wh, a bucket is
    not.
    """
    recording = read_recording(EPFL.read_text(encoding="utf-8-sig"))
    planned = plan_replay(recording, interval_s=60.0, limit=200)
    limit_w = max(max(each.pmax_w, each.peak_power_w) for each in planned)
    numbers = {uid: number for number, uid in enumerate(sorted({each.evse_uid for each in planned}), 1)}
    await db.execute("UPDATE evse SET max_power_w = $1", limit_w)
    states = {uid: ConnectorState(evse_uid=uid, connector_id=1) for uid in numbers}
    sessions: dict[int, Session] = {}
    rows = []
    for message in replay_messages(planned, Sky(recording.zone, seed=1)):
        assert message.ts is not None
        decoded = decode(message.topic, message.payload, message.ts)
        for one in decoded.readings:
            changed = observe(states[decoded.evse_uid], one, SessionRules(), limit_w)
            sessions |= {id(session): session for session in changed}
            row = {name: getattr(one, name, None) for name in COLUMNS}
            row["status"] = None if one.status is None else STATUS_CODE[one.status]
            row["energy_source"] = None if one.energy_source is None else SOURCE_CODE[one.energy_source]
            rows.append(row | {"evse_id": numbers[decoded.evse_uid]})
    await store(db, rows)
    await rolled_up(db)

    figures = [session.energy.figures() for session in sessions.values()]
    day = await db.fetchrow(
        "SELECT sum(energy_wh) AS energy_wh, sum(energy_solar_wh) AS solar_wh,"
        " sum(energy_grid_wh) AS grid_wh, sum(charging_s) AS charging_s FROM reading_daily"
    )
    assert day is not None
    assert len(figures) == 200
    assert day["energy_wh"] == pytest.approx(sum(one.energy_wh for one in figures), abs=200 * 0.5)
    assert day["solar_wh"] == pytest.approx(sum(one.solar_wh for one in figures), abs=200 * 1.0)
    assert day["grid_wh"] == pytest.approx(sum(one.grid_wh for one in figures), abs=200 * 1.0)
    assert day["charging_s"] == pytest.approx(sum(one.energy.charging_s for one in sessions.values()))
