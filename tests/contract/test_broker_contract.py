"""What the product relies on in a broker, checked on the embedded one and on Mosquitto alike."""

import contextlib
import queue
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import aiomqtt
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.mosquitto_program import download_dir
from tests.support.brokers import running_broker

V311, V5 = MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5
PATIENCE_S = 10.0
SILENCE_S = 0.4
SESSION_EXPIRY_S = 3600


@pytest.fixture(scope="module", params=["python", "mosquitto"])
def broker(request: pytest.FixtureRequest) -> Iterator[BrokerProcess]:
    with running_broker(request.param) as running:
        yield running


@pytest.fixture(params=[V311, V5], ids=["v311", "v5"])
def version(request: pytest.FixtureRequest) -> MQTTProtocolVersion:
    chosen: MQTTProtocolVersion = request.param
    return chosen


@pytest.fixture
def station() -> str:
    """A station id of this test's own."""
    return f"st-{uuid.uuid4().hex[:8]}"


class Client:
    """A paho client with its thread, whose messages wait in a queue and are acknowledged only when told."""

    def __init__(
        self,
        broker: BrokerProcess,
        version: MQTTProtocolVersion,
        user: str = "ingestor",
        *,
        client_id: str = "",
        keeps_session: bool = False,
        password: str | None = None,
    ) -> None:
        self.received: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self.acknowledged: queue.Queue[tuple[int, ReasonCode]] = queue.Queue()
        self.answer: queue.Queue[tuple[bool, ReasonCode]] = queue.Queue()
        self.granted: queue.Queue[list[ReasonCode]] = queue.Queue()
        self._broker, self._version, self._keeps_session = broker, version, keeps_session
        clean_session = None if version == V5 else not keeps_session
        self.paho = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=version,
            manual_ack=True,
            clean_session=clean_session,
        )
        known = next(entry.password for entry in broker.users if entry.name == user)
        self.paho.username_pw_set(user, known if password is None else password)
        self.paho.on_message = lambda client, userdata, message: self.received.put(message)
        self.paho.on_connect = lambda client, userdata, flags, reason, properties: self.answer.put(
            (flags.session_present, reason)
        )
        self.paho.on_publish = lambda client, userdata, mid, reason, properties: self.acknowledged.put(
            (mid, reason)
        )
        self.paho.on_subscribe = lambda client, userdata, mid, reasons, properties: self.granted.put(reasons)

    def connect(self, *, receive_maximum: int | None = None) -> tuple[bool, ReasonCode]:
        """Connect; returns whether the session was there, and what the broker said."""
        if self._version == V5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            if self._keeps_session:
                properties.SessionExpiryInterval = SESSION_EXPIRY_S
            if receive_maximum is not None:
                properties.ReceiveMaximum = receive_maximum
            self.paho.connect(
                "127.0.0.1", self._broker.port, 30, clean_start=not self._keeps_session, properties=properties
            )
        else:
            self.paho.connect("127.0.0.1", self._broker.port, 30)
        self.paho.loop_start()
        return self.answer.get(timeout=PATIENCE_S)

    def subscribe(self, topic_filter: str, qos: int = 1) -> list[ReasonCode]:
        """Subscribe; returns what was granted."""
        self.paho.subscribe(topic_filter, qos)
        return self.granted.get(timeout=PATIENCE_S)

    def publish(self, topic: str, payload: str, qos: int = 1, *, retain: bool = False) -> ReasonCode:
        """Publish and wait for the acknowledgement."""
        self.paho.publish(topic, payload, qos, retain)
        return self.acknowledged.get(timeout=PATIENCE_S)[1]

    def next(self) -> paho.MQTTMessage:
        """The next message; fails the test if none comes."""
        return self.received.get(timeout=PATIENCE_S)

    def payloads(self, count: int, *, acknowledge: bool = True) -> list[str]:
        """The next messages' payloads, acknowledged or not."""
        payloads = []
        for _ in range(count):
            message = self.next()
            payloads.append(message.payload.decode())
            if acknowledge:
                self.paho.ack(message.mid, message.qos)
        return payloads

    def hears_nothing(self) -> bool:
        """Whether no message comes for a while."""
        try:
            self.received.get(timeout=SILENCE_S)
        except queue.Empty:
            return True
        return False

    def leave(self) -> None:
        """Disconnect politely."""
        self.paho.disconnect()
        self.paho.loop_stop()

    def vanish(self) -> None:
        """Be gone without a word, as after a power cut."""
        self.paho.loop_stop()
        connection = self.paho.socket()
        if connection is not None:
            connection.close()


