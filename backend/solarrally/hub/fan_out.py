"""The newest of everything, and who is told of its changes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, TypeVar
from uuid import UUID

from solarrally.domain.update import AlertUpdate, CommandUpdate, ConnectorUpdate, LiveState, SessionUpdate
from solarrally.hub.cohort import Clock, Cohort, ConnectorKey, Outlet, Watcher
from solarrally.hub.events import Record, Versioned
from solarrally.hub.interest import Audience, Interest

MIN_RATE_HZ: Final = 0.1
MAX_RATE_HZ: Final = 100.0
DEFAULT_RATE_HZ: Final = 10.0
_Key = TypeVar("_Key", bound=Hashable)


class Hub:
    """The newest of every connector, what is open, and the watchers who are told about changes.

    `clock` is the running event loop unless another is given.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._newest: dict[ConnectorKey, Versioned[ConnectorUpdate]] = {}
        self._alerts: dict[int, Versioned[Record]] = {}
        self._commands: dict[UUID, Versioned[Record]] = {}
        self._site_of_evse: dict[str, int] = {}
        self._cohorts: dict[tuple[Interest, Audience, float], Cohort] = {}
        self._all_seeing: set[Cohort] = set()
        self._all_watching: set[Cohort] = set()
        self._by_evse: defaultdict[str, set[Cohort]] = defaultdict(set)
        self._by_site: defaultdict[int, set[Cohort]] = defaultdict(set)
        self._by_session: defaultdict[UUID, set[Cohort]] = defaultdict(set)
        self._is_current = False
        self.late_count = 0
        """Connector updates older than what was known; not shown."""

    @property
    def clock(self) -> Clock:
        if self._clock is None:
            self._clock = asyncio.get_running_loop()
        return self._clock

    @property
    def is_current(self) -> bool:
        """Whether the feed is up; before its first snapshot and while it is lost, this is False."""
        return self._is_current

    @property
    def watcher_count(self) -> int:
        return sum(len(cohort) for cohort in self._cohorts.values())

    @property
    def connector_count(self) -> int:
        return len(self._newest)

    @property
    def pending_count(self) -> int:
        """Connectors and records that the cohorts have not told yet; bounded."""
        return sum(cohort.pending_count for cohort in self._cohorts.values())

    # -- the feed's side ---------------------------------------------------------------------------

    def reset(self, state: LiveState) -> None:
        """Start from the committed state: after a start, and after every gap in the feed."""
        self._newest = {
            (update.evse_uid, update.connector_id): Versioned(update) for update in state.connectors
        }
        self._alerts = {alert.id: Versioned(alert) for alert in state.alerts}
        self._commands = {command.id: Versioned(command) for command in state.commands}
        self._site_of_evse = {update.evse_uid: update.site_id for update in state.connectors}
        self._is_current = True
        for cohort in self._cohorts.values():
            cohort.start_over(is_stale=False)

    def publish(
        self,
        connectors: Sequence[ConnectorUpdate] = (),
        sessions: Sequence[SessionUpdate] = (),
        alerts: Sequence[AlertUpdate] = (),
        commands: Sequence[CommandUpdate] = (),
    ) -> None:
        """Take over committed updates and let the watchers know."""
        changed: dict[ConnectorKey, None] = {}
        for update in connectors:
            self._put(update, changed)
        for session in sessions:
            self._put_session(session, changed)
        for alert in alerts:
            self._put_record(alert, self._alerts, alert.id, is_over=alert.resolved_at is not None)
        for command in commands:
            self._put_record(command, self._commands, command.id, is_over=command.finished_at is not None)
        if changed:
            for cohort in self._all_seeing:
                cohort.mark(changed)

    def lose(self) -> None:
        """The feed is lost: say so to everyone, once."""
        if self._is_current:
            self._is_current = False
            for cohort in self._cohorts.values():
                cohort.start_over(is_stale=True)

    # -- the watchers' side ------------------------------------------------------------------------

    @contextmanager
    def watch(
        self,
        outlet: Outlet,
        interest: Interest,
        audience: Audience,
        max_rate_hz: float = DEFAULT_RATE_HZ,
    ) -> Iterator[Watcher]:
        """A watcher, until the block is left."""
        watcher = self.join(outlet, interest, audience, max_rate_hz)
        try:
            yield watcher
        finally:
            self.leave(watcher)

    def join(
        self, outlet: Outlet, interest: Interest, audience: Audience, max_rate_hz: float = DEFAULT_RATE_HZ
    ) -> Watcher:
        """A watcher, until it leaves. ValueError when the rate is out of bounds."""
        if not MIN_RATE_HZ <= max_rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"max_rate_hz must be {MIN_RATE_HZ} to {MAX_RATE_HZ}")
        cohort = self._cohorts.get((interest, audience, max_rate_hz))
        if cohort is None:
            cohort = Cohort(self, interest, audience, max_rate_hz)
            self._cohorts[cohort.key] = cohort
            if interest.everything:
                self._everywhere(audience).add(cohort)
            else:
                _index(self._by_evse, interest.evses, cohort)
                _index(self._by_site, interest.sites, cohort)
                _index(self._by_session, interest.sessions, cohort)
        return cohort.join(outlet)

    def leave(self, watcher: Watcher) -> None:
        """Tell it nothing more."""
        cohort = watcher.cohort
        cohort.leave(watcher)
        if len(cohort) or self._cohorts.pop(cohort.key, None) is None:
            return
        self._everywhere(cohort.audience).discard(cohort)
        _unindex(self._by_evse, cohort.interest.evses, cohort)
        _unindex(self._by_site, cohort.interest.sites, cohort)
        _unindex(self._by_session, cohort.interest.sessions, cohort)

    def newest_for(self, interest: Interest, audience: Audience) -> list[Versioned[ConnectorUpdate]]:
        """Every connector that matches."""
        if interest.everything:
            return list(self._newest.values())
        return [entry for entry in self._newest.values() if interest.matches(entry.value, audience)]

    def newest_of(self, keys: Iterable[ConnectorKey]) -> list[Versioned[ConnectorUpdate]]:
        return [self._newest[key] for key in keys]

    def open_records_for(self, interest: Interest, audience: Audience) -> list[Versioned[Record]]:
        """Every open alert and unfinished command that matches."""
        return [
            entry
            for entries in (self._alerts, self._commands)
            for entry in entries.values()
            if not isinstance(entry.value, SessionUpdate)
            and interest.matches_record(entry.value)
            and audience.may_see(entry.value)
        ]

    # -- inside ------------------------------------------------------------------------------------

    def _everywhere(self, audience: Audience) -> set[Cohort]:
        return self._all_seeing if audience.sees_all_sessions else self._all_watching

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
        if len(self._cohorts) > len(self._all_seeing):
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
        for cohort in candidates:
            audience = cohort.audience
            if (
                is_public_change
                or audience.sees_all_sessions
                or audience.may_see(new.session)
                or audience.may_see(old_session)
            ):
                cohort.mark({key: None})
        for session in (old_session, new.session):
            if session is not None:
                for cohort in self._by_session.get(session.id, _NOBODY):
                    if cohort.audience.may_see(session):
                        cohort.mark({key: None})

    def _put_session(self, session: SessionUpdate, changed: dict[ConnectorKey, None]) -> None:
        site_id = self._site_of_evse.get(session.evse_uid)
        self._add_record(Versioned[Record](session), session.evse_uid, site_id, session.id)
        self._refresh_running(session, changed)

    def _put_record(
        self,
        record: AlertUpdate | CommandUpdate,
        open_ones: dict[_Key, Versioned[Record]],
        key: _Key,
        *,
        is_over: bool,
    ) -> None:
        versioned = Versioned[Record](record)
        if is_over:
            open_ones.pop(key, None)
        else:
            open_ones[key] = versioned
        session_id = record.session_id if isinstance(record, AlertUpdate) else None
        self._add_record(versioned, record.evse_uid, record.site_id, session_id)

    def _add_record(
        self, versioned: Versioned[Record], evse_uid: str, site_id: int | None, session_id: UUID | None
    ) -> None:
        cohorts = self._all_seeing | self._all_watching
        cohorts |= self._by_evse.get(evse_uid, _NOBODY)
        if site_id is not None:
            cohorts |= self._by_site.get(site_id, _NOBODY)
        if session_id is not None:
            cohorts |= self._by_session.get(session_id, _NOBODY)
        for cohort in cohorts:
            if cohort.audience.may_see(versioned.value):
                cohort.add(versioned)

    def _refresh_running(self, session: SessionUpdate, changed: dict[ConnectorKey, None]) -> None:
        """Keep the copy of the session that its connector carries in step with it."""
        entry = self._newest.get((session.evse_uid, session.connector_id))
        if entry is None or entry.value.session is None or entry.value.session.id != session.id:
            return
        running = session if session.status == "ACTIVE" else None
        if running != entry.value.session:
            self._put(replace(entry.value, session=running), changed)


_NOBODY: frozenset[Cohort] = frozenset()


def _index(index: defaultdict[_Key, set[Cohort]], keys: Iterable[_Key], cohort: Cohort) -> None:
    for key in keys:
        index[key].add(cohort)


def _unindex(index: defaultdict[_Key, set[Cohort]], keys: Iterable[_Key], cohort: Cohort) -> None:
    for key in keys:
        cohorts = index.get(key)
        if cohorts is not None:
            cohorts.discard(cohort)
            if not cohorts:
                del index[key]
