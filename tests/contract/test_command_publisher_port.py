"""How commands leave (`ingest.ports.CommandPublisher`): over aiomqtt, and through AWS's SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
from structlog.testing import capture_logs

from solarrally.brokers.aws_iot_limits import MAX_PAYLOAD_BYTES
from solarrally.brokers.aws_iot_publisher import AwsIotPublisher
from solarrally.brokers.command_publisher import MqttCommandPublisher
from tests.support.broker_places import Place, running_place
from tests.support.tcp_proxy import TcpProxy

PATIENCE_S = 15.0
SILENCE_S = 0.5
TOPIC = "evse/cp1/commands/6f1c"


@pytest.fixture(params=["python", "mosquitto", "aws_iot"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with running_place(request.param, tmp_path) as running:
        yield running


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Place]:
    with running_place("aws_iot", tmp_path) as running:
        yield running


@asynccontextmanager
async def connected(
    place: Place, *, by: TcpProxy | None = None
) -> AsyncIterator[MqttCommandPublisher | AwsIotPublisher]:
    async with place.publisher(by=by).connection() as publisher:
        await until(lambda: publisher.is_connected)
        yield publisher


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110  the port has no event for it: nobody else waits
            await asyncio.sleep(0.01)


async def test_a_station_that_listens_gets_a_command_with_its_expiry(place: Place) -> None:
    async with connected(place) as publisher, place.device(protocol=aiomqtt.ProtocolVersion.V5) as station:
        await station.subscribe("evse/cp1/commands/#", qos=1)
        assert await publisher.publish(TOPIC, b'{"command":"pause"}', expires_in_s=30)
        async with asyncio.timeout(PATIENCE_S):
            heard = await anext(station.messages)

    assert (str(heard.topic), heard.payload, heard.qos, heard.retain) == (
        TOPIC,
        b'{"command":"pause"}',
        1,
        False,
    )
    assert heard.properties is not None
    assert 28 <= heard.properties.MessageExpiryInterval <= 30  # type: ignore[attr-defined]


async def test_a_command_that_nobody_listens_for_is_taken_all_the_same(place: Place) -> None:
    """The broker has it, and that is what is asked: whether a station acts on it, its answer tells."""
    async with connected(place) as publisher:
        assert await publisher.publish(TOPIC, b"{}", expires_in_s=30)


async def test_without_a_connection_nothing_is_taken(place: Place) -> None:
    publisher = place.publisher()
    assert not publisher.is_connected
    assert not await publisher.publish(TOPIC, b"{}", expires_in_s=30)


async def test_it_comes_back_by_itself_after_the_broker_was_gone(place: Place) -> None:
    async with connected(place) as publisher:
        await asyncio.to_thread(place.server.stop)
        await until(lambda: not publisher.is_connected)
        assert not await publisher.publish(TOPIC, b"{}", expires_in_s=30)
        await asyncio.to_thread(place.server.start)
        await until(lambda: publisher.is_connected)

        assert await publisher.publish(TOPIC, b"{}", expires_in_s=30)


async def test_what_got_no_answer_is_not_sent_again_behind_our_back(place: Place) -> None:
    """It may have expired by then, and the outbox decides what is sent."""
    with TcpProxy(place.server.port) as line:
        async with connected(place, by=line) as publisher, place.device() as station:
            await station.subscribe("evse/cp1/commands/#", qos=1)
            line.swallow()
            assert not await publisher.publish(TOPIC, b"lost", expires_in_s=30)
            await until(lambda: not publisher.is_connected)
            line.heal()
            await until(lambda: publisher.is_connected)
            assert await publisher.publish(TOPIC, b"new", expires_in_s=30)
            async with asyncio.timeout(PATIENCE_S):
                heard = await anext(station.messages)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(SILENCE_S):
                    await anext(station.messages)

    assert heard.payload == b"new"


async def test_many_at_once_are_each_answered(place: Place) -> None:
    """As many as the dispatch sends at once, which is what AWS lets through in a second."""
    async with connected(place) as publisher:
        async with asyncio.timeout(PATIENCE_S):
            taken = await asyncio.gather(
                *(publisher.publish(f"evse/cp{n}/commands/1", b"{}", expires_in_s=30) for n in range(100))
            )

    assert taken == [True] * 100


# -- through AWS's SDK: the answers are told apart. aiomqtt does not show a PUBACK's reason ----------------


async def test_a_refusal_is_told_from_an_answer_and_counted_by_its_code(aws: Place) -> None:
    async with aws.device() as station, connected(aws) as publisher:
        assert isinstance(publisher, AwsIotPublisher)
        await station.subscribe("evse/cp1/commands/#", qos=1)
        with capture_logs() as logs:
            heard = await publisher.publish(TOPIC, b"{}", expires_in_s=30)
            unheard = await publisher.publish("evse/cp2/commands/1", b"{}", expires_in_s=30)
            forbidden = await publisher.publish("evse/cp1/telemetry", b"{}", expires_in_s=30)
        assert publisher.is_connected

    assert (heard, unheard, forbidden) == (True, True, False)
    assert publisher.puback_codes == {0x00: 1, 0x10: 1, 0x87: 1}
    said = {entry["event"]: entry for entry in logs}
    assert "no matching subscribers (0x10)" in said["command_unheard"]["reason"]
    assert "not authorised (0x87)" in said["command_refused"]["reason"]
    assert "iot:Publish" in said["command_refused"]["hint"]


async def test_what_aws_would_end_the_connection_for_is_refused_here(aws: Place) -> None:
    async with connected(aws) as publisher:
        with capture_logs() as logs:
            taken = await publisher.publish(TOPIC, bytes(MAX_PAYLOAD_BYTES + 1), expires_in_s=30)
        assert publisher.is_connected

    assert not taken
    assert "131073 bytes; AWS IoT Core takes 131072" in logs[0]["error"]


async def test_acknowledgements_to_devices_can_leave_by_it_too(aws: Place) -> None:
    publisher = aws.publisher()
    assert isinstance(publisher, AwsIotPublisher)
    await publisher.send([("evse/cp1/commands/acks", b"too early")])
    assert publisher.publishes_dropped == 1
    async with aws.device() as station, publisher.connection():
        await until(lambda: publisher.is_connected)
        await station.subscribe("evse/cp1/commands/#", qos=1)
        await publisher.send([("evse/cp1/commands/acks", b"%d" % n) for n in range(50)])
        async with asyncio.timeout(PATIENCE_S):
            heard = [await anext(station.messages) for _ in range(50)]

    assert [int(bytes(each.payload)) for each in heard] == list(range(50))
    assert {each.qos for each in heard} == {0}


async def test_more_than_can_leave_in_ten_seconds_is_dropped_and_counted(aws: Place) -> None:
    """AWS takes 100 a second of one connection; the SDK keeps to that, and its queue has no bound."""
    async with connected(aws) as publisher:
        assert isinstance(publisher, AwsIotPublisher)
        await publisher.send([("evse/cp1/commands/acks", b"x")] * 1_500)

        assert publisher.publishes_dropped == 500
