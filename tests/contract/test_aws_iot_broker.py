"""What is particular to the adapter to AWS IoT Core, on a real Mosquitto with client certificates: AWS's
limits, its silence about repetitions, and what goes wrong with certificates and policies.

A failed TLS handshake takes 10 s and more: s2n, the TLS of AWS's SDK, waits on purpose.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from solarrally.brokers.aws_iot import AwsIotBroker
from solarrally.brokers.aws_iot_endpoint import AwsIotEndpoint
from solarrally.brokers.aws_iot_limits import MAX_PAYLOAD_BYTES
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.crt_connection import CrtConnection
from solarrally.errors import SettingsError
from solarrally.ingest.ports import Delivery
from tests.support.broker_places import TlsPlace
from tests.support.tls_mosquitto import Authority, running_tls_mosquitto

PATIENCE_S = 15.0
TLS_PATIENCE_S = 45.0


@pytest.fixture
def place(tmp_path: Path) -> Iterator[TlsPlace]:
    with running_tls_mosquitto(tmp_path) as server:
        yield TlsPlace("aws_iot", server, shared_group=None)


@asynccontextmanager
async def connected(place: TlsPlace, **changes: Any) -> AsyncIterator[AwsIotBroker]:
    async with place.adapter(**changes).connection() as broker:
        await until(lambda: broker.listening_since is not None)
        yield broker


async def until(is_so: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    async with asyncio.timeout(patience_s):
        while not is_so():  # noqa: ASYNC110  the port has no event for it: nobody else waits
            await asyncio.sleep(0.01)


async def publish(place: TlsPlace, *payloads: bytes, topic: str = "evse/cp1/telemetry", qos: int = 1) -> None:
    async with place.device() as device:
        for payload in payloads:
            await device.publish(topic, payload, qos=qos)


async def take(broker: AwsIotBroker, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(taken) < count:
            taken += await broker.next_batch(count - len(taken), timeout_s=1.0)
    return taken


def numbers(deliveries: list[Delivery]) -> list[int]:
    return [int(delivery.payload) for delivery in deliveries]


# -- AWS's limits ------------------------------------------------------------------------------------


async def test_the_largest_message_arrives_whole_and_what_follows_it_too(place: TlsPlace) -> None:
    large = bytes(range(256)) * 512
    assert len(large) == MAX_PAYLOAD_BYTES
    async with connected(place) as broker:
        await publish(place, large, b"1")

        received = await take(broker, 2)

    assert [delivery.payload for delivery in received] == [large, b"1"]


async def test_what_aws_would_end_the_connection_for_is_refused_here_by_name(place: TlsPlace) -> None:
    async with connected(place) as broker, place.device() as device:
        await device.subscribe("evse/#", qos=1)
        with capture_logs() as logs:
            await broker.publish(
                [
                    ("evse/cp1/acks", bytes(MAX_PAYLOAD_BYTES + 1)),
                    ("evse/a/b/c/d/e/f/g/h", b"too deep"),
                    ("evse/+/acks", b"no topic"),
                    ("evse/cp1/acks", b"good"),
                ]
            )
        async with asyncio.timeout(PATIENCE_S):
            heard = await anext(device.messages)

    assert heard.payload == b"good"
    assert broker.publishes_dropped == 3
    assert "131073 bytes; AWS IoT Core takes 131072" in logs[0]["error"]
    assert "8 slashes" in logs[1]["error"]
    assert "wildcards" in logs[2]["error"]


async def test_more_filters_than_one_subscribe_may_have_are_all_heard(place: TlsPlace) -> None:
    filters = [f"evse/cp{n}/#" for n in range(20)]
    async with connected(place, topic_filters=filters) as broker:
        for n in (0, 8, 19):
            await publish(place, b"%d" % n, topic=f"evse/cp{n}/telemetry")

        assert numbers(await take(broker, 3)) == [0, 8, 19]


async def test_what_it_shall_hear_further_is_heard_and_later_no_more(place: TlsPlace) -> None:
    async with connected(place) as broker:
        await broker.hear(["garage/#"])
        await publish(place, b"1", topic="garage/wallbox/power")
        assert numbers(await take(broker, 1)) == [1]
        await asyncio.to_thread(place.server.restart)
        await until(lambda: broker.reconnects > 0 and broker.listening_since is not None)
        await publish(place, b"2", topic="garage/wallbox/power")  # asked for again after the loss
        assert numbers(await take(broker, 2))[-1] == 2
        await broker.hear([])
        await publish(place, b"3", topic="garage/wallbox/power")
        await publish(place, b"4")
        assert numbers(await take(broker, 1)) == [4]


async def test_further_filters_that_cost_the_connection_are_done_without(
    place: TlsPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS may end the connection (0x87) where Mosquitto only refuses: the stations of our own come first."""
    original = CrtConnection.subscribe

    async def as_aws_may(self: CrtConnection, topic_filters: Sequence[str]) -> list[tuple[str, int]]:
        if any(each.startswith("garage/") for each in topic_filters):
            self._note_disconnected(_ended_with(0x87))
        return await original(self, topic_filters)

    monkeypatch.setattr(CrtConnection, "subscribe", as_aws_may)
    with capture_logs() as logs:
        async with connected(place) as broker:
            await broker.hear(["garage/#"])
            await until(lambda: any(entry["event"] == "stations_unheard" for entry in logs))
            await until(lambda: broker.listening_since is not None)
            await publish(place, b"1")
            assert numbers(await take(broker, 1)) == [1]

    said = next(entry for entry in logs if entry["event"] == "stations_unheard")
    assert said["not_subscribed"] == ["garage/#"]
    assert "iot:Subscribe" in said["hint"]