Connect = Callable[..., Client]


@pytest.fixture
def connected(broker: BrokerProcess, version: MQTTProtocolVersion) -> Iterator[Connect]:
    """Makes connected clients, and disconnects them at the end."""
    clients: list[Client] = []

    def connect(user: str = "ingestor", *, receive_maximum: int | None = None, **options: object) -> Client:
        client = Client(broker, version, user, **options)  # type: ignore[arg-type]
        _, reason = client.connect(receive_maximum=receive_maximum)
        assert not reason.is_failure, reason
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.leave()


def test_qos_1_messages_arrive_once_and_in_order(connected: Connect, station: str) -> None:
    ingestor, fleet = connected(), connected("fleet")
    ingestor.subscribe(f"evse/{station}/telemetry")
    for number in range(200):
        fleet.paho.publish(f"evse/{station}/telemetry", str(number), 1)
    assert ingestor.payloads(200) == [str(number) for number in range(200)]
    assert ingestor.hears_nothing()


def test_qos_0_messages_arrive(connected: Connect, station: str) -> None:
    ingestor, fleet = connected(), connected("fleet")
    ingestor.subscribe(f"evse/{station}/telemetry")
    fleet.paho.publish(f"evse/{station}/telemetry", "now", 0)
    message = ingestor.next()
    assert (message.payload, message.qos) == (b"now", 0)


def test_unacknowledged_messages_come_again_in_order_after_a_reconnect(
    connected: Connect, station: str
) -> None:
    client_id = f"ingestor-{station}"
    first, fleet = connected(client_id=client_id, keeps_session=True), connected("fleet")
    first.subscribe(f"evse/{station}/telemetry")
    for number in range(50):
        fleet.publish(f"evse/{station}/telemetry", str(number))
    assert first.payloads(20) == [str(number) for number in range(20)]
    first.payloads(30, acknowledge=False)
    time.sleep(0.2)  # let the acknowledgements reach the broker before the line goes dead
    first.vanish()
    second = connected(client_id=client_id, keeps_session=True)
    messages = [second.next() for _ in range(30)]
    assert [message.payload.decode() for message in messages] == [str(number) for number in range(20, 50)]
    assert all(message.dup for message in messages)


def test_a_persistent_session_gets_what_was_published_while_it_was_away(
    connected: Connect, broker: BrokerProcess, version: MQTTProtocolVersion, station: str
) -> None:
    client_id = f"ingestor-{station}"
    first, fleet = connected(client_id=client_id, keeps_session=True), connected("fleet")
    first.subscribe(f"evse/{station}/telemetry")
    first.leave()
    for number in range(300):
        fleet.publish(f"evse/{station}/telemetry", str(number))
    second = Client(broker, version, client_id=client_id, keeps_session=True)
    was_there, _ = second.connect()
    assert was_there
    assert second.payloads(300) == [str(number) for number in range(300)]
    second.leave()


def test_a_session_that_was_not_to_be_kept_is_gone(connected: Connect, station: str) -> None:
    client_id = f"ingestor-{station}"
    first, fleet = connected(client_id=client_id), connected("fleet")
    first.subscribe(f"evse/{station}/telemetry")
    first.leave()
    fleet.publish(f"evse/{station}/telemetry", "unheard")
    assert connected(client_id=client_id).hears_nothing()


@pytest.mark.parametrize("version", [V5], ids=["v5"])  # MQTT 3.1.1 has no receive maximum
def test_no_more_than_receive_maximum_is_in_flight(connected: Connect, station: str) -> None:
    ingestor, fleet = connected(receive_maximum=10), connected("fleet")
    ingestor.subscribe(f"evse/{station}/telemetry")
    for number in range(30):
        fleet.publish(f"evse/{station}/telemetry", str(number))
    messages = [ingestor.next() for _ in range(10)]
    assert ingestor.hears_nothing()
    for message in messages:
        ingestor.paho.ack(message.mid, message.qos)
    assert ingestor.payloads(20) == [str(number) for number in range(10, 30)]


def test_the_retained_flag_is_set_only_for_what_was_there_before(connected: Connect, station: str) -> None:
    early, fleet = connected(), connected("fleet")
    early.subscribe(f"evse/{station}/status")
    fleet.publish(f"evse/{station}/status", "online", retain=True)
    assert not early.next().retain
    late = connected()
    late.subscribe(f"evse/{station}/status")
    assert late.next().retain
    fleet.publish(f"evse/{station}/status", "", retain=True)  # the broker forgets it
    assert late.next().payload == b""
    latest = connected()
    latest.subscribe(f"evse/{station}/status")
    assert latest.hears_nothing()


