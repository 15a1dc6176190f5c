"""What a broker remembers of one client, connected or not. Pure: time is handed in, nothing is sent from
here.
"""

from collections import deque
from dataclasses import dataclass, field, replace

from solarrally.embedded.broker_limits import BrokerLimits
from solarrally.embedded.broker_users import BrokerUser
from solarrally.embedded.mqtt_packets import Message, Publish, Subscription
from solarrally.embedded.mqtt_wire import Property

MAX_PACKET_ID = 65535


@dataclass(slots=True)
class Waiting:
    """A message in the queue, and when it stops being worth delivering (None: never)."""

    message: Message
    expires_at_s: float | None


@dataclass(slots=True)
class Session:
    """Subscriptions, waiting messages and unacknowledged messages of one client.

    Messages of QoS 1 are handed out in the order they came; those not acknowledged when the connection ends
    are handed out again first, in the same order, marked as duplicates and with the same packet id.
    """

    client_id: str
    user: BrokerUser
    limits: BrokerLimits
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    is_connected: bool = False
    expires_at_s: float | None = None
    dropped: int = 0
    window: int = 0
    _queue: deque[Waiting] = field(default_factory=deque)
    _queued_size_bytes: int = 0
    _unacknowledged: dict[int, Message] = field(default_factory=dict)
    _to_repeat: deque[int] = field(default_factory=deque)
    _sent_now: set[int] = field(default_factory=set)
    _last_packet_id: int = 0

    @property
    def waiting(self) -> int:
        """How many messages are in the queue."""
        return len(self._queue)

    @property
    def unacknowledged(self) -> int:
        """How many messages were sent, in this connection or before, without an acknowledgement."""
        return len(self._unacknowledged)

    def connected(self, receive_maximum: int) -> None:
        """A connection begins; the client takes so many unacknowledged messages at once."""
        self.is_connected = True
        self.expires_at_s = None
        self.window = min(receive_maximum, self.limits.max_inflight_messages)
        self._to_repeat = deque(self._unacknowledged)
        self._sent_now = set()

    def disconnected(self, expires_at_s: float | None) -> None:
        """The connection ended; the session is forgotten at that time (None: never)."""
        self.is_connected = False
        self.expires_at_s = expires_at_s

    def offer(self, message: Message, now_s: float) -> bool:
        """Put a message into the queue. False, and counted, if it is full; QoS 0 is not kept for the
        absent.
        """
        if message.qos == 0 and not self.is_connected:
            return False
        limits, size_bytes = self.limits, self._queued_size_bytes + len(message.payload)
        if len(self._queue) >= limits.max_queued_messages or size_bytes > limits.max_queued_size_bytes:
            self.dropped += 1
            return False
        expiry_s = message.properties.get(Property.MESSAGE_EXPIRY_INTERVAL)
        self._queue.append(Waiting(message, now_s + expiry_s if isinstance(expiry_s, int) else None))
        self._queued_size_bytes = size_bytes
        return True

    def next_to_send(self, now_s: float) -> Publish | None:
        """The next packet for the client; None while nothing waits or its window is full."""
        while self._to_repeat:
            if len(self._sent_now) >= self.window:
                return None
            packet_id = self._to_repeat.popleft()
            if packet_id in self._unacknowledged:  # it may have been acknowledged in the meantime
                self._sent_now.add(packet_id)
                return Publish(
                    message=self._unacknowledged[packet_id], packet_id=packet_id, is_duplicate=True
                )
        while self._queue:
            if self._queue[0].message.qos and len(self._sent_now) >= self.window:
                return None
            waiting = self._queue.popleft()
            self._queued_size_bytes -= len(waiting.message.payload)
            message = with_time_left(waiting, now_s)
            if message is None:
                self.dropped += 1
            elif message.qos == 0:
                return Publish(message=message)
            else:
                packet_id = self._free_packet_id()
                self._unacknowledged[packet_id] = message
                self._sent_now.add(packet_id)
                return Publish(message=message, packet_id=packet_id)
        return None

    def acknowledge(self, packet_id: int) -> bool:
        """The client has taken a message. False if none with this id is open."""
        self._sent_now.discard(packet_id)
        return self._unacknowledged.pop(packet_id, None) is not None

    def _free_packet_id(self) -> int:
        """An id that no open message has: the window is smaller than the number of ids, so there is one."""
        while True:
            self._last_packet_id = self._last_packet_id % MAX_PACKET_ID + 1
            if self._last_packet_id not in self._unacknowledged:
                return self._last_packet_id


def with_time_left(waiting: Waiting, now_s: float) -> Message | None:
    """The message with the rest of its expiry interval (MQTT 5, 3.3.2.3.3); None if that is over."""
    if waiting.expires_at_s is None:
        return waiting.message
    left_s = waiting.expires_at_s - now_s
    if left_s <= 0:
        return None
    properties = {**waiting.message.properties, Property.MESSAGE_EXPIRY_INTERVAL: max(1, round(left_s))}
    return replace(waiting.message, properties=properties)
