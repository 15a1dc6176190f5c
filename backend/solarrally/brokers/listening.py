"""Hearing everything: what the adapters to brokers share that push messages to us over MQTT."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from solarrally.brokers import reasons
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.elements import ProtocolError
from solarrally.brokers.receiver import ConnectionLost
from solarrally.brokers.staying_connected import StayingConnected
from solarrally.brokers.tls_files import TlsFiles

log = structlog.get_logger()

WARN_BEFORE = timedelta(days=30)


class ListeningBroker(StayingConnected):
    """`brokers.observed.ObservedBroker` without the messages."""

    def __init__(
        self,
        *,
        broker: object,
        client_id: str,
        tls: TlsFiles | None,
        backoff: Backoff,
        topic_filters: Iterable[str],
        session_expiry_s: int,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(
            broker=broker, client_id=client_id, tls=tls, backoff=backoff, when_lost="broker_unavailable"
        )
        self.protocol_errors = 0
        """Connections given up because the broker sent what is no MQTT 5."""
        self.publishes_dropped = 0
        self._topic_filters = list(topic_filters)
        self._further_filters: list[str] = []
        """What `hear` asked for beside them: a refusal of these is not the end."""
        self._subscribing = asyncio.Lock()
        self._session_expiry_s = session_expiry_s
        self._now = now
        self._connection = 0
        """Which one it is; the first is 1."""
        self._listening_since: datetime | None = None
        self._has_had_session = False
        self._failure: BaseException | None = None

    @property
    def listening_since(self) -> datetime | None:
        return self._listening_since

    @abstractmethod
    async def _listen_until_lost(self) -> None:
        """`_until_lost`, with `_listening` around the time that everything is subscribed."""

    @abstractmethod
    def _wake(self) -> None:
        """Let go whoever waits for deliveries."""

    async def _until_lost(self) -> None:
        self._connection += 1
        try:
            await self._listen_until_lost()
        except (ConnectionLost, ProtocolError) as error:
            if isinstance(error, ProtocolError):
                self.protocol_errors += 1
            if error.code == reasons.SESSION_TAKEN_OVER:
                log.error(
                    "session_taken_over",
                    client_id=self._client_id,
                    hint="is a second ingestor running with this client id?",
                )
            raise

    @contextmanager
    def _listening(
        self, *, session_present: bool, session_expiry_s: int | None, server_ends_at: datetime | None = None
    ) -> Iterator[None]:
        """We hear everything, from here to the end of the block; says what was agreed on. `session_expiry_s`:
        None: what we asked for. `server_ends_at`: the server's certificate, where it can be seen.
        """
        self._listening_since = self._now()
        if session_expiry_s is not None and session_expiry_s < self._session_expiry_s:
            log.warning(
                "session_expiry_shortened", asked_s=self._session_expiry_s, granted_s=session_expiry_s
            )
        if self._has_had_session and not session_present:
            log.error(
                "broker_session_lost",
                broker=self._broker,
                hint="the broker forgot us, and with us what waited there",
            )
        self._has_had_session = True
        log.info(
            "broker_connected",
            broker=self._broker,
            client_id=self._client_id,
            session_present=session_present,
        )
        self._note_certificates(server_ends_at)
        try:
            yield
        finally:
            self._listening_since = None

    def _note_certificates(self, server_ends_at: datetime | None) -> None:
        if self._tls is None:
            return
        ends = self._tls.ends()
        if server_ends_at is not None:
            ends["server"] = server_ends_at
        self.certificate_ends = ends
        for certificate, ends_at in ends.items():
            if ends_at - self._now() < WARN_BEFORE:
                log.warning(
                    "broker_certificate_ends_soon",
                    broker=self._broker,
                    certificate=certificate,
                    not_after=ends_at.isoformat(),
                )

    def _check_granted(self, topic_filter: str, code: int, words: str, **more: str) -> None:
        """What the broker answered to a subscription that we cannot do without; `more` for the log."""
        if code >= reasons.FIRST_FAILURE:
            log.error("subscription_refused", topic_filter=topic_filter, reason=words, **more)
            raise ConnectionLost(f"the subscription to {topic_filter} is refused: {words}", code)
        if code == 0:
            log.error(
                "subscription_without_acknowledgement",
                topic_filter=topic_filter,
                hint="the broker grants QoS 0: what is under way when we stop is lost",
            )

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        """An error that is ours and not the broker's: whoever waits for deliveries gets it."""
        if not task.cancelled():
            self._failure = task.exception()
            self._wake()
