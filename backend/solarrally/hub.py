"""The fan-out of live updates to watchers: newest first in worth, everyone at their own pace.

The hub keeps the newest update of every connector. A watcher keeps only *which* connectors it has not been
told about (bounded by their number) and a short, ordered list of session updates; it takes both when it is
ready. So a slow watcher sees fewer, newer updates, costs a few bytes per connector, and nobody waits for it.

| situation | a watcher gets |
|---|---|
| joins | `Snapshot` |
| a connector or session changes | `Frame`: at once when it was quiet, else at its `max_rate_hz` |
| more session updates than `MAX_PENDING_SESSIONS` between two frames | `Snapshot` in place of the frame |
| the feed is lost | `Stale` |
| the feed is back | `Snapshot` |
| somebody ends it | `End` with the reason, and nothing after it |

Everything runs in one event loop; `publish`, `reset` and `lose` never wait.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar
from uuid import UUID

from solarrally.domain.update import ConnectorUpdate, SessionUpdate

MAX_PENDING_SESSIONS: Final = 256
MIN_RATE_HZ: Final = 0.1
MAX_RATE_HZ: Final = 100.0
DEFAULT_RATE_HZ: Final = 10.0

ConnectorKey = tuple[str, int]
_Value = TypeVar("_Value")
_Key = TypeVar("_Key", bound=Hashable)


class Versioned(Generic[_Value]):
    """One update, shared by all watchers that are told about it.

    `rendered` is where those who write it to a wire keep the text, so that it is written once for everyone.
    """

    __slots__ = ("rendered", "value")

    def __init__(self, value: _Value) -> None:
        self.value = value
        self.rendered: dict[str, str] = {}


@dataclass(slots=True, frozen=True, kw_only=True)
class Audience:
    """Whose sessions a watcher may see; without one, only whether a connector is online and free."""

    sees_all_sessions: bool
    id_token: str | None = None
    """The token whose sessions are the watcher's own."""

    def may_see(self, session: SessionUpdate | None) -> bool:
        if session is None:
            return False
        return self.sees_all_sessions or (self.id_token is not None and session.id_token == self.id_token)


@dataclass(slots=True, frozen=True, kw_only=True)
class Interest:
    """What a watcher asked for: everything, or the union of the lists."""

    everything: bool = False
    evses: frozenset[str] = frozenset()
    sites: frozenset[int] = frozenset()
    sessions: frozenset[UUID] = frozenset()

    def matches(self, update: ConnectorUpdate, audience: Audience) -> bool:
        if self.everything or update.evse_uid in self.evses or update.site_id in self.sites:
            return True
        session = update.session
        return session is not None and session.id in self.sessions and audience.may_see(session)


@dataclass(slots=True, frozen=True)
class Snapshot:
    """The newest of every connector the watcher is interested in; it replaces all it was told before."""

    updates: Sequence[Versioned[ConnectorUpdate]]


@dataclass(slots=True, frozen=True)
class Frame:
    """What changed since the last one: the newest per connector, and every session update in order."""

    updates: Sequence[Versioned[ConnectorUpdate]]
    sessions: Sequence[Versioned[SessionUpdate]]


@dataclass(slots=True, frozen=True)
class Stale:
    """The feed is lost: what was told may be out of date until the next `Snapshot`."""


@dataclass(slots=True, frozen=True)
class End:
    """The watch is over."""

    reason: str


Event = Snapshot | Frame | Stale | End


