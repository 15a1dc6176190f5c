"""Who may log in to the broker of `up`, and which topics each may write and read."""

from collections.abc import Iterable
from dataclasses import dataclass

from solarrally.embedded.mqtt_topics import matches

# A device that logs in with its own id as user name may do this, and only under its own name (%u).
# A mistyped kind (`evse/%u/telemetri`) gets through too, so that the ingestor can count it and keep it.
DEVICE_WRITES = ("evse/%u/+", "evse/%u/session/#", "evse/%u/results/#")
DEVICE_READS = ("evse/%u/commands/#", "evse/%u/acks")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUser:
    """A login and the topic filters it may publish to and receive from."""

    name: str
    password: str
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    """Neither, whatever the others say."""

    def may_write(self, topic: str) -> bool:
        """Whether this user may publish under the topic."""
        return self._may((*self.writes, *self.own_topics(DEVICE_WRITES)), topic)

    def may_read(self, topic: str) -> bool:
        """Whether a message under this topic may be delivered to this user."""
        return self._may((*self.reads, *self.own_topics(DEVICE_READS)), topic)

    def _may(self, filters: Iterable[str], topic: str) -> bool:
        return covers(filters, topic) and not covers(self.denied, topic)

    def own_topics(self, patterns: Iterable[str]) -> list[str]:
        """The patterns with this user's name in them."""
        return [pattern.replace("%u", self.name) for pattern in patterns]


def covers(filters: Iterable[str], topic: str) -> bool:
    """Whether any filter matches the topic."""
    return any(matches(topic_filter, topic) for topic_filter in filters)


def ingestor_user(password: str) -> BrokerUser:
    """The backend: hears everything, speaks to stations, whatever their base topics are."""
    return BrokerUser(name="ingestor", password=password, writes=("#",), reads=("#",))


def fleet_user(password: str) -> BrokerUser:
    """The simulator: speaks for any station, hears what is said to stations."""
    return BrokerUser(
        name="fleet",
        password=password,
        writes=tuple(pattern.replace("%u", "+") for pattern in DEVICE_WRITES),
        reads=tuple(pattern.replace("%u", "+") for pattern in DEVICE_READS),
    )


def devices_user(password: str) -> BrokerUser:
    """Devices that do not speak our own format, real or simulated: any topic but ours."""
    return BrokerUser(name="devices", password=password, writes=("#",), reads=("#",), denied=("evse/#",))
