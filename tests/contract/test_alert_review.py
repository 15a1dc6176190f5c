"""What becomes an alert and what is over, on the fake in memory and on PostgreSQL alike."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg
import pytest

from solarrally.database_wiring import migrate_and_seed
from solarrally.domain.alert import AlertKind, AlertReview, AlertRules
from solarrally.domain.bucket import bucket_start
from solarrally.domain.fleet import Station, StationFacts
from solarrally.domain.reading import Quality
from solarrally.ingest.ports import RollupMark, StationEvent
from solarrally.storage.notice import CHANNEL
from solarrally.storage.store import PostgresStore
from solarrally.wiring import build_store
from tests.builders import at, make_settings, reading
from tests.contract.test_store_contract import charging, ingest
from tests.fakes.memory_store import MemoryStore

AnyStore: TypeAlias = MemoryStore | PostgresStore
RULES = AlertRules()
HOUR_S = 3600.0


class Seen(NamedTuple):
    """An alert, as far as the tests look at it."""

    kind: str
    connector_id: int | None
    detail: str | None
    severity: str
    is_resolved: bool
    lasts: bool
    occurrences: int


class Alerts:
    """What a test does with alerts beyond the port: look at them, and resolve them as people do."""

    def __init__(self, store: AnyStore, connection: asyncpg.Connection | None) -> None:
        self.store = store
        self.connection = connection

    async def all(self) -> list[Seen]:
        """In the order in which they were made."""
        if isinstance(self.store, MemoryStore):
            return [
                Seen(
                    a.key.kind, a.key.connector_id, a.detail, a.severity, a.resolved_at is not None,
                    a.ended_at is None, a.occurrence_count,
                )
                for a in self.store.tables.alerts
            ]  # fmt: skip
        assert self.connection is not None
        rows = await self.connection.fetch(
            "SELECT kind, connector_id, detail, severity, resolved_at IS NOT NULL, ended_at IS NULL,"
            " occurrence_count FROM alert ORDER BY id"
        )
        return [Seen(*row) for row in rows]

    async def session_ids(self) -> list[UUID | None]:
        """What each alert is about."""
        if isinstance(self.store, MemoryStore):
            return [alert.key.session_id for alert in self.store.tables.alerts]
        assert self.connection is not None
        return [row[0] for row in await self.connection.fetch("SELECT session_id FROM alert ORDER BY id")]

    async def resolve_by_hand(self, seconds: float) -> None:
        """All that are not resolved, as the API does it."""
        if isinstance(self.store, MemoryStore):
            for alert in self.store.tables.alerts:
                if alert.resolved_at is None:
                    alert.resolved_at, alert.resolved_by = at(seconds), "olga"
            return
        assert self.connection is not None
        await self.connection.execute(
            "UPDATE alert SET resolved_at = $1, resolved_by = 'olga' WHERE resolved_at IS NULL", at(seconds)
        )

    async def disable(self, station: Station) -> None:
        if isinstance(self.store, MemoryStore):
            self.store.tables.stations[station.evse_uid].is_enabled = False
            return
        assert self.connection is not None
        await self.connection.execute("UPDATE evse SET is_enabled = false")


@pytest.fixture(params=["memory", "postgresql"])
def dsn(request: pytest.FixtureRequest) -> str | None:
    """The database to run on, or None for the fake."""
    return None if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def store(dsn: str | None) -> AsyncIterator[AnyStore]:
    if dsn is None:
        yield MemoryStore()
        return
    await migrate_and_seed(make_settings(database_url=dsn))
    opened = build_store(make_settings(database_url=dsn))
    yield opened
    await opened.close()


@pytest.fixture
async def alerts(store: AnyStore, dsn: str | None) -> AsyncIterator[Alerts]:
    if dsn is None:
        yield Alerts(store, None)
        return
    connection = await asyncpg.connect(dsn)
    yield Alerts(store, connection)
    await connection.close()


@pytest.fixture
async def station(store: AnyStore) -> Station:
    await store.register_stations(["cp1"])
    return (await store.load_stations(["cp1"]))["cp1"]


async def say(store: AnyStore, station: Station, seconds: float, status: str, **said: Any) -> None:
    """A reading, and the event that the pipeline makes of a change to or from a fault."""
    connector = station.connector(1)
    was_faulted = connector.is_faulted
    await ingest(store, station, reading(seconds, status, **{"power_w": 0.0, **said}))
    if was_faulted != (status == "faulted"):
        kind = "recovered" if was_faulted else "faulted"
        async with store.transaction() as tx:
            await tx.add_events(
                [
                    StationEvent(
                        station=station,
                        connector_id=1,
                        ts=at(seconds),
                        kind=kind,
                        detail=said.get("error_code"),
                    )
                ]
            )


async def test_a_fault_is_an_alert_until_it_is_over(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    await say(store, station, 0, "faulted", error_code="GroundFailure")
    first = await store.review_alerts(at(5), RULES)
    again = await store.review_alerts(at(10), RULES)
    await say(store, station, 12, "available")
    over = await store.review_alerts(at(15), RULES)

    assert (first.opened, first.resolved, dict(first.unresolved)) == (1, 0, {AlertKind.FAULTED: 1})
    assert (again.opened, again.resolved, dict(again.unresolved)) == (0, 0, {AlertKind.FAULTED: 1})
    assert (over.opened, over.resolved, dict(over.unresolved)) == (0, 1, {})
    assert await alerts.all() == [Seen("faulted", 1, "GroundFailure", "critical", True, False, 1)]


async def test_an_alert_says_the_error_code_there_is_now(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    await say(store, station, 0, "faulted", error_code="GroundFailure")
    await store.review_alerts(at(5), RULES)
    await say(store, station, 6, "faulted", error_code="HighTemperature")
    await store.review_alerts(at(10), RULES)

    assert [(alert.detail, alert.lasts) for alert in await alerts.all()] == [("HighTemperature", True)]


async def test_a_fault_between_two_reviews_is_an_alert_that_is_over(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    await say(store, station, 0, "available")
    await store.review_alerts(at(1), RULES)
    await say(store, station, 2, "faulted", error_code="OverVoltage")
    await say(store, station, 3, "available")
    seen = await store.review_alerts(at(6), RULES)

    assert (seen.opened, seen.resolved, dict(seen.unresolved)) == (1, 1, {})
    assert await alerts.all() == [Seen("faulted", 1, "OverVoltage", "critical", True, False, 1)]


async def test_a_fault_that_flaps_is_one_alert(store: AnyStore, station: Station, alerts: Alerts) -> None:
    for n in range(3):  # seen at work, then between two reviews, then at work again
        await say(store, station, 20 * n, "faulted")
        await store.review_alerts(at(20 * n + 1), RULES)
        await say(store, station, 20 * n + 2, "available")
        await say(store, station, 20 * n + 3, "faulted")
        await say(store, station, 20 * n + 4, "available")
        await store.review_alerts(at(20 * n + 5), RULES)

    assert await alerts.all() == [Seen("faulted", 1, None, "critical", True, False, 6)]


async def test_a_fault_that_comes_back_after_a_calm_is_another_alert(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    for seconds in (0, 400):
        await say(store, station, seconds, "faulted")
        await store.review_alerts(at(seconds + 1), RULES)
        await say(store, station, seconds + 2, "available")
        await store.review_alerts(at(seconds + 5), RULES)

    assert [alert.occurrences for alert in await alerts.all()] == [1, 1]


async def test_what_somebody_resolved_does_not_open_again_while_it_lasts(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    await say(store, station, 0, "faulted")
    await store.review_alerts(at(1), RULES)
    await alerts.resolve_by_hand(2)
    seen = await store.review_alerts(at(5), RULES)

    assert (seen.opened, dict(seen.unresolved)) == (0, {})
    assert [(alert.is_resolved, alert.lasts) for alert in await alerts.all()] == [(True, True)]


@pytest.mark.parametrize("reviews_the_calm", [True, False])
async def test_what_somebody_resolved_opens_anew_once_it_was_over(
    store: AnyStore, station: Station, alerts: Alerts, reviews_the_calm: bool
) -> None:
    await say(store, station, 0, "faulted")
    await store.review_alerts(at(1), RULES)
    await alerts.resolve_by_hand(2)
    await say(store, station, 3, "available")
    if reviews_the_calm:
        await store.review_alerts(at(4), RULES)
    await say(store, station, 5, "faulted")
    await store.review_alerts(at(6), RULES)

    assert [(a.is_resolved, a.lasts) for a in await alerts.all()] == [(True, False), (False, True)]


async def test_heat_is_an_alert_until_it_is_clearly_cooler(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    opened = []
    for seconds, temperature_c in enumerate([78.0, 80.0, 79.0, 75.0, 74.9, 79.9]):
        await say(store, station, seconds, "available", temperature_c=temperature_c)
        review = await store.review_alerts(at(seconds), RULES)
        opened.append(review.unresolved.get(AlertKind.OVER_TEMPERATURE, 0))

    assert opened == [0, 1, 1, 1, 0, 0]
    assert [alert.kind for alert in await alerts.all()] == ["over_temperature"]


async def test_a_sensor_gone_mad_is_only_hot(store: AnyStore, station: Station, alerts: Alerts) -> None:
    await say(store, station, 0, "available", temperature_c=1e30)
    await store.review_alerts(at(1), RULES)

    assert [alert.detail for alert in await alerts.all()] == ["1000 °C or more"]


async def test_a_clock_that_is_not_believed_is_an_alert(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    one = reading(0, "available", power_w=0.0)
    await ingest(store, station, one._replace(quality=Quality.CLOCK_DISTRUSTED))
    await store.review_alerts(at(1), RULES)
    await ingest(store, station, reading(2, "available", power_w=0.0))
    await store.review_alerts(at(3), RULES)

    assert await alerts.all() == [Seen("clock_wrong", 1, None, "warning", True, False, 1)]


async def test_an_impossible_reading_of_an_idle_connector_is_an_alert(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    await say(store, station, 0, "available", power_w=-5.0)
    await store.review_alerts(at(1), RULES)

    assert [alert[:4] for alert in await alerts.all()] == [("energy_implausible", 1, "negative", "warning")]


async def test_doubtful_energy_is_an_alert_of_its_session_for_a_day(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    await ingest(store, station, charging(0, 0), charging(10, 9_000_000), charging(20, 9_000_020))
    session = station.connectors[1].state.session
    assert session is not None
    await store.review_alerts(at(21), RULES)
    await ingest(store, station, reading(30, "available", power_w=0.0))
    await store.review_alerts(at(31), RULES)
    a_day_on = await store.review_alerts(at(31 + 24 * HOUR_S), RULES)

    [alert] = await alerts.all()
    assert (alert.kind, alert.severity, alert.lasts) == ("energy_implausible", "warning", False)
    assert "counter_jumped" in str(alert.detail)
    assert await alerts.session_ids() == [session.id]
    assert a_day_on.resolved == 1


async def test_a_session_that_takes_no_energy_is_stuck_and_then_too_long(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    await ingest(store, station, charging(0, 0), charging(600, 1200))
    await ingest(
        store, station, reading(700, "suspendedev", power_w=0.0, session_energy_wh=1210.0, session_id="s1")
    )
    await roll_up(store, station, 700)
    seen = []
    for hours in (11, 13, 47, 49):
        await store.review_alerts(at(hours * HOUR_S), RULES)
        seen.append([(a.kind, a.detail, a.severity) for a in await alerts.all()])

    idle = [("session_stuck", "takes no energy", "info")]
    assert seen == [[], idle, idle, [("session_stuck", "lasts too long", "warning")]]


async def test_a_long_session_that_took_energy_lately_is_not_stuck(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    late = 12 * HOUR_S
    await ingest(store, station, charging(0, 0))
    for seconds, energy_wh in ((late, 5.0), (late + 600, 1205.0)):
        said = {"power_w": 0.0, "session_energy_wh": energy_wh, "session_id": "s1"}
        await ingest(store, station, reading(seconds, "suspendedev", **said))
        await roll_up(store, station, seconds)
    await store.review_alerts(at(20 * HOUR_S), RULES)

    assert await alerts.all() == []


async def roll_up(store: AnyStore, station: Station, seconds: float) -> None:
    async with store.transaction() as tx:
        await tx.mark_rollups([RollupMark(station.evse_id, 1, bucket_start(at(seconds)))])
    assert await store.roll_up(at(seconds + HOUR_S))


async def test_a_station_that_stays_offline_is_an_alert(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    unresolved = []
    for is_online in (True, False):
        async with store.transaction() as tx:
            await tx.save_facts([(station, StationFacts(is_online=is_online))])
    now = datetime.now(UTC)
    for after_s in (290, 310):
        review = await store.review_alerts(now + timedelta(seconds=after_s), RULES)
        unresolved.append(dict(review.unresolved))
    async with store.transaction() as tx:
        await tx.save_facts([(station, StationFacts(is_online=True))])
    back = await store.review_alerts(now + timedelta(seconds=320), RULES)

    assert unresolved == [{}, {AlertKind.OFFLINE: 1}]
    assert back.resolved == 1
    assert [(alert.kind, alert.connector_id) for alert in await alerts.all()] == [("offline", None)]


async def test_a_station_that_never_came_is_no_alert(store: AnyStore, station: Station) -> None:
    review = await store.review_alerts(datetime.now(UTC) + timedelta(days=1), RULES)

    assert review == AlertReview()


async def test_alerts_of_a_disabled_station_are_over(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    await say(store, station, 0, "faulted")
    await store.review_alerts(at(1), RULES)
    await alerts.disable(station)
    review = await store.review_alerts(at(2), RULES)

    assert (review.resolved, dict(review.unresolved)) == (1, {})


@pytest.mark.parametrize("dsn", ["postgresql"], indirect=True)
async def test_watchers_are_told_what_changes_and_nothing_else(
    store: AnyStore, station: Station, alerts: Alerts
) -> None:
    told: list[tuple[str, str]] = []
    assert alerts.connection is not None

    def note(_connection: object, _pid: int, _channel: str, text: object) -> None:
        told.extend((alert["kind"], alert["status"]) for alert in json.loads(str(text)).get("alerts", []))

    await alerts.connection.add_listener(CHANNEL, note)
    await say(store, station, 0, "faulted")
    for seconds in (1, 2, 3):
        await store.review_alerts(at(seconds), RULES)
    await say(store, station, 4, "available")
    for seconds in (5, 6):
        await store.review_alerts(at(seconds), RULES)
    await alerts.connection.fetchval("SELECT 1")

    assert told == [("faulted", "open"), ("faulted", "resolved")]


@pytest.mark.parametrize("dsn", ["postgresql"], indirect=True)
async def test_a_calm_review_writes_nothing(store: AnyStore, station: Station, alerts: Alerts) -> None:
    await say(store, station, 0, "faulted")
    await store.review_alerts(at(1), RULES)
    assert alerts.connection is not None
    before = await alerts.connection.fetch("SELECT xmin, * FROM alert")
    for seconds in range(2, 6):
        await store.review_alerts(at(seconds), RULES)

    assert await alerts.connection.fetch("SELECT xmin, * FROM alert") == before
