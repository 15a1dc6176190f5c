"""What the pipeline relies on in a store, on the fake in memory and on PostgreSQL alike."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import pytest

from solarrally.database_wiring import migrate_and_seed
from solarrally.dialects.digest import content_digest
from solarrally.domain.bill import Account, credit, settle
from solarrally.domain.fleet import Station, StationFacts, newest
from solarrally.domain.reading import EnergySource, Quality, TransactionEvent
from solarrally.domain.station import observe
from solarrally.domain.tariff import Tariff, TariffElement
from solarrally.errors import NotLeading, StoreConflict, StoreRefused, StoreUnavailable
from solarrally.ingest.ports import (
    Delivery,
    ImportCount,
    RejectedPart,
    RollupMark,
    StationEvent,
    StationReading,
)
from solarrally.ingest.registry import Registry
from solarrally.ingest.rules import IngestRules
from solarrally.storage.connections import connect
from solarrally.storage.queries import Issuer
from solarrally.storage.store import PostgresStore
from solarrally.wiring import build_store
from tests.builders import MAX_POWER_W, RULES, at, make_settings, reading
from tests.fakes.memory_store import MemoryStore

AnyStore: TypeAlias = MemoryStore | PostgresStore


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
async def station(store: AnyStore) -> Station:
    await store.register_stations(["cp1"])
    return (await store.load_stations(["cp1"]))["cp1"]


def charging(seconds: float, energy_wh: float, **said: Any) -> Any:
    return reading(
        seconds, "charging", **{"power_w": 7200.0, "session_energy_wh": energy_wh, "session_id": "s1", **said}
    )


async def ingest(store: AnyStore, station: Station, *readings: Any) -> None:
    """Fold readings in order and save what they make, as the pipeline does."""
    registry = Registry(store, IngestRules(register_unknown_stations=False))
    await registry.read_tariffs()
    async with store.transaction() as tx:
        await tx.add_readings([StationReading(station, one) for one in readings])
        connector = station.connector(1)
        for one in readings:
            sessions = observe(connector.state, one, RULES, MAX_POWER_W)
            if sessions:
                accounts = [(station, registry.account(station, 1, session)) for session in sessions]
                await tx.save_accounts(accounts)
            connector.latest = newest(connector.latest, one, RULES)
        await tx.save_connectors([(station, 1)])


async def stored_readings(store: AnyStore, station: Station) -> list[Any]:
    async with store.transaction() as tx:
        return [one async for one in tx.readings_since(station, 1, at(-86_400))]


async def test_a_reading_comes_back_as_it_was(store: AnyStore, station: Station) -> None:
    everything = charging(0, 12.3456789)._replace(
        seq=7,
        energy_register_wh=123456.789,
        session_energy_solar_wh=445.9000000000001,
        session_energy_grid_wh=0.1,
        energy_source=EnergySource.SOLAR,
        voltage_v=230.5,
        current_a=31.25,
        voltage_l1_v=1.0,
        voltage_l2_v=2.0,
        voltage_l3_v=3.0,
        current_l1_a=4.0,
        current_l2_a=5.0,
        current_l3_a=6.0,
        power_offered_w=11000.0,
        temperature_c=-4.5,
        soc_percent=80.0,
        error_code="NoError",
        id_token="tag",
        transaction_event=TransactionEvent.STARTED,
        stop_reason="Local",
        quality=Quality.ABOVE_MAXIMUM,
    )
    everything = everything._replace(digest=content_digest(everything))

    async with store.transaction() as tx:
        await tx.add_readings([StationReading(station, everything)])

    assert await stored_readings(store, station) == [everything]


async def test_what_is_not_said_stays_unsaid(store: AnyStore, station: Station) -> None:
    nothing = reading(0, "available")
    clockless = nothing._replace(device_ts=None, quality=Quality.CLOCKLESS, ts=at(1))
    distrusted = nothing._replace(
        device_ts=datetime(1970, 1, 1, tzinfo=UTC), quality=Quality.CLOCK_DISTRUSTED, ts=at(2)
    )
    rows = [nothing, clockless, distrusted]

    async with store.transaction() as tx:
        await tx.add_readings([StationReading(station, one) for one in rows])

    assert await stored_readings(store, station) == rows


async def test_a_repeated_reading_is_not_stored_again(store: AnyStore, station: Station) -> None:
    rows = [StationReading(station, charging(10 * n, 20.0 * n)) for n in range(4)]
    async with store.transaction() as tx:
        await tx.add_readings(rows[:3])

    with pytest.raises(StoreConflict):
        async with store.transaction() as tx:
            await tx.add_readings([rows[3], rows[0]])
    async with store.transaction() as tx:
        assert await tx.add_late_readings(rows) == rows[3:]

    assert len(await stored_readings(store, station)) == 4


async def test_readings_come_in_order_of_time_then_number_then_receipt(
    store: AnyStore, station: Station
) -> None:
    rows = [
        charging(10, 1, seq=2),
        charging(10, 2, seq=1),
        charging(10, 3, received_at=at(12)),
        charging(10, 4, received_at=at(11)),
        charging(0, 5),
    ]
    async with store.transaction() as tx:
        await tx.add_readings([StationReading(station, one) for one in rows])

    assert [one.session_energy_wh for one in await stored_readings(store, station)] == [5, 4, 3, 2, 1]


async def test_a_failed_transaction_leaves_nothing(store: AnyStore, station: Station) -> None:
    async def write_and_fail() -> None:
        async with store.transaction() as tx:
            await tx.add_readings([StationReading(station, charging(0, 0))])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write_and_fail()

    assert await stored_readings(store, station) == []


async def test_the_state_of_the_fold_survives_a_restart(store: AnyStore, station: Station) -> None:
    await ingest(
        store,
        station,
        reading(0, "available", power_w=0.0),
        charging(10, 10, energy_source="solar"),
        charging(20, 30),
    )

    loaded = (await store.load_stations(["cp1"]))["cp1"]

    assert loaded.connectors[1].state == station.connectors[1].state
    assert loaded.connectors[1].latest == station.connectors[1].latest
    assert loaded.last_received_at == at(20)


async def test_stations_with_running_sessions_are_loaded_at_the_start(
    store: AnyStore, station: Station
) -> None:
    await store.register_stations(["cp2", "cp3"])
    await ingest(store, station, charging(10, 10))
    cp2 = (await store.load_stations(["cp2"]))["cp2"]
    async with store.transaction() as tx:
        await tx.save_facts([(cp2, StationFacts(is_online=True, max_power_w=7400.0))])

    live = await store.load_live_stations()

    assert sorted(live) == ["cp1", "cp2"]
    assert (live["cp2"].is_online, live["cp2"].max_power_w) == (True, 7400.0)


async def test_registering_a_known_station_changes_nothing(store: AnyStore, station: Station) -> None:
    await store.register_stations(["cp1"])

    again = (await store.load_stations(["cp1", "nobody"]))["cp1"]

    assert again.evse_id == station.evse_id


async def test_sessions_are_found_around_an_instant(store: AnyStore, station: Station) -> None:
    gone = [reading(20 + 100 * n, "available", power_w=0.0) for n in range(3)]
    starts = [charging(10 + 100 * n, 1, session_id=f"s{n}") for n in range(3)]
    await ingest(store, station, *(one for pair in zip(starts, gone, strict=True) for one in pair))

    async def names(seconds: float) -> tuple[str | None, list[str | None]]:
        async with store.transaction() as tx:
            before, following = await tx.sessions_around(station, 1, at(seconds))
        name = None if before is None else before.device_session_id
        return name, [session.device_session_id for session in following]

    assert await names(0) == (None, ["s0", "s1", "s2"])
    assert await names(10) == (None, ["s0", "s1", "s2"])
    assert await names(115) == ("s0", ["s1", "s2"])
    assert await names(9999) == ("s1", ["s2"])


async def test_sessions_are_replaced_deleted_and_their_ids_known(store: AnyStore, station: Station) -> None:
    await ingest(store, station, charging(0, 0))
    await ingest(store, station, charging(10, 20))
    session = station.connectors[1].state.session
    assert session is not None

    async with store.transaction() as tx:
        assert await tx.held_session_ids([session.id]) == {session.id}
        _, [stored] = await tx.sessions_around(station, 1, at(0))
        assert stored == session
        await tx.delete_sessions([session.id])
        assert await tx.held_session_ids([session.id]) == set()


async def test_bills_are_added_once_and_the_newest_is_found(store: AnyStore, station: Station) -> None:
    await ingest(store, station, charging(0, 0), charging(10, 20), reading(20, "available", power_w=0.0))
    registry = Registry(store, IngestRules(register_unknown_stations=False))
    await registry.read_tariffs()
    session = station.connectors[1].state.session
    assert session is not None
    [invoice] = settle(registry.account(station, 1, session), None)
    back = credit(invoice)

    for _ in range(2):
        async with store.transaction() as tx:
            await tx.add_bills([invoice, back])

    async with store.transaction() as tx:
        assert await tx.newest_bills([session.id]) == {session.id: back}
    assert invoice.total == Decimal("1.00")


async def test_a_bill_comes_back_with_its_lines_and_vat(store: AnyStore, station: Station) -> None:
    await ingest(store, station, charging(890, 0), charging(910, 20), reading(920, "available", power_w=0.0))
    session = station.connectors[1].state.session
    assert session is not None
    [[tariff]] = (await store.load_tariffs()).values()
    at_noon = TariffElement(
        start_time="12:00",
        end_time="12:15",
        price_solar_per_kwh=Decimal("1.2345"),
        price_grid_per_kwh=Decimal(2),
    )
    priced = replace(tariff, vat_percent=Decimal(15), elements=(at_noon,), timezone="UTC")
    [invoice] = settle(Account(session, "cp1", 1, session.energy.figures(), priced), None)
    assert len(invoice.lines) == 2

    async with store.transaction() as tx:
        await tx.add_bills([invoice])

    async with store.transaction() as tx:
        assert await tx.newest_bills([session.id]) == {session.id: invoice}


async def test_a_reading_filed_under_its_receipt_is_recognised_when_redelivered(
    store: AnyStore, station: Station
) -> None:
    first = charging(0, 0)._replace(device_ts=None, quality=Quality.CLOCKLESS)
    first = first._replace(digest=content_digest(first))
    again = first._replace(ts=at(30), received_at=at(30))
    other = again._replace(power_w=1.0)
    other = other._replace(digest=content_digest(other))
    too_late = first._replace(
        ts=first.ts + timedelta(days=2), received_at=first.received_at + timedelta(days=2)
    )
    async with store.transaction() as tx:
        await tx.add_readings([StationReading(station, first)])

    async with store.transaction() as tx:
        found = await tx.already_stored([StationReading(station, one) for one in (again, other, too_late)])

    assert found == [True, False, False]


async def test_rejected_messages_are_bounded(store: AnyStore) -> None:
    parts = [
        RejectedPart(
            received_at=at(n), topic="t", reason="r", field=None, detail="d", payload=b"\0\xff" * 20_000
        )
        for n in range(8)
    ]
    async with store.transaction() as tx:
        await tx.add_rejected(parts)

    assert await store.prune_rejected(keep_count=5, keep_bytes=2**20) == 3
    assert await store.prune_rejected(keep_count=5, keep_bytes=2**20) == 0


async def test_events_are_kept(store: AnyStore, station: Station) -> None:
    event = StationEvent(station=station, connector_id=None, ts=at(0), kind="online")

    async with store.transaction() as tx:
        await tx.add_events([event])


async def test_every_site_has_a_tariff(store: AnyStore) -> None:
    [[tariff]] = (await store.load_tariffs()).values()

    assert (tariff.currency, tariff.price_solar_per_kwh, tariff.price_grid_per_kwh) == (
        "JMD",
        Decimal(10),
        Decimal(50),
    )


async def test_tariffs_come_with_their_times_of_day_and_the_clocks_they_go_by(database_url: str) -> None:
    await migrate_and_seed(make_settings(database_url=database_url, site_timezone="America/Jamaica"))
    elements = [
        {
            "day_of_week": ["MONDAY"],
            "start_time": "22:00",
            "end_time": "06:00",
            "price_solar_per_kwh": "1.5",
            "price_grid_per_kwh": "2.25",
        }
    ]
    connection = await connect(database_url)
    await connection.execute(
        "INSERT INTO tariff (site_id, valid_from, currency, price_solar_per_kwh, price_grid_per_kwh,"
        " vat_percent, elements, timezone) VALUES (1, '2026-01-01Z', 'JMD', 3, 4, 15, $1, 'Europe/Berlin')",
        json.dumps(elements),
    )
    store = build_store(make_settings(database_url=database_url))

    [[first, second]] = (await store.load_tariffs()).values()

    assert (first.timezone, first.elements) == ("America/Jamaica", ())
    assert first.vat_percent == 0
    assert second == Tariff(
        id=2,
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        currency="JMD",
        price_solar_per_kwh=Decimal(3),
        price_grid_per_kwh=Decimal(4),
        vat_percent=Decimal(15),
        elements=(
            TariffElement(
                day_of_week=("MONDAY",),
                start_time="22:00",
                end_time="06:00",
                price_solar_per_kwh=Decimal("1.5"),
                price_grid_per_kwh=Decimal("2.25"),
            ),
        ),
        timezone="Europe/Berlin",
    )
    await connection.execute("UPDATE tariff SET timezone = 'Nowhere/Atall' WHERE id = 2")
    with pytest.raises(StoreUnavailable, match="no time zone 'Nowhere/Atall'"):
        await store.load_tariffs()
    await connection.close()
    await store.close()


async def test_a_bill_says_who_issued_it_as_they_were(database_url: str) -> None:
    await migrate_and_seed(make_settings(database_url=database_url))
    store = build_store(make_settings(database_url=database_url))
    connection = await connect(database_url)
    await connection.execute("UPDATE site SET operator_name = 'Before', operator_tax_id = '7'")
    await store.register_stations(["cp1"])
    station = (await store.load_stations(["cp1"]))["cp1"]
    await ingest(store, station, charging(0, 0), charging(10, 20), reading(20, "available", power_w=0.0))
    session = station.connectors[1].state.session
    assert session is not None
    [[tariff]] = (await store.load_tariffs()).values()
    [invoice] = settle(Account(session, "cp1", 1, session.energy.figures(), tariff), None)

    async with store.transaction() as tx:
        await tx.add_bills([invoice])
    await connection.execute("UPDATE site SET operator_name = 'After'")

    issuer = json.loads(await connection.fetchval("SELECT issuer FROM bill"))
    assert (issuer["operator_name"], issuer["operator_tax_id"], issuer["city"]) == ("Before", "7", None)
    assert issuer.keys() == {column.name for column in fields(Issuer)}
    await connection.close()
    await store.close()


async def test_content_that_postgresql_cannot_hold_is_refused_not_retried(database_url: str) -> None:
    await migrate_and_seed(make_settings(database_url=database_url))
    store = build_store(make_settings(database_url=database_url))
    await store.register_stations(["cp1"])
    station = (await store.load_stations(["cp1"]))["cp1"]
    try:
        with pytest.raises(StoreRefused):
            async with store.transaction() as tx:
                await tx.add_readings([StationReading(station, charging(0, 0, error_code="a\0b"))])
        async with store.transaction() as tx:
            await tx.add_readings([StationReading(station, charging(0, 0))])
    finally:
        await store.close()


async def test_a_new_station_joins_the_oldest_site_when_that_of_the_settings_was_renamed(
    database_url: str,
) -> None:
    await migrate_and_seed(make_settings(database_url=database_url))
    store = build_store(make_settings(database_url=database_url, site_name="Elsewhere"))
    try:
        await store.register_stations(["cp1"])
        await migrate_and_seed(make_settings(database_url=database_url, site_name="Elsewhere"))
        station = (await store.load_stations(["cp1"]))["cp1"]
        tariffs = await store.load_tariffs()
    finally:
        await store.close()

    assert list(tariffs) == [station.site_id]  # and no second site was made


async def test_readings_newer_than_the_written_state_are_found(store: AnyStore, station: Station) -> None:
    await ingest(store, station, charging(0, 0), charging(10, 20))
    beyond = [charging(10, 20.5), charging(20, 40), charging(30, 60)]
    async with store.transaction() as tx:
        await tx.add_readings([StationReading(station, one) for one in beyond])
        await tx.add_late_readings([StationReading(station, charging(5, 10))])

    loaded = (await store.load_stations(["cp1"]))["cp1"]
    found = [row.reading async for row in store.readings_beyond([loaded])]

    newest = loaded.connectors[1].state.newest
    assert newest is not None
    assert found == sorted((one for one in beyond if one.order_key > newest), key=lambda one: one.order_key)
    assert found[-2:] == beyond[1:]


async def test_parked_deliveries_come_back_in_order_until_they_are_taken(store: AnyStore) -> None:
    deliveries = [
        Delivery(
            topic=f"evse/cp{n % 2}/telemetry",
            payload=bytes([n]),
            qos=1,
            retained=n == 1,
            redelivered=n == 2,
            received_at=at(n),
            packet_id=n,
            connection=1,
        )
        for n in range(5)
    ]
    async with store.transaction() as tx:
        await tx.park([(f"cp{n % 2}", delivery) for n, delivery in enumerate(deliveries)])
    assert await store.parked_counts() == {"cp0": 3, "cp1": 2}

    waiting = await store.next_parked(3)
    async with store.transaction() as tx:
        await tx.unpark([entry.parked_id for entry in waiting])
    rest = await store.next_parked(10)

    assert [entry.evse_uid for entry in [*waiting, *rest]] == ["cp0", "cp1", "cp0", "cp1", "cp0"]
    back = [entry.delivery for entry in [*waiting, *rest]]
    assert back == [each._replace(qos=0, packet_id=0, connection=0) for each in deliveries]
    assert await store.parked_counts() == {"cp1": 1, "cp0": 1}


async def test_the_lines_of_a_log_are_counted_with_the_batch_or_not_at_all(
    store: AnyStore, dsn: str | None, station: Station
) -> None:
    import_id = uuid4()
    await park_log(store, dsn, station, import_id, [b"[1,\n2]", b"[3]"])
    waiting = await store.next_parked(10)
    assert [entry.import_id for entry in waiting] == [import_id, import_id]

    with pytest.raises(ValueError, match="in the middle"):  # noqa: PT012  that is the point
        async with store.transaction() as tx:
            await tx.count_imported([ImportCount(import_id, 1, 1, 1)])
            raise ValueError("in the middle")
    async with store.transaction() as tx:
        await tx.count_imported([ImportCount(import_id, 1, 0, 1)])
    assert await import_counts(store, dsn, import_id) == (1, 0, 1, "queued")
    async with store.transaction() as tx:
        await tx.count_imported([ImportCount(import_id, 0, 1, 0)])
    assert await import_counts(store, dsn, import_id) == (1, 1, 1, "completed")


async def test_long_parked_messages_come_a_few_at_a_time(
    store: AnyStore, dsn: str | None, station: Station
) -> None:
    await park_log(store, dsn, station, uuid4(), [bytes(300_000)] * 3 + [bytes(700_000)] + [bytes(10)])

    taken = []
    while waiting := await store.next_parked(1000):
        taken.append(len(waiting))
        async with store.transaction() as tx:
            await tx.unpark([entry.parked_id for entry in waiting])
    assert taken == [2, 2, 1]


async def park_log(
    store: AnyStore, dsn: str | None, station: Station, import_id: UUID, payloads: list[bytes]
) -> None:
    """Three lines of a log, as an upload leaves them."""
    if dsn is None:
        assert isinstance(store, MemoryStore)
        delivery = Delivery("evse/cp1/telemetry", b"", 1, True, False, at(0), 0, 0)
        for number, payload in enumerate(payloads):
            store.tables.parked[number] = (station.evse_uid, delivery._replace(payload=payload))
            store.tables.import_of[number] = import_id
        return
    connection = await connect(dsn)
    try:
        await connection.execute(
            "INSERT INTO import_job (id, evse_id, sha256, status, created_by, size_bytes, line_count,"
            " stored_count, duplicate_count, rejected_count)"
            " VALUES ($1, $2, '', 'queued', '', 1, 3, 0, 0, 0)",
            import_id,
            station.evse_id,
        )
        await connection.executemany(
            "INSERT INTO parked_message (evse_uid, received_at, topic, payload, qos, retained, redelivered,"
            " import_id) VALUES ($1, $2, 'evse/cp1/telemetry', $3, 1, true, false, $4)",
            [(station.evse_uid, at(0), payload, import_id) for payload in payloads],
        )
    finally:
        await connection.close()


async def import_counts(store: AnyStore, dsn: str | None, import_id: UUID) -> tuple[int, int, int, str]:
    """What an import says of itself."""
    if dsn is None:
        assert isinstance(store, MemoryStore)
        _, *counts = store.tables.imported[import_id]
        return (counts[0], counts[1], counts[2], "completed" if sum(counts) == 3 else "queued")
    connection = await connect(dsn)
    try:
        row = await connection.fetchrow("SELECT * FROM import_job WHERE id = $1", import_id)
    finally:
        await connection.close()
    assert row is not None
    assert (row["status"] == "completed") == (row["completed_at"] is not None)
    return row["stored_count"], row["duplicate_count"], row["rejected_count"], row["status"]


async def test_a_marked_quarter_of_an_hour_is_rolled_up_once_it_is_over(
    store: AnyStore, station: Station
) -> None:
    mark = RollupMark(station.evse_id, 1, at(0))
    async with store.transaction() as tx:
        await tx.add_readings([StationReading(station, charging(0, 0))])
        await tx.mark_rollups([mark, RollupMark(station.evse_id, 1, at(900))])
        await tx.mark_rollups([mark])

    assert await store.roll_up(at(899)) == []
    assert await store.roll_up(at(900)) == [mark]
    assert await store.roll_up(at(900)) == []


async def test_only_one_ingestor_leads_and_the_next_takes_over(database_url: str) -> None:
    settings = make_settings(database_url=database_url)
    await migrate_and_seed(settings)
    first, second = (build_store(settings, must_lead=True) for _ in range(2))
    try:
        await first.lead()
        with pytest.raises(NotLeading):
            await second.lead()
        with pytest.raises(NotLeading):
            async with second.transaction():
                pass

        await first.close()
        await second.lead()
        with pytest.raises(NotLeading):
            await first.lead()
    finally:
        await first.close()
        await second.close()


@pytest.mark.parametrize("another_led", [False, True])
async def test_a_leader_that_lost_its_connection_goes_on_only_if_nobody_led_in_between(
    database_url: str, another_led: bool
) -> None:
    settings = make_settings(database_url=database_url)
    await migrate_and_seed(settings)
    first, second = (build_store(settings, must_lead=True) for _ in range(2))
    try:
        await first.lead()
        await first.close()  # as good as lost: the lock is free
        if another_led:
            await second.lead()
            await second.close()

        goes_on = pytest.raises(NotLeading, match="led while") if another_led else nullcontext()
        with goes_on:
            await first.load_live_stations()
        await first.lead()  # whoever loads everything anew may lead, whatever was in between
        assert await first.load_live_stations() == {}
    finally:
        await first.close()
        await second.close()


@pytest.mark.parametrize("count", [1, 32, 33, 300])
async def test_a_batch_of_any_size_is_written_whole_or_not_at_all(
    store: AnyStore, station: Station, count: int
) -> None:
    rows = [StationReading(station, charging(n, 2.0 * n)) for n in range(count)]
    mark = RollupMark(station.evse_id, 1, at(0))

    async def write(*, is_lost: bool) -> None:
        async with store.transaction() as tx:
            await tx.add_readings(rows)
            station.connector(1).latest = newest(station.connector(1).latest, rows[-1].reading, RULES)
            await tx.save_connectors([(station, 1)])
            await tx.notify([station.connector(1).latest], [])
            if is_lost:
                raise StoreUnavailable("lost")
            await tx.mark_rollups([mark])

    with pytest.raises(StoreUnavailable):
        await write(is_lost=True)
    assert await stored_readings(store, station) == []
    await write(is_lost=False)
    with pytest.raises(StoreConflict):
        await write(is_lost=False)

    assert len(await stored_readings(store, station)) == count
    assert (await store.load_stations(["cp1"]))["cp1"].connectors[1].latest.ts == at(count - 1)


async def edited(store: AnyStore, dsn: str | None, change: str) -> None:
    """Somebody edits cp1 as the API does: `change` is of the columns of `evse`."""
    if dsn is None:
        assert isinstance(store, MemoryStore)
        entry = store.tables.stations["cp1"]
        entry.edited_at = datetime.now(UTC)
        if change == "is_enabled = false":
            entry.is_enabled = False
        else:
            entry.moves, entry.site_id = [(entry.edited_at, entry.site_id)], 2
        return
    connection = await connect(dsn)
    try:
        if change == "site_id = 2":
            await connection.execute(
                "INSERT INTO site (name, timezone, currency) VALUES ('second', 'UTC', 'JMD')"
            )
            await connection.execute(
                "INSERT INTO evse_move (evse_id, moved_at, from_site_id) SELECT id, now(), site_id FROM evse"
            )
        await connection.execute(f"UPDATE evse SET {change}, edited_at = now() WHERE evse_uid = 'cp1'")
    finally:
        await connection.close()


async def test_an_edited_station_is_loaded_again_and_no_other(
    store: AnyStore, station: Station, dsn: str | None
) -> None:
    await store.register_stations(["cp2"])
    registry = Registry(store, IngestRules())
    await registry.require(["cp1", "cp2"])
    known = registry.get("cp2")

    await edited(store, dsn, "is_enabled = false")
    await registry.learn_edits(datetime.now(UTC))
    await registry.require(())
    disabled = registry.get("cp1")
    await registry.learn_edits(datetime.now(UTC))
    await registry.require(())

    assert disabled is not None
    assert not disabled.is_enabled
    assert registry.get("cp1") is disabled, "loaded once for one edit"
    assert registry.get("cp2") is known


async def test_a_station_that_moved_knows_where_it_stood(
    store: AnyStore, station: Station, dsn: str | None
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    await edited(store, dsn, "site_id = 2")

    moved = (await store.load_stations(["cp1"]))["cp1"]

    assert moved.site_id == 2
    assert moved.site_at(before) == 1
    assert moved.site_at(datetime.now(UTC) + timedelta(seconds=1)) == 2