@pytest.mark.parametrize("is_polite", [False, True], ids=["vanishes", "says goodbye"])
def test_the_last_will_is_published_only_when_a_client_vanishes(
    connected: Connect, broker: BrokerProcess, version: MQTTProtocolVersion, station: str, is_polite: bool
) -> None:
    ingestor = connected()
    ingestor.subscribe(f"evse/{station}/status")
    device = Client(broker, version, "fleet")
    device.paho.will_set(f"evse/{station}/status", "offline", 1, retain=True)
    device.connect()
    if is_polite:
        device.leave()
        assert ingestor.hears_nothing()
    else:
        device.vanish()
        assert ingestor.payloads(1) == ["offline"]


@pytest.mark.parametrize(("user", "password"), [("ingestor", "wrong"), ("fleet", "")])
def test_a_wrong_password_is_refused(
    broker: BrokerProcess, version: MQTTProtocolVersion, user: str, password: str
) -> None:
    client = Client(broker, version, user, password=password)
    _, reason = client.connect()
    assert reason.is_failure
    client.leave()


def test_nobody_gets_in_without_a_name(broker: BrokerProcess, version: MQTTProtocolVersion) -> None:
    client = Client(broker, version)
    client.paho.username_pw_set(None, None)
    _, reason = client.connect()
    assert reason.is_failure
    client.leave()


def test_the_fleet_hears_commands_but_not_other_stations_telemetry(connected: Connect, station: str) -> None:
    ingestor, eavesdropper, fleet = connected(), connected("fleet"), connected("fleet")
    eavesdropper.subscribe("#")
    eavesdropper.subscribe(f"evse/{station}/commands/#")
    fleet.publish(f"evse/{station}/telemetry", "private")
    ingestor.publish(f"evse/{station}/commands/c1", "go")
    assert eavesdropper.next().topic == f"evse/{station}/commands/c1"


def test_the_fleet_may_not_give_commands(
    connected: Connect, version: MQTTProtocolVersion, station: str
) -> None:
    ingestor, fleet = connected(), connected("fleet")
    ingestor.subscribe(f"evse/{station}/#")
    reason = fleet.publish(f"evse/{station}/commands/c1", "forged")
    assert ingestor.hears_nothing()
    if version == V5:
        assert reason.value == 0x87


def test_wildcards_cover_what_they_should(connected: Connect, station: str) -> None:
    ingestor, fleet = connected(), connected("fleet")
    ingestor.subscribe(f"evse/{station}/session/#")
    fleet.publish(f"evse/{station}/session/started", "1")
    fleet.publish(f"evse/{station}/telemetry", "2")
    fleet.publish(f"evse/{station}/session/ended", "3")
    assert ingestor.payloads(2) == ["1", "3"]


def test_after_unsubscribing_nothing_comes(connected: Connect, station: str) -> None:
    ingestor, fleet = connected(), connected("fleet")
    ingestor.subscribe(f"evse/{station}/telemetry")
    ingestor.paho.unsubscribe(f"evse/{station}/telemetry")
    time.sleep(0.2)
    fleet.publish(f"evse/{station}/telemetry", "late")
    assert ingestor.hears_nothing()


def test_a_second_connection_of_the_same_client_takes_over(
    connected: Connect, broker: BrokerProcess, version: MQTTProtocolVersion, station: str
) -> None:
    client_id = f"ingestor-{station}"
    first = Client(broker, version, client_id=client_id, keeps_session=True)
    ended: queue.Queue[ReasonCode] = queue.Queue()
    first.paho.on_disconnect = lambda client, userdata, flags, reason, properties: ended.put(reason)
    first.connect()
    first.subscribe(f"evse/{station}/telemetry")
    first.paho.reconnect_delay_set(60, 60)  # it must not come back and take over in its turn
    second, fleet = connected(client_id=client_id, keeps_session=True), connected("fleet")
    reason = ended.get(timeout=PATIENCE_S)
    if version == V5 and broker.name == "python-broker":  # Mosquitto 2.0 leaves it at closing the connection
        assert reason.value == 0x8E
    first.vanish()
    fleet.publish(f"evse/{station}/telemetry", "for the second")
    assert second.payloads(1) == ["for the second"]