async def test_filters_beyond_what_a_connection_may_have_are_said_and_not_asked_for(place: TlsPlace) -> None:
    async with connected(place) as broker:
        with capture_logs() as logs:
            await broker.hear([f"garage/{n}/power" for n in range(60)])
        await publish(place, b"1", topic="garage/48/power")
        await publish(place, b"2", topic="garage/49/power")
        await publish(place, b"3")

        assert numbers(await take(broker, 2)) == [1, 3]

    [said] = [entry for entry in logs if entry["event"] == "stations_unheard"]
    assert said["not_subscribed"] == sorted(f"garage/{n}/power" for n in range(49, 60))


def test_filters_that_no_connection_can_have_are_refused_at_the_start(tmp_path: Path) -> None:
    identity = Authority(tmp_path).identity("ingestor")
    for filters in ([f"evse/{n}" for n in range(51)], ["a/b/c/d/e/f/g/h/i"]):
        with pytest.raises(ValueError, match="AWS IoT Core takes"):
            AwsIotBroker(
                AwsIotEndpoint(host="localhost", port=8883),
                identity,
                client_id="ingestor",
                topic_filters=filters,
                now=lambda: datetime.now(UTC),
            )


# -- back-pressure and loss --------------------------------------------------------------------------


async def test_when_there_is_no_room_qos_0_is_dropped_and_counted(
    place: TlsPlace,
) -> None:
    async with connected(place, max_waiting=50) as broker:
        await publish(place, *(b"%d" % n for n in range(80)), qos=0)
        await until(lambda: broker.received_messages == 80)
        assert (broker.waiting, broker.messages_dropped) == (50, 30)
        assert numbers(await take(broker, 50)) == list(range(50))
        await publish(place, b"80", qos=0)

        assert numbers(await take(broker, 1)) == [80]


async def test_the_first_window_on_a_resumed_session_may_be_repetitions_and_what_comes_after_is_not(
    place: TlsPlace,
) -> None:
    """AWS supports no DUP flag, and the SDK does not show it."""
    async with connected(place, receive_maximum=10) as broker:
        await publish(place, *(b"%d" % n for n in range(10)))
        fresh = await take(broker, 10)
        await broker.acknowledge(fresh[:4])

    async with connected(place, receive_maximum=10) as broker:
        again = await take(broker, 6)
        await broker.acknowledge(again)
        await publish(place, *(b"%d" % n for n in range(10, 20)))
        later = await take(broker, 10)

    assert not any(delivery.redelivered for delivery in fresh)
    assert (numbers(again), numbers(later)) == (list(range(4, 10)), list(range(10, 20)))
    assert all(delivery.redelivered for delivery in [*again, *later[:4]])
    assert not any(delivery.redelivered for delivery in later[4:])


