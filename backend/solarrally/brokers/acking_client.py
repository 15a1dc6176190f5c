"""aiomqtt's client, with the acknowledgement left to us.

aiomqtt 2.5 has no public way to acknowledge by hand (its pull request #346 is open since 2024); paho, below
it, has. All use of aiomqtt's private parts is in this file; `tests/contract/test_broker_port.py` fails when
they change. Taking messages straight from paho's callback also spares aiomqtt's queue, which costs a task per
message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import MQTTMessage


class AckingClient(aiomqtt.Client):
    """Hands every message to `on_arrival(topic, message)` and acknowledges none of them by itself."""

    def __init__(self, *args: Any, on_arrival: Callable[[str, MQTTMessage], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._on_arrival = on_arrival
        self._client.manual_ack_set(True)

    def _on_message(self, client: PahoClient, userdata: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = message._topic.decode("utf-8", "replace")
        self._on_arrival(topic, message)

    def puback(self, packet_id: int, qos: int) -> None:
        """Acknowledge one message of this connection."""
        self._client.ack(packet_id, qos)

    @property
    def is_connected(self) -> bool:
        return bool(self._client.is_connected())