def test_a_megabyte_passes_and_three_do_not(connected: Connect, broker: BrokerProcess, station: str) -> None:
    ingestor, fleet = connected(), connected("fleet")
    ingestor.subscribe(f"evse/{station}/telemetry")
    fleet.publish(f"evse/{station}/telemetry", "x" * 1_000_000)
    assert len(ingestor.payloads(1)[0]) == 1_000_000
    with socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE_S) as raw:
        hello = b"\x00\x04MQTT\x04\xc2\x00\x00\x00\x03raw\x00\x05fleet\x00\x0efleet-password"
        raw.sendall(b"\x10" + bytes([len(hello)]) + hello)
        assert raw.recv(4, socket.MSG_WAITALL) == b"\x20\x02\x00\x00"
        with contextlib.suppress(ConnectionError):  # closed while we still speak
            raw.sendall(b"\x30\x80\x80\xc0\x01" + b"\x00" * 100_000)
            assert raw.recv(1) == b""


def test_a_silent_client_is_dropped_after_its_keep_alive(
    connected: Connect, broker: BrokerProcess, version: MQTTProtocolVersion
) -> None:
    connected()
    level = b"\x05" if version == V5 else b"\x04"
    properties = b"\x00" if version == V5 else b""
    hello = b"\x00\x04MQTT" + level + b"\xc2\x00\x01" + properties
    hello += b"\x00\x06silent\x00\x05fleet\x00\x0efleet-password"
    with socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE_S) as raw:
        raw.sendall(b"\x10" + bytes([len(hello)]) + hello)
        started_at_s = time.monotonic()
        while raw.recv(1024):
            pass
        assert 1.0 <= time.monotonic() - started_at_s < 8.0


def test_rubbish_ends_only_the_connection_it_came_on(
    connected: Connect, broker: BrokerProcess, station: str
) -> None:
    ingestor, fleet = connected(), connected("fleet")
    ingestor.subscribe(f"evse/{station}/telemetry")
    for rubbish in (b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\x7f", b"\x30\x02\x00\x00", b"\x10\x00"):
        with socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE_S) as raw:
            raw.sendall(rubbish)
            with contextlib.suppress(OSError):  # it may have hung up already, which is what we want
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(1024):
                    pass
    fleet.publish(f"evse/{station}/telemetry", "still here")
    assert ingestor.payloads(1) == ["still here"]


@pytest.mark.parametrize("protocol", [aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5])
async def test_aiomqtt_works(broker: BrokerProcess, protocol: aiomqtt.ProtocolVersion, station: str) -> None:
    user = broker.users[0]
    async with aiomqtt.Client(
        "127.0.0.1",
        broker.port,
        username=user.name,
        password=user.password,
        protocol=protocol,
        timeout=PATIENCE_S,
    ) as client:
        await client.subscribe(f"evse/{station}/commands/+", qos=1)
        await client.publish(f"evse/{station}/commands/c1", b"go", qos=1)
        message = await anext(client.messages)
        assert message.payload == b"go"


@pytest.mark.parametrize("spoken", ["mqttv311", "mqttv5"])
def test_mosquittos_own_clients_work(broker: BrokerProcess, spoken: str, station: str) -> None:
    programs = {
        name: shutil.which(name) or shutil.which(name, path=str(download_dir()))
        for name in ("mosquitto_pub", "mosquitto_sub")
    }
    if None in programs.values():
        pytest.skip(
            "no mosquitto_pub and mosquitto_sub here: `./run get-mosquitto`, or the package mosquitto-clients"
        )
    user = broker.users[0]
    common = ["-p", str(broker.port), "-u", user.name, "-P", user.password, "-V", spoken, "-q", "1"]
    topic = f"evse/{station}/commands/c1"
    published = subprocess.run(
        [str(programs["mosquitto_pub"]), *common, "-t", topic, "-m", "go", "-r"],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert published.returncode == 0, published.stderr
    heard = subprocess.run(
        [str(programs["mosquitto_sub"]), *common, "-t", topic, "-C", "1", "-W", "5"],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert heard.stdout == "go\n", heard.stderr


def test_its_files_with_passwords_are_closed_to_others(broker: BrokerProcess) -> None:
    secrets = [
        path
        for path in Path(broker.data_dir).iterdir()
        if path.suffix != ".log" and path.name != "mosquitto.db"
    ]
    assert secrets
    assert all(path.stat().st_mode & 0o077 == 0 for path in secrets)
