"""What AWS IoT Core takes and what it does not, checked here before it is sent.

AWS answers what is over a limit with a disconnection, and a client that sends it again on its next connection
does so for ever: it is better refused where it can still be named. Source of every figure: "AWS IoT Core
endpoints and quotas", Message broker limits (docs.aws.amazon.com/general/latest/gr/iot-core.html); of those
about shared subscriptions and message expiry: the developer guide's page "MQTT"
(docs.aws.amazon.com/iot/latest/developerguide/mqtt.html).
"""

from __future__ import annotations

from collections.abc import Sequence

from solarrally.brokers.backoff import Backoff

MAX_PAYLOAD_BYTES = 128 * 1024
MAX_TOPIC_BYTES = 256
MAX_SLASHES = 7
MAX_FILTERS_PER_SUBSCRIBE = 8
MAX_FILTERS_PER_CONNECTION = 50
MAX_CLIENT_ID_BYTES = 128
MAX_SHARE_NAME_CHARACTERS = 128
MAX_UNACKNOWLEDGED = 100
"""Messages of QoS 1 that AWS delivers to a client before it waits for acknowledgements."""
KEEPALIVE_S = (30, 1200)
MAX_MESSAGE_EXPIRY_S = 604_800

_BASIC_INGEST = "$aws/rules/"


def aws_backoff() -> Backoff:
    """AWS lets a client id connect once a second: each pause is at least that."""
    return Backoff(first_s=2.0, longest_s=30.0)


def check_message(topic: str, payload: bytes) -> None:
    """Raises `ValueError` that says what is wrong with a message, and how much too much it is."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(
            f"{topic}: {len(payload)} bytes; AWS IoT Core takes {MAX_PAYLOAD_BYTES} (128 KiB) in one message"
        )
    if "+" in topic or "#" in topic:
        raise ValueError(f"{topic}: a topic to publish to has no wildcards")
    _check_levels(topic)


def check_filters(topic_filters: Sequence[str]) -> None:
    """Raises `ValueError` for filters that one connection cannot have."""
    if len(topic_filters) > MAX_FILTERS_PER_CONNECTION:
        raise ValueError(
            f"{len(topic_filters)} topic filters; AWS IoT Core takes {MAX_FILTERS_PER_CONNECTION} on one "
            "connection: let stations share a first level, so that one wildcard covers them"
        )
    for topic_filter in topic_filters:
        _check_levels(topic_filter)


def shared(topic_filter: str, group: str | None) -> str:
    """The filter as a member of `group` subscribes to it; as it is without one. `ValueError` for a name that
    cannot be one.
    """
    if group is None:
        return topic_filter
    if not group or len(group) > MAX_SHARE_NAME_CHARACTERS or any(each in group for each in "/+#"):
        raise ValueError(
            f"{group!r} cannot name a shared subscription: 1 to {MAX_SHARE_NAME_CHARACTERS} characters, "
            "none of / + #"
        )
    return f"$share/{group}/{topic_filter}"


def in_packets(topic_filters: Sequence[str]) -> list[list[str]]:
    """As many filters in each SUBSCRIBE as it may have."""
    step = MAX_FILTERS_PER_SUBSCRIBE
    return [list(topic_filters[at : at + step]) for at in range(0, len(topic_filters), step)]


def _check_levels(topic: str) -> None:
    """The first three levels of Basic Ingest are not counted."""
    counted = topic
    if topic.startswith(_BASIC_INGEST):
        counted = topic.removeprefix(_BASIC_INGEST).partition("/")[2]
    if not counted:
        raise ValueError(f"{topic!r} is no topic")
    if counted.count("/") > MAX_SLASHES:
        raise ValueError(f"{topic}: {counted.count('/')} slashes; AWS IoT Core takes {MAX_SLASHES}")
    size_bytes = len(counted.encode())
    if size_bytes > MAX_TOPIC_BYTES:
        raise ValueError(f"{topic}: {size_bytes} bytes; AWS IoT Core takes {MAX_TOPIC_BYTES} in a topic")
