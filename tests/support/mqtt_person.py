"""An MQTT 5 client that says what the broker answered, code by code, and that can be cut off."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

ANSWER_S = 10.0


class Refused(Exception):
    """The broker did not let us in; the text is how that looked."""


class Person:
    """One connection. Nothing is connected again by itself."""

    def __init__(self, client: paho.Client) -> None:
        self._client = client
        self._heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._codes: dict[int, ReasonCode] = {}
        self._granted: dict[int, list[ReasonCode]] = {}
        self._let_in: queue.Queue[str] = queue.Queue()
        self.lost_at: float | None = None
        """By `time.monotonic`."""
        self._lost = threading.Event()
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        self.session_present = False
        self.assigned_id: str | None = None

    def publish(self, topic: str, payload: bytes | str = b"{}", *, retain: bool = False) -> str:
        """How the broker acknowledged it, in MQTT's words: `Success`, `Not authorized`, ..."""
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        return str(self._wait(self._codes, sent.mid))

    def subscribe(self, *topic_filters: str) -> list[str]:
        """What was granted."""
        _, mid = self._client.subscribe([(one, SubscribeOptions(qos=1)) for one in topic_filters])
        assert mid is not None
        return [str(code) for code in self._wait(self._granted, mid)]

    def next(self, timeout_s: float = ANSWER_S) -> tuple[str, bytes] | None:
        """The next message; None when there is none for so long."""
        with suppress(queue.Empty):
            return self._heard.get(timeout=timeout_s)
        return None

    def lost_within(self, timeout_s: float) -> bool:
        return self._lost.wait(timeout_s)

    def break_off(self) -> None:
        """Be gone without a word: the broker sends the last will."""
        sock = self._client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)
        assert self.lost_within(ANSWER_S)

    @property
    def is_connected(self) -> bool:
        return not self._lost.is_set() and self._client.is_connected()

    def _wait(self, answers: dict[int, Any], mid: int) -> Any:
        deadline = time.monotonic() + ANSWER_S
        while mid not in answers:
            assert time.monotonic() < deadline, "the broker did not answer"
            assert not self._lost.is_set(), "the connection was lost"
            time.sleep(0.002)
        return answers.pop(mid)

    def _on_connect(self, client: Any, data: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        self.session_present = bool(flags.session_present)
        self.assigned_id = getattr(properties, "AssignedClientIdentifier", None)
        self._let_in.put(str(code))

    def _on_disconnect(self, client: Any, data: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        self.lost_at = time.monotonic()
        self._lost.set()
        self._let_in.put(str(code))

    def _on_message(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        self._heard.put((message.topic, bytes(message.payload)))

    def _on_publish(self, client: Any, data: Any, mid: int, code: ReasonCode, properties: Any) -> None:
        self._codes[mid] = code

    def _on_subscribe(self, client: Any, data: Any, mid: int, codes: Any, properties: Any) -> None:
        self._granted[mid] = list(codes)


@contextmanager
def connected(
    port: int,
    *,
    ca_file: Path | None = None,
    certificate: tuple[Path, Path] | None = None,
    username: str | None = None,
    password: str | None = None,
    client_id: str = "",
    session_expiry_s: int = 0,
    clean_start: bool = True,
    will_topic: str | None = None,
) -> Iterator[Person]:
    """Raises `Refused`. The connection ends with the block."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=paho.MQTTv5,
        reconnect_on_failure=False,
    )
    client.suppress_exceptions = True
    if ca_file is not None:
        context = ssl.create_default_context(cafile=ca_file)
        if certificate is not None:
            context.load_cert_chain(*certificate)
        client.tls_set_context(context)
    if username is not None:
        client.username_pw_set(username, password)
    if will_topic is not None:
        client.will_set(will_topic, b'{"state":"offline"}', qos=1)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session_expiry_s
    person = Person(client)
    try:
        client.connect("localhost", port, clean_start=clean_start, properties=properties)
    except OSError as error:
        raise Refused(str(error)) from error
    client.loop_start()
    try:
        answer = person._let_in.get(timeout=ANSWER_S)
        if answer != "Success":
            raise Refused(answer)
        yield person
    finally:
        client.disconnect()
        client.loop_stop()
