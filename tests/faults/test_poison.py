"""One bad message in a batch, at every place of it, in every way of being bad."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from solarrally.embedded.postgres import EmbeddedPostgres
from tests.faults.test_database_faults import assert_rejected, refuse
from tests.support.brokers import running_broker
from tests.support.charging_fleet import FleetStation, Message, fleet
from tests.support.fault_harness import FaultRun, fresh_database
from tests.support.ingestor import IngestorProcess

BATCH = 20
REFUSED_POWER_W = 6666


class PoisonRun:
    """One ingestor that lives through all positions, and what it must have made of them so far."""

    def __init__(self, run: FaultRun, ingestor: IngestorProcess) -> None:
        self.run = run
        self.ingestor = ingestor
        self.stations: list[FleetStation] = fleet(4)
        self.good: list[Message] = []
        self.poison: dict[Message, str] = {}

    def publish_batch(self, poison: Message, reason: str, position: int) -> None:
        """All of it while the ingestor is frozen, so that it finds it in one piece."""
        batch = [self.stations[n % len(self.stations)].next_message() for n in range(BATCH - 1)]
        self.good += batch
        self.poison[poison] = reason
        batches = self.ingestor.counters()["solarrally_batches_total"]
        self.ingestor.freeze()
        batch.insert(position, poison)
        self.run.publisher(batch, rate=1e6).finish(now=False)
        self.ingestor.thaw()
        self.run.wait_until(
            "the batch has its fates",
            lambda: (
                self.ingestor.counters().get("solarrally_batches_total", 0) > batches
                and self.run.stored_count() >= len(self.good)
            ),
        )


@pytest.fixture(scope="module")
def poisoned(
    shared_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PoisonRun]:
    folder: Path = tmp_path_factory.mktemp("poison")
    with (
        fresh_database(shared_server) as database_url,
        running_broker("mosquitto") as broker,
        FaultRun(database_url, broker, folder, shared_server) as run,
    ):
        refuse(run, "23514", when=f"NEW.power_w = {REFUSED_POWER_W}")
        yield PoisonRun(run, run.ingestor())


@pytest.fixture(params=range(BATCH))
def position(request: pytest.FixtureRequest) -> int:
    place: int = request.param
    return place


def refused(message: Message) -> Message:
    """Well-formed, and a check of the database refuses it."""
    return message._replace(payload=b'{"power_w": %d, "status": "charging"}' % REFUSED_POWER_W)


def malformed(message: Message) -> Message:
    return message._replace(payload=message.payload[:-1])


def with_wrong_type(message: Message) -> Message:
    return message._replace(payload=b'{"power_w": "7200"}')


SPOILED: list[tuple[Callable[[Message], Message], str]] = [
    (refused, "refused_by_database"),
    (malformed, "malformed_json"),
    (with_wrong_type, "invalid_field"),
]


def test_a_poison_message_is_rejected_alone_wherever_it_stands(poisoned: PoisonRun, position: int) -> None:
    for spoil, reason in SPOILED:
        [station] = fleet(1, prefix=f"poison{len(poisoned.poison)}x")

        poisoned.publish_batch(spoil(station.next_message()), reason, position)

    poisoned.run.prove(poisoned.good, poisoned.ingestor, is_sole_writer=True)
    assert_rejected(poisoned.run, poisoned.ingestor, poisoned.poison)