async def test_an_ingestor_killed_before_it_acknowledged_leaves_its_messages_to_the_next(
    place: TlsPlace, tmp_path: Path
) -> None:
    """kill -9 between what stands for the commit and the acknowledgement, in a process of its own."""
    taken = tmp_path / "taken"
    child = subprocess.Popen(  # noqa: ASYNC220  it is there at once, and ours to kill
        [sys.executable, "-c", _TAKES_AND_HANGS, str(place.server.port), str(tmp_path), str(taken)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    )
    try:
        await until(lambda: taken.exists() and taken.read_text() == "listening", 30)
        await publish(place, *(b"%d" % n for n in range(30)))
        await until(lambda: taken.read_text() == "30")
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=PATIENCE_S)

    async with connected(place) as broker:
        again = await take(broker, 20)
        await broker.acknowledge(again)
        assert await broker.next_batch(10, timeout_s=0.3) == []

    assert numbers(again) == list(range(10, 30))  # the child had acknowledged ten
    assert all(delivery.redelivered for delivery in again)


_TAKES_AND_HANGS = """
import asyncio, sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from solarrally.brokers.aws_iot import AwsIotBroker
from solarrally.brokers.aws_iot_endpoint import AwsIotEndpoint, ClientIdentity

port, folder, taken = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
identity = ClientIdentity(
    cert_file=folder / "ingestor.pem", key_file=folder / "ingestor.key", ca_file=folder / "test-ca.pem"
)

async def main():
    broker = AwsIotBroker(
        AwsIotEndpoint(host="localhost", port=port), identity, client_id="ingestor-under-test",
        topic_filters=["evse/#"], now=lambda: datetime.now(UTC),
    )
    async with broker.connection():
        while broker.listening_since is None:
            await asyncio.sleep(0.01)
        taken.write_text("listening")
        deliveries = []
        while len(deliveries) < 30:
            deliveries += await broker.next_batch(30, 1.0)
        await broker.acknowledge(deliveries[:10])
        await broker.hear(["garage/#"])  # its answer comes after the acknowledgements were read
        taken.write_text("30")
        await asyncio.sleep(3600)

asyncio.run(main())
"""


async def test_a_session_that_the_broker_forgot_is_said(place: TlsPlace, tmp_path: Path) -> None:
    async with connected(place) as broker:
        with capture_logs() as logs:
            await asyncio.to_thread(place.server.stop)
            (tmp_path / "mosquitto.db").unlink()
            await asyncio.to_thread(place.server.start)
            await until(lambda: broker.listening_since is not None and broker.reconnects > 0)

    assert "broker_session_lost" in [entry["event"] for entry in logs]


async def test_who_was_taken_over_stands_back_before_it_tries_again(place: TlsPlace) -> None:
    """AWS says why it ends a connection (0x8E). Mosquitto 2.0 does not, so that is told here in its stead."""
    async with connected(place, backoff=Backoff(first_s=0.01, longest_s=3600.0)) as broker:
        crt = broker._crt
        assert crt is not None
        with capture_logs() as logs:
            crt._note_disconnected(_ended_with(0x8E))
            await until(lambda: broker.listening_since is None)
            await until(lambda: any(entry["event"] == "broker_unavailable" for entry in logs))

    events = {entry["event"]: entry for entry in logs}
    assert events["session_taken_over"]["client_id"] == "ingestor-under-test"
    assert events["broker_unavailable"]["retry_in_s"] >= 1800


def _ended_with(reason_code: int) -> Any:
    """The SDK's event when the broker ends a connection and says why."""
    packet = SimpleNamespace(reason_code=reason_code, reason_string=None, server_reference=None)
    return SimpleNamespace(disconnect_packet=packet)


# -- certificates and policies -----------------------------------------------------------------------


