"""The judge of all other tests notices what it is there to notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from solarrally.embedded.postgres import EmbeddedPostgres
from tests.support.brokers import running_broker
from tests.support.charging_fleet import Message, fleet, rounds
from tests.support.fault_harness import FaultRun, execute, fresh_database
from tests.support.judge import judge, wrong_counters

COLUMNS = "received_at, evse_id, connector_id, quality, power_w, ts, digest"
OTHERS = "received_at, evse_id, connector_id, quality, power_w"
TAMPERED = {
    "lost": "DELETE FROM reading WHERE power_w = (SELECT max(power_w) FROM reading)",
    "never published": f"INSERT INTO reading ({COLUMNS}) "
    f"SELECT {OTHERS}, ts + interval '1 s', digest FROM reading LIMIT 1",
    "stored twice": f"INSERT INTO reading ({COLUMNS}) SELECT {OTHERS}, ts, digest + 1 FROM reading LIMIT 1",
    "stored otherwise than published": "UPDATE reading SET power_w = power_w + 1 WHERE power_w > 0",
    "sessions that differ from the reference": "UPDATE charging_session "
    "SET energy_wh = energy_wh + 1, energy_grid_wh = energy_grid_wh + 1",
    "sessions with wrong bills": "UPDATE charging_session SET cost = cost + 1 WHERE status = 'COMPLETED'",
    "rollups that are wrong and not due": "UPDATE reading_15min SET reading_count = reading_count + 1",
    "connectors whose newest is wrong": "UPDATE connector SET ts = ts - interval '5 s'",
}


@dataclass(slots=True, frozen=True)
class Ingested:
    """A run that has ended well."""

    database_url: str
    messages: list[Message]
    began_at: datetime


@pytest.fixture(scope="module")
def ingested(shared_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingested]:
    with (
        fresh_database(shared_server) as database_url,
        running_broker("mosquitto") as broker,
        FaultRun(database_url, broker, tmp_path_factory.mktemp("ingested")) as run,
    ):
        messages = rounds(fleet(8), 80)
        ingestor = run.ingestor()
        run.publisher(messages, rate=5000).finish(now=False)
        run.wait_until_rolled_up()
        run.prove(messages, ingestor, is_sole_writer=True)
        assert ingestor.stop() == 0
        yield Ingested(database_url, messages, run.began_at)


@pytest.mark.parametrize("kind", TAMPERED)
def test_the_judge_notices_what_is_wrong(
    shared_server: EmbeddedPostgres, ingested: Ingested, kind: str
) -> None:
    with fresh_database(shared_server, ingested.database_url) as database_url:
        before = judge(database_url, ingested.messages, since=ingested.began_at)
        execute(database_url, TAMPERED[kind])

        after = judge(database_url, ingested.messages, since=ingested.began_at)

    assert not before.faults
    assert any(fault.startswith(kind) for fault in after.faults), after


def test_counters_that_do_not_add_up_are_noticed() -> None:
    right = {
        "solarrally_messages_delivered_total": 10.0,
        'solarrally_messages_total{fate="stored"}': 7.0,
        'solarrally_messages_total{fate="duplicate"}': 3.0,
        "solarrally_readings_stored_total": 7.0,
        "solarrally_readings_duplicate_total": 3.0,
        "solarrally_reading_conflicts_unexplained_total": 0.0,
    }

    assert wrong_counters(right, stored=7) == []
    assert all(wrong_counters({**right, name: value + 1}, stored=7) for name, value in right.items())
