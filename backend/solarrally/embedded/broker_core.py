"""What a broker decides: who is let in, who gets which message, what is retained. Pure: no sockets, time
handed in.
"""

import hmac
from collections.abc import Iterable
from dataclasses import replace

from solarrally.embedded.broker_limits import BrokerLimits
from solarrally.embedded.broker_session import Session
from solarrally.embedded.broker_users import BrokerUser
from solarrally.embedded.mqtt_packets import Message, Reason, Subscription
from solarrally.embedded.mqtt_topics import is_topic_filter, is_topic_name, matches

MAX_CACHED_TOPICS = 20_000
RETAIN_ALWAYS, RETAIN_IF_NEW = 0, 1  # retain handling options of a subscription; 2 is never


class BrokerCore:
    """Sessions, subscriptions and retained messages. One per broker, used from one event loop."""

    def __init__(self, users: Iterable[BrokerUser], limits: BrokerLimits) -> None:
        self.limits = limits
        self.sessions: dict[str, Session] = {}
        self.retained: dict[str, Message] = {}
        self.denied = 0
        self._users = {user.name: user for user in users}
        self._routes: dict[str, list[tuple[Session, Subscription]]] = {}

    def login(self, username: str | None, password: bytes | None) -> BrokerUser | None:
        """The user, or None: unknown, no password, or a wrong one."""
        user = self._users.get(username or "")
        if user is None or not hmac.compare_digest(user.password.encode(), password or b""):
            return None
        return user

    def has_room_for(self, client_id: str) -> bool:
        """Whether this client may have a session: it has one, or the limit is not reached."""
        return client_id in self.sessions or len(self.sessions) < self.limits.max_sessions

    def open_session(self, client_id: str, user: BrokerUser, *, clean_start: bool) -> tuple[Session, bool]:
        """The client's session and whether it was there before.

        A session is only ever taken up again by the user that made it.
        """
        known = self.sessions.get(client_id)
        if known is not None and not clean_start and known.user.name == user.name:
            return known, True
        session = Session(client_id, user, self.limits)
        self.sessions[client_id] = session
        self._routes.clear()
        return session, False

    def close_session(self, session: Session) -> None:
        """Forget the session, unless another one has taken its place already."""
        if self.sessions.get(session.client_id) is session:
            del self.sessions[session.client_id]
            self._routes.clear()

    def expire_sessions(self, now_s: float) -> int:
        """Forget the sessions whose time is over; returns how many."""
        over = [
            session
            for session in self.sessions.values()
            if session.expires_at_s is not None and session.expires_at_s <= now_s
        ]
        for session in over:
            self.close_session(session)
        return len(over)

    def subscribe(self, session: Session, subscription: Subscription, now_s: float) -> int:
        """Add a subscription and queue what is retained for it. Returns the granted QoS, or a refusal (>=
        128).

        As with Mosquitto's access file, anything may be subscribed to; what the user may not read never
        comes.
        """
        if subscription.topic_filter.startswith("$share/"):
            return Reason.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
        if not is_topic_filter(subscription.topic_filter):
            return Reason.TOPIC_FILTER_INVALID
        granted = replace(subscription, qos=min(subscription.qos, 1))
        is_new = subscription.topic_filter not in session.subscriptions
        session.subscriptions[subscription.topic_filter] = granted
        self._routes.clear()
        if granted.retain_handling == RETAIN_ALWAYS or (granted.retain_handling == RETAIN_IF_NEW and is_new):
            for topic, message in self.retained.items():
                if matches(granted.topic_filter, topic) and session.user.may_read(topic):
                    session.offer(replace(message, qos=min(message.qos, granted.qos), retain=True), now_s)
        return granted.qos

    def unsubscribe(self, session: Session, topic_filter: str) -> Reason:
        """Remove a subscription."""
        if session.subscriptions.pop(topic_filter, None) is None:
            return Reason.NO_SUBSCRIPTION_EXISTED
        self._routes.clear()
        return Reason.SUCCESS

    def publish(self, message: Message, publisher: Session, now_s: float) -> tuple[Reason, list[Session]]:
        """Hand a message to everyone who wants it. Returns the reason for a PUBACK and who now has one more
        waiting.
        """
        if not is_topic_name(message.topic):
            return Reason.TOPIC_NAME_INVALID, []
        if not publisher.user.may_write(message.topic):
            self.denied += 1
            return Reason.NOT_AUTHORIZED, []
        if message.retain:
            self._retain(message)
        receivers = []
        for session, subscription in self._route(message.topic):
            if subscription.no_local and session is publisher:
                continue
            copy = replace(
                message,
                qos=min(message.qos, subscription.qos),
                retain=message.retain and subscription.retain_as_published,
            )
            if session.offer(copy, now_s):
                receivers.append(session)
        return (Reason.SUCCESS if receivers else Reason.NO_MATCHING_SUBSCRIBERS), receivers

    def _retain(self, message: Message) -> None:
        """Remember the newest message of the topic; an empty one makes the broker forget."""
        if not message.payload:
            self.retained.pop(message.topic, None)
        elif message.topic in self.retained or len(self.retained) < self.limits.max_retained_messages:
            self.retained[message.topic] = message

    def _route(self, topic: str) -> list[tuple[Session, Subscription]]:
        """Who gets messages of this topic, each once, by its matching subscription of the highest QoS."""
        known = self._routes.get(topic)
        if known is not None:
            return known
        if len(self._routes) >= MAX_CACHED_TOPICS:
            self._routes.clear()
        found = []
        for session in self.sessions.values():
            subscriptions = session.subscriptions.values()
            fitting = [entry for entry in subscriptions if matches(entry.topic_filter, topic)]
            if fitting and session.user.may_read(topic):
                found.append((session, max(fitting, key=lambda entry: entry.qos)))
        self._routes[topic] = found
        return found
