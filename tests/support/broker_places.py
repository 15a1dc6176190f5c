"""A broker that runs, our adapter to it, and a way for devices to talk to it: what contract tests need."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import aiomqtt

from solarrally.brokers.address import parse_address
from solarrally.brokers.aws_iot import AwsIotBroker
from solarrally.brokers.aws_iot_endpoint import AwsIotEndpoint
from solarrally.brokers.aws_iot_publisher import AwsIotPublisher
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.command_publisher import MqttCommandPublisher
from solarrally.brokers.mosquitto import MosquittoBroker
from solarrally.embedded.broker_process import BrokerProcess
from tests.support.brokers import running_broker
from tests.support.tcp_proxy import TcpProxy
from tests.support.tls_mosquitto import TlsMosquitto, running_tls_mosquitto

PLACES = ("python", "mosquitto", "aws_iot", "aws_iot_shared")
"""MosquittoBroker on both brokers; AwsIotBroker on a Mosquitto with client certificates, subscribed by itself
and as the member of a group.
"""


class Server(Protocol):
    @property
    def port(self) -> int: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def restart(self) -> None: ...


class Place(Protocol):
    """One adapter and the broker it is tested on."""

    name: str
    shortest_keepalive_s: int
    """The adapter takes no shorter interval."""

    @property
    def server(self) -> Server: ...

    def adapter(self, *, by: TcpProxy | None = None, **changes: Any) -> MosquittoBroker | AwsIotBroker:
        """`by`: the line that it connects through."""

    def publisher(self, *, by: TcpProxy | None = None) -> MqttCommandPublisher | AwsIotPublisher: ...

    def device(self, **options: Any) -> aiomqtt.Client:
        """A client that may say what stations say, and hear what they hear."""


_COMMON = {"client_id": "ingestor-under-test", "topic_filters": ["evse/#"], "receive_maximum": 100}


class PlainPlace:
    """Our own receiver, by password."""

    shortest_keepalive_s = 1

    def __init__(self, name: str, server: BrokerProcess) -> None:
        self.name = name
        self.server = server

    def adapter(
        self, *, by: TcpProxy | None = None, url: str | None = None, **changes: Any
    ) -> MosquittoBroker:
        address = parse_address(url or self._url("ingestor", by))
        return MosquittoBroker(address, now=_now, **{**_COMMON, **changes})

    def publisher(self, *, by: TcpProxy | None = None) -> MqttCommandPublisher:
        address = parse_address(self._url("ingestor", by))
        return MqttCommandPublisher(address, client_id="commands-under-test", backoff=_quick())

    def device(self, **options: Any) -> aiomqtt.Client:
        address = parse_address(self.server.url_for("fleet"))
        return aiomqtt.Client(
            address.host, address.port, username=address.username, password=address.password, **options
        )

    def _url(self, user: str, by: TcpProxy | None) -> str:
        url = self.server.url_for(user)
        return url if by is None else by.in_front_of(url)


class TlsPlace:
    """AWS's SDK, by certificate."""

    shortest_keepalive_s = 2

    def __init__(self, name: str, server: TlsMosquitto, *, shared_group: str | None) -> None:
        self.name = name
        self.server = server
        self._shared_group = shared_group
        self.identities = {
            each: server.authority.identity(each) for each in ("ingestor", "commands", "fleet")
        }

    def adapter(self, *, by: TcpProxy | None = None, **changes: Any) -> AwsIotBroker:
        options = {"backoff": _quick(), "shared_group": self._shared_group, **_COMMON, **changes}
        return AwsIotBroker(self._endpoint(by), self.identities["ingestor"], now=_now, **options)

    def publisher(self, *, by: TcpProxy | None = None) -> AwsIotPublisher:
        return AwsIotPublisher(
            self._endpoint(by),
            self.identities["commands"],
            client_id="commands-under-test",
            backoff=_quick(),
        )

    def device(self, **options: Any) -> aiomqtt.Client:
        identity = self.identities["fleet"]
        context = ssl.create_default_context(cafile=identity.ca_file)
        context.load_cert_chain(identity.cert_file, identity.key_file)
        return aiomqtt.Client("localhost", self.server.port, tls_context=context, **options)

    def _endpoint(self, by: TcpProxy | None) -> AwsIotEndpoint:
        return AwsIotEndpoint(host="localhost", port=self.server.port if by is None else by.port)


@contextmanager
def running_place(name: str, folder: Path) -> Iterator[Place]:
    """One of `PLACES`; `folder` is for its files."""
    if name in ("python", "mosquitto"):
        with running_broker(name) as plain:
            yield PlainPlace(name, plain)
        return
    with running_tls_mosquitto(folder) as server:
        yield TlsPlace(name, server, shared_group="ingestors" if name == "aws_iot_shared" else None)


def _now() -> datetime:
    return datetime.now(UTC)


def _quick() -> Backoff:
    """AWS wants a second between two attempts; a broker of the test's own does not."""
    return Backoff(first_s=0.2, longest_s=2.0)
