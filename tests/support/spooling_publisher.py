"""A device that keeps every numbered message until `acks` says that it is stored (docs/wire-formats.md)."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable

from tests.support import mqtt_bytes
from tests.support.charging_fleet import Message
from tests.support.numbered_publisher import NumberedPublisher

RESEND_AFTER_S = 3.0


class SpoolingPublisher(NumberedPublisher):
    """Sends again, oldest first, what no ack has named: after a reconnect, and after a while."""

    def __init__(self, mqtt_url: str, messages: Iterable[Message], *, rate: float) -> None:
        super().__init__(mqtt_url, messages, rate=rate, client_id="spooling")
        self.sent_again = 0
        self.acks_heard = 0
        self._kept: dict[tuple[str, int], int] = {}
        """Station and number -> place in `sent`, oldest first."""
        self._noted = 0
        self._resend_at_s = 0.0

    def nothing_kept(self) -> bool:
        self._note_sent()
        return not self._kept

    def on_connected(self, link: socket.socket) -> None:
        link.sendall(mqtt_bytes.subscribe("evse/+/acks"))
        self._note_sent()
        self._in_flight.clear()
        self._send_kept(link)

    def on_packet(self, link: socket.socket, kind: int, body: bytes) -> None:
        super().on_packet(link, kind, body)
        if kind != mqtt_bytes.PUBLISH:
            return
        topic, payload = mqtt_bytes.topic_and_payload(body)
        evse_uid, said = topic.split("/")[1], json.loads(payload)
        self.acks_heard += 1
        self._note_sent()
        for number in range(said.get("first_seq", said["seq"]), said["seq"] + 1):
            self._kept.pop((evse_uid, number), None)

    def on_tick(self, link: socket.socket) -> None:
        if time.monotonic() >= self._resend_at_s and not self._in_flight:
            self._send_kept(link)

    def _send_kept(self, link: socket.socket) -> None:
        """As many of the oldest as the window takes: the rest follows when those are acknowledged."""
        self._resend_at_s = time.monotonic() + RESEND_AFTER_S
        again = list(self._kept.values())[: self._window]
        self.sent_again += len(again)
        self._send(link, again)

    def _note_sent(self) -> None:
        for place in range(self._noted, len(self.sent)):
            message = self.sent[place]
            self._kept[message.evse_uid, json.loads(message.payload)["seq"]] = place
        self._noted = len(self.sent)