async def test_a_broker_of_another_authority_is_refused_until_the_right_file_is_there(
    place: TlsPlace, tmp_path: Path
) -> None:
    """Files are read for each connection: a mistake is mended without a restart."""
    right = place.server.authority.ca_file.read_bytes()
    (tmp_path / "elsewhere").mkdir()
    wrong = Authority(tmp_path / "elsewhere").ca_file.read_bytes()
    place.server.authority.ca_file.write_bytes(wrong)
    with capture_logs() as logs:
        async with place.adapter().connection() as broker:
            # Before the next attempt reads the files, which fails 10 s later again.
            await until(lambda: any(entry["event"] == "broker_unavailable" for entry in logs), TLS_PATIENCE_S)
            assert broker.listening_since is None
            place.server.authority.ca_file.write_bytes(right)
            await until(lambda: broker.listening_since is not None, TLS_PATIENCE_S)
            await publish(place, b"1")
            assert numbers(await take(broker, 1)) == [1]

    said = next(entry["error"] for entry in logs if entry["event"] == "broker_unavailable")
    assert "TLS" in said
    assert "signed by the authority we trust" in said


async def test_a_certificate_of_another_authority_is_not_let_in(place: TlsPlace, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    foreign = Authority(tmp_path / "elsewhere").identity("ingestor")
    own = place.server.authority.ca_file
    place.identities["ingestor"] = replace(foreign, ca_file=own)
    with capture_logs() as logs:
        async with place.adapter().connection() as broker:
            await until(lambda: broker.reconnects > 0, TLS_PATIENCE_S)
            assert broker.listening_since is None

    said = next(entry["error"] for entry in logs if entry["event"] == "broker_unavailable")
    assert "certificate" in said


async def test_files_that_cannot_be_used_stop_the_start_by_name(place: TlsPlace, tmp_path: Path) -> None:
    good, other = place.identities["ingestor"], place.server.authority.identity("other")
    for wrong in ({"key_file": other.key_file}, {"cert_file": tmp_path / "nowhere.pem"}):
        place.identities["ingestor"] = replace(good, **wrong)
        [file] = wrong.values()
        with pytest.raises(SettingsError, match=f"the certificates for localhost.*{file.name}"):
            async with place.adapter().connection():
                raise AssertionError("it started")


async def test_a_refused_subscription_is_said_and_asked_for_again(tmp_path: Path) -> None:
    """Mosquitto's dynamic-security plugin answers 0x87, as AWS does where the policy does not allow it."""
    with running_tls_mosquitto(tmp_path, roles={"ingestor": "evse/cp1/#"}) as server:
        refused = TlsPlace("aws_iot", server, shared_group=None)
        with capture_logs() as logs:
            async with refused.adapter().connection() as broker:
                await until(lambda: broker.reconnects > 1)
                assert broker.listening_since is None
        allowed = refused.adapter(topic_filters=["evse/cp1/#"])
        async with allowed.connection():
            await until(lambda: allowed.listening_since is not None)

    said = next(entry for entry in logs if entry["event"] == "subscription_refused")
    assert said["topic_filter"] == "evse/#"
    assert "not authorised (0x87)" in said["reason"]
    assert "iot:Subscribe" in said["hint"]


async def test_it_can_be_left_at_any_instant_of_connecting(place: TlsPlace) -> None:
    """Also before the broker has let us in, which the SDK bears only if nothing is said then."""
    for n in range(30):
        began_s = asyncio.get_running_loop().time()
        async with place.adapter().connection():
            await asyncio.sleep(n / 1_000)
        assert asyncio.get_running_loop().time() - began_s < 4


async def test_what_comes_before_we_know_that_we_are_connected_is_acknowledged_too(
    place: TlsPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backlog comes right behind the CONNACK. Left unacknowledged it would fill the window for good."""
    async with connected(place):
        pass
    await publish(place, *(b"%d" % n for n in range(150)))
    original = CrtConnection.open

    async def slowly(self: CrtConnection) -> Any:
        negotiated = await original(self)
        await asyncio.sleep(1)
        return negotiated

    monkeypatch.setattr(CrtConnection, "open", slowly)
    received: list[Delivery] = []
    async with place.adapter().connection() as broker:
        while len(received) < 150:
            batch = await take(broker, 1)
            await broker.acknowledge(batch)
            received += batch

    assert numbers(received) == list(range(150))