class Watcher:
    """One watcher's view of the hub. Made by `Hub.watch`; read with `next`."""

    def __init__(self, hub: Hub, interest: Interest, audience: Audience, max_rate_hz: float) -> None:
        if not MIN_RATE_HZ <= max_rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"max_rate_hz must be {MIN_RATE_HZ} to {MAX_RATE_HZ}")
        self.interest = interest
        self.audience = audience
        self._hub = hub
        self._interval_s = 1.0 / max_rate_hz
        self._next_at_s = float("-inf")
        self._dirty: dict[ConnectorKey, None] = {}
        self._sessions: list[Versioned[SessionUpdate]] = []
        self._needs_snapshot = True
        self._needs_stale = not hub.is_current
        self._end: End | None = None
        self._wake = asyncio.Event()
        self._is_pacing = False

    async def next(self) -> Event:
        """The next thing to tell, waiting until there is one and the watcher's rate allows it."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            event = self.take(loop.time())
            if event is not None:
                return event
            self._is_pacing = self._has_news
            try:
                async with asyncio.timeout_at(self._next_at_s if self._has_news else None):
                    await self._wake.wait()
            except TimeoutError:
                continue  # the rate allows the next one now
            finally:
                self._is_pacing = False

    def take(self, now_s: float) -> Event | None:
        """What is due at `now_s` (monotonic), or None."""
        if self._end is not None:
            return self._end
        if self._needs_stale:
            self._needs_stale = False
            return Stale()
        if not self._has_news or now_s < self._next_at_s:
            return None
        self._next_at_s = now_s + self._interval_s
        updates: Sequence[Versioned[ConnectorUpdate]]
        if self._needs_snapshot:
            updates = self._hub.newest_for(self.interest, self.audience)
            self._forget_news()
            self._needs_snapshot = False
            return Snapshot(updates)
        updates = self._hub.newest_of(self._dirty)
        sessions = self._sessions
        self._forget_news()
        return Frame(updates, sessions)

    def end(self, reason: str) -> None:
        """End this watch; the first reason stands."""
        if self._end is None:
            self._end = End(reason)
            self._wake.set()

    @property
    def pending_count(self) -> int:
        """Connectors and session updates not told yet; bounded."""
        return len(self._dirty) + len(self._sessions)

    @property
    def _has_news(self) -> bool:
        if self._needs_snapshot:
            return self._hub.is_current
        return bool(self._dirty or self._sessions)

    def _forget_news(self) -> None:
        self._dirty = {}
        self._sessions = []

    # -- called by the hub -------------------------------------------------------------------------

    def _mark(self, keys: dict[ConnectorKey, None]) -> None:
        if not self._needs_snapshot:  # else the snapshot will tell it
            self._dirty.update(keys)
            self._wake_for_news()

    def _add_session(self, session: Versioned[SessionUpdate]) -> None:
        if self._needs_snapshot:
            return
        if len(self._sessions) >= MAX_PENDING_SESSIONS:
            self._forget_news()
            self._needs_snapshot = True
        else:
            self._sessions.append(session)
        self._wake_for_news()

    def _start_over(self, *, is_stale: bool) -> None:
        self._forget_news()
        self._needs_snapshot = True
        self._needs_stale = is_stale
        self._next_at_s = float("-inf")
        self._wake.set()

    def _wake_for_news(self) -> None:
        if not self._is_pacing:  # it wakes by itself when its rate allows
            self._wake.set()


class Hub:
    """The newest of every connector, and the watchers who are told about changes."""

    def __init__(self) -> None:
        self._newest: dict[ConnectorKey, Versioned[ConnectorUpdate]] = {}
        self._site_of_evse: dict[str, int] = {}
        self._watchers: set[Watcher] = set()
        self._all_seeing: set[Watcher] = set()
        self._all_watching: set[Watcher] = set()
        self._by_evse: defaultdict[str, set[Watcher]] = defaultdict(set)
        self._by_site: defaultdict[int, set[Watcher]] = defaultdict(set)
        self._by_session: defaultdict[UUID, set[Watcher]] = defaultdict(set)
        self._is_current = False
        self._closed_for: str | None = None
        self.late_count = 0
        """Connector updates older than what was known; not shown."""

    @property
    def is_current(self) -> bool:
        """Whether the feed is up; before its first snapshot and while it is lost, this is False."""
        return self._is_current

    @property
    def watcher_count(self) -> int:
        return len(self._watchers)

    @property
    def connector_count(self) -> int:
        return len(self._newest)

    # -- the feed's side ---------------------------------------------------------------------------

    def reset(self, connectors: Iterable[ConnectorUpdate]) -> None:
        """Start from the committed state: after a start, and after every gap in the feed."""
        self._newest = {(update.evse_uid, update.connector_id): Versioned(update) for update in connectors}
        self._site_of_evse = {entry.value.evse_uid: entry.value.site_id for entry in self._newest.values()}
        self._is_current = True
        for watcher in self._watchers:
            watcher._start_over(is_stale=False)

    def publish(self, connectors: Sequence[ConnectorUpdate], sessions: Sequence[SessionUpdate]) -> None:
        """Take over committed updates and let the watchers know."""
        changed: dict[ConnectorKey, None] = {}
        for update in connectors:
            self._put(update, changed)
        for session in sessions:
            self._put_session(session, changed)
        if changed:
            for watcher in self._all_seeing:
                watcher._mark(changed)

    def lose(self) -> None:
        """The feed is lost: say so to everyone, once."""
        if self._is_current:
            self._is_current = False
            for watcher in self._watchers:
                watcher._start_over(is_stale=True)

    # -- the watchers' side ------------------------------------------------------------------------

    @contextmanager
    def watch(
        self, interest: Interest, audience: Audience, max_rate_hz: float = DEFAULT_RATE_HZ
    ) -> Iterator[Watcher]:
        """A watcher, until the block is left."""
        watcher = Watcher(self, interest, audience, max_rate_hz)
        if self._closed_for is not None:
            watcher.end(self._closed_for)
        self._watchers.add(watcher)
        everywhere = self._all_seeing if audience.sees_all_sessions else self._all_watching
        if interest.everything:
            everywhere.add(watcher)
        else:
            _index(self._by_evse, interest.evses, watcher)
            _index(self._by_site, interest.sites, watcher)
            _index(self._by_session, interest.sessions, watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            everywhere.discard(watcher)
            _unindex(self._by_evse, interest.evses, watcher)
            _unindex(self._by_site, interest.sites, watcher)
            _unindex(self._by_session, interest.sessions, watcher)

    def close(self, reason: str) -> None:
        """End every watch, also those that begin later."""
        self._closed_for = reason
        for watcher in self._watchers:
            watcher.end(reason)

    def newest_for(self, interest: Interest, audience: Audience) -> list[Versioned[ConnectorUpdate]]:
        """Every connector that matches."""
        if interest.everything:
            return list(self._newest.values())
        return [entry for entry in self._newest.values() if interest.matches(entry.value, audience)]

    def newest_of(self, keys: Iterable[ConnectorKey]) -> list[Versioned[ConnectorUpdate]]:
        return [self._newest[key] for key in keys]

    # -- inside ------------------------------------------------------------------------------------

    def _put(self, update: ConnectorUpdate, changed: dict[ConnectorKey, None]) -> None:
        key = (update.evse_uid, update.connector_id)
        entry = self._newest.get(key)
        old = None if entry is None else entry.value
        if old is not None and old.ts is not None and (update.ts is None or update.ts < old.ts):
            self.late_count += 1
            return
        self._newest[key] = Versioned(update)
        self._site_of_evse[update.evse_uid] = update.site_id
        changed[key] = None
        if len(self._watchers) > len(self._all_seeing):
            self._mark_selective(key, old, update)

    def _mark_selective(self, key: ConnectorKey, old: ConnectorUpdate | None, new: ConnectorUpdate) -> None:
        """Mark those who watch a part, or may not see everything.

        A watcher by session is told of the update with which its session leaves the connector; one who may
        not see the session is told only when the public part changed.
        """
        is_public_change = old is None or old.is_online != new.is_online or old.status != new.status
        old_session = None if old is None else old.session
        candidates = self._all_watching | self._by_evse.get(new.evse_uid, _NOBODY)
        candidates |= self._by_site.get(new.site_id, _NOBODY)
        for watcher in candidates:
            audience = watcher.audience
            if (
                is_public_change
                or audience.sees_all_sessions
                or audience.may_see(new.session)
                or audience.may_see(old_session)
            ):
                watcher._mark({key: None})
        for session in (old_session, new.session):
            if session is not None:
                for watcher in self._by_session.get(session.id, _NOBODY):
                    if watcher.audience.may_see(session):
                        watcher._mark({key: None})

    def _put_session(self, session: SessionUpdate, changed: dict[ConnectorKey, None]) -> None:
        versioned = Versioned(session)
        watchers = self._all_seeing | self._all_watching
        watchers |= self._by_evse.get(session.evse_uid, _NOBODY)
        watchers |= self._by_session.get(session.id, _NOBODY)
        site_id = self._site_of_evse.get(session.evse_uid)
        if site_id is not None:
            watchers |= self._by_site.get(site_id, _NOBODY)
        for watcher in watchers:
            if watcher.audience.may_see(session):
                watcher._add_session(versioned)
        self._refresh_running(session, changed)

    def _refresh_running(self, session: SessionUpdate, changed: dict[ConnectorKey, None]) -> None:
        """Keep the copy of the session that its connector carries in step with it."""
        entry = self._newest.get((session.evse_uid, session.connector_id))
        if entry is None or entry.value.session is None or entry.value.session.id != session.id:
            return
        running = session if session.status == "ACTIVE" else None
        if running != entry.value.session:
            self._put(replace(entry.value, session=running), changed)


_NOBODY: frozenset[Watcher] = frozenset()


def _index(index: defaultdict[_Key, set[Watcher]], keys: Iterable[_Key], watcher: Watcher) -> None:
    for key in keys:
        index[key].add(watcher)


def _unindex(index: defaultdict[_Key, set[Watcher]], keys: Iterable[_Key], watcher: Watcher) -> None:
    for key in keys:
        watchers = index.get(key)
        if watchers is not None:
            watchers.discard(watcher)
            if not watchers:
                del index[key]
