"""When the certificates of the connection to the broker end, on a real Mosquitto with client certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from solarrally.brokers.address import parse_address
from solarrally.brokers.aws_iot import AwsIotBroker
from solarrally.brokers.aws_iot_endpoint import AwsIotEndpoint, ClientIdentity
from solarrally.brokers.aws_iot_publisher import AwsIotPublisher
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.mosquitto import MosquittoBroker
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.rules import IngestRules
from solarrally.metrics import IngestCollector
from tests.fakes.memory_store import MemoryStore
from tests.support.tls_mosquitto import Authority, TlsMosquitto

PATIENCE_S = 30.0
TODAY = datetime.now(UTC).replace(microsecond=0)
SOON = TODAY + timedelta(days=29)
NOT_SOON = TODAY + timedelta(days=31)
LATER = TODAY + timedelta(days=365)
MUCH_LATER = TODAY + timedelta(days=3650)

AnyBroker = MosquittoBroker | AwsIotBroker
MakeBroker = Callable[[int, ClientIdentity], AnyBroker]


def _now() -> datetime:
    return datetime.now(UTC)


def _quick() -> Backoff:
    return Backoff(first_s=0.2, longest_s=2.0)


def _mosquitto(port: int, identity: ClientIdentity) -> MosquittoBroker:
    return MosquittoBroker(
        parse_address(f"mqtts://localhost:{port}"),
        client_id="ingestor",
        topic_filters=["evse/#"],
        now=_now,
        ca_file=identity.ca_file,
        cert_file=identity.cert_file,
        key_file=identity.key_file,
        backoff=_quick(),
    )


def _aws_iot(port: int, identity: ClientIdentity) -> AwsIotBroker:
    endpoint = AwsIotEndpoint(host="localhost", port=port)
    return AwsIotBroker(
        endpoint, identity, client_id="ingestor", topic_filters=["evse/#"], now=_now, backoff=_quick()
    )


either = pytest.mark.parametrize(
    ("make", "sees_the_servers"),
    [
        pytest.param(_mosquitto, True, id="mosquitto"),
        pytest.param(_aws_iot, False, id="aws_iot"),  # AWS's SDK does not tell what the server showed
    ],
)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110  the port has no event for it: nobody else waits
            await asyncio.sleep(0.01)


@either
async def test_each_connection_says_when_its_certificates_end_and_warns_a_month_before(
    tmp_path: Path, make: MakeBroker, sees_the_servers: bool
) -> None:
    authority = Authority(tmp_path, ends_at=MUCH_LATER)
    server = TlsMosquitto(tmp_path, authority)
    authority.identity("server", ends_at=NOT_SOON)
    broker = make(server.port, authority.identity("ingestor", ends_at=SOON))
    server.start()
    try:
        with capture_logs() as first:
            async with broker.connection():
                await until(lambda: broker.listening_since is not None)
                ends = dict(broker.certificate_ends)
                with capture_logs() as second:
                    server.stop()
                    await until(lambda: broker.listening_since is None)
                    authority.identity("ingestor", ends_at=LATER)
                    authority.identity("server", ends_at=SOON)
                    server.start()
                    await until(lambda: broker.listening_since is not None)
                    renewed = dict(broker.certificate_ends)
    finally:
        server.stop()

    seen = {"server": NOT_SOON} if sees_the_servers else {}
    seen_again = {"server": SOON} if sees_the_servers else {}
    assert ends == {"client": SOON, "authority": MUCH_LATER, **seen}
    assert renewed == {"client": LATER, "authority": MUCH_LATER, **seen_again}
    assert warned_of(first) == {"client": SOON.isoformat()}
    assert warned_of(second) == {name: end.isoformat() for name, end in seen_again.items()}


def warned_of(logs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    told = [entry for entry in logs if entry["event"] == "broker_certificate_ends_soon"]
    assert {entry["log_level"] for entry in told} <= {"warning"}
    return {entry["certificate"]: entry["not_after"] for entry in told}


@either
def test_a_standby_knows_its_files_before_it_ever_connects(
    tmp_path: Path, make: MakeBroker, sees_the_servers: bool
) -> None:
    broker = make(1, Authority(tmp_path, ends_at=MUCH_LATER).identity("ingestor", ends_at=SOON))
    assert scraped(broker) == {}

    broker.check_certificates()

    assert scraped(broker) == {"client": SOON.timestamp(), "authority": MUCH_LATER.timestamp()}


def test_without_tls_nothing_is_said(tmp_path: Path) -> None:
    ours = Authority(tmp_path).identity("ingestor")
    broker = MosquittoBroker(
        parse_address("mqtt://localhost"),
        client_id="ingestor",
        topic_filters=[],
        now=_now,
        cert_file=ours.cert_file,
        key_file=ours.key_file,
    )

    broker.check_certificates()

    assert scraped(broker) == {}


def scraped(broker: AnyBroker) -> dict[str, float]:
    """What Prometheus gets, by certificate."""
    collector = IngestCollector(Pipeline(broker, MemoryStore(), IngestRules(), _now), broker, _now)
    name = "solarrally_broker_certificate_not_after_seconds"
    [ends] = [metric for metric in collector.collect() if metric.name == name]
    return {sample.labels["certificate"]: sample.value for sample in ends.samples}


async def test_who_only_answers_devices_knows_the_ends_too(tmp_path: Path) -> None:
    """An ingestor that reads a stream has no other connection with a certificate."""
    authority = Authority(tmp_path, ends_at=MUCH_LATER)
    server = TlsMosquitto(tmp_path, authority)
    endpoint = AwsIotEndpoint(host="localhost", port=server.port)
    ours = authority.identity("commands", ends_at=SOON)
    publisher = AwsIotPublisher(endpoint, ours, client_id="acks", backoff=_quick())
    server.start()
    try:
        publisher.check_certificates()
        assert publisher.certificate_ends == {"client": SOON, "authority": MUCH_LATER}
        authority.identity("commands", ends_at=LATER)
        async with publisher.connection():
            await until(lambda: publisher.is_connected)
            assert publisher.certificate_ends == {"client": LATER, "authority": MUCH_LATER}
    finally:
        server.stop()
