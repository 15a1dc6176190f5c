"""Watchers who are told together, each at the pace of its outlet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from solarrally.domain.update import ConnectorUpdate
from solarrally.hub.events import Event, Frame, Record, Snapshot, Stale, Versioned
from solarrally.hub.interest import Audience, Interest

MAX_PENDING_RECORDS: Final = 256
SNAPSHOT_PAUSE_S: Final = 0.05
"""Between two snapshots of a cohort: who joins meanwhile shares the next one."""
_NEVER: Final = float("-inf")
_NOT_YET: Final = float("inf")

ConnectorKey = tuple[str, int]


class Outlet(Protocol):
    """Where a watcher is told. It calls `Watcher.resume` when it has become ready again."""

    @property
    def is_ready(self) -> bool:
        """Whether it takes an event now."""

    def tell(self, event: Event, /) -> None:
        """Take an event, without waiting. Called only while it is ready."""


class Clock(Protocol):
    """Time in seconds, and a call at a time: an event loop."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> Handle: ...


class Handle(Protocol):
    """A call to come."""

    def cancel(self) -> None: ...


class Known(Protocol):
    """What is known now: the hub, as a cohort asks it."""

    @property
    def clock(self) -> Clock: ...

    @property
    def is_current(self) -> bool: ...

    def newest_of(self, keys: Iterable[ConnectorKey]) -> list[Versioned[ConnectorUpdate]]: ...

    def newest_for(self, interest: Interest, audience: Audience) -> list[Versioned[ConnectorUpdate]]: ...

    def open_records_for(self, interest: Interest, audience: Audience) -> list[Versioned[Record]]: ...


class News:
    """What somebody has not been told: which connectors changed, and records in order. Bounded."""

    __slots__ = ("connectors", "is_overrun", "records")

    def __init__(self) -> None:
        self.connectors: dict[ConnectorKey, None] = {}
        self.records: list[Versioned[Record]] = []
        self.is_overrun = False
        """There were too many records to keep: only a snapshot tells it all."""

    def __bool__(self) -> bool:
        return bool(self.connectors or self.records or self.is_overrun)

    def __len__(self) -> int:
        return len(self.connectors) + len(self.records)

    def add(self, records: Sequence[Versioned[Record]]) -> None:
        if len(self.records) + len(records) > MAX_PENDING_RECORDS:
            self.overrun()
        elif not self.is_overrun:
            self.records.extend(records)

    def overrun(self) -> None:
        self.connectors, self.records, self.is_overrun = {}, [], True

    def absorb(self, later: News) -> None:
        if later.is_overrun:
            self.overrun()
        elif not self.is_overrun:
            self.connectors.update(later.connectors)
            self.add(later.records)


class Watcher:
    """One who watches. Made by `Hub.watch`."""

    __slots__ = ("_missed", "cohort", "needs_stale", "outlet")

    def __init__(self, cohort: Cohort, outlet: Outlet, *, needs_stale: bool) -> None:
        self.outlet = outlet
        self.cohort = cohort
        self.needs_stale = needs_stale
        """It has not been told yet that the feed is lost."""
        self._missed = News()
        self._missed.overrun()

    def resume(self) -> None:
        """The outlet is ready again: tell what was missed, as soon as the rate allows."""
        self.cohort.look_after_waiting()

    @property
    def pending_count(self) -> int:
        """Connectors and records kept for this watcher alone; bounded."""
        return len(self._missed)

    @property
    def needs_snapshot(self) -> bool:
        return self._missed.is_overrun

    def start_over(self, *, is_stale: bool) -> None:
        self._missed.overrun()
        self.needs_stale = is_stale

    def miss(self, news: News) -> None:
        self._missed.absorb(news)

    def take_missed(self) -> News:
        missed, self._missed = self._missed, News()
        return missed


class Cohort:
    """Watchers of the same interest, audience and rate: told together, by one event."""

    def __init__(self, hub: Known, interest: Interest, audience: Audience, max_rate_hz: float) -> None:
        self.interest = interest
        self.audience = audience
        self.key = (interest, audience, max_rate_hz)
        self._hub = hub
        self._interval_s = 1.0 / max_rate_hz
        self._next_at_s = _NEVER
        self._next_snapshot_at_s = _NEVER
        self._news = News()
        self._in_step: dict[Watcher, None] = {}
        self._waiting: dict[Watcher, None] = {}
        """For a snapshot, or for their outlet and then what they missed."""
        self._call: Handle | None = None
        self._call_at_s = _NEVER

    def __len__(self) -> int:
        return len(self._in_step) + len(self._waiting)

    @property
    def pending_count(self) -> int:
        return len(self._news)

    # -- called by the hub -------------------------------------------------------------------------

    def join(self, outlet: Outlet) -> Watcher:
        watcher = Watcher(self, outlet, needs_stale=not self._hub.is_current)
        self._waiting[watcher] = None
        self.look_after_waiting()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._in_step.pop(watcher, None)
        self._waiting.pop(watcher, None)
        if not len(self) and self._call is not None:
            self._call.cancel()
            self._call = None

    def mark(self, keys: dict[ConnectorKey, None]) -> None:
        """These connectors have changed."""
        if not self._news.is_overrun:  # else a snapshot will tell it
            self._news.connectors.update(keys)
        if self._call is None:
            self._call_for_news()

    def add(self, record: Versioned[Record]) -> None:
        """A record that these watchers wanted and may see."""
        self._news.add((record,))
        if self._call is None:
            self._call_for_news()

    def start_over(self, *, is_stale: bool) -> None:
        """Nothing told before counts any more."""
        self._news = News()
        self._waiting.update(self._in_step)
        self._in_step.clear()
        for watcher in self._waiting:
            watcher.start_over(is_stale=is_stale)
        self._next_at_s = self._next_snapshot_at_s = _NEVER
        self.look_after_waiting()

    def look_after_waiting(self) -> None:
        """Be called when there is something for those who wait and whose outlet is ready."""
        at_s = min((self._due_at_s(watcher) for watcher in self._waiting), default=None)
        if at_s is not None and at_s != _NOT_YET:
            self._be_called(at_s)

    # -- inside ------------------------------------------------------------------------------------

    def _due_at_s(self, watcher: Watcher) -> float:
        if not watcher.outlet.is_ready:
            return _NOT_YET  # it will resume
        if watcher.needs_stale:
            return _NEVER
        if watcher.needs_snapshot:
            return self._next_snapshot_at_s if self._hub.is_current else _NOT_YET
        return self._next_at_s

    def _call_for_news(self) -> None:
        if self._in_step or self._waiting:
            self._be_called(self._next_at_s)

    def _be_called(self, at_s: float) -> None:
        if self._call is not None:
            if self._call_at_s <= at_s:
                return
            self._call.cancel()
        self._call_at_s = at_s
        self._call = self._hub.clock.call_at(max(at_s, self._hub.clock.time()), self._serve)

    def _serve(self) -> None:
        self._call = None
        now_s = self._hub.clock.time()
        due = [watcher for watcher in self._waiting if self._due_at_s(watcher) <= now_s]
        if self._news and now_s >= self._next_at_s:
            self._tell_news(now_s)
        if due:
            self._tell_waiting(due, now_s)
        if self._news:
            self._call_for_news()
        self.look_after_waiting()

    def _tell_news(self, now_s: float) -> None:
        news, self._news = self._news, News()
        if not self._in_step and all(watcher.needs_snapshot for watcher in self._waiting):
            return  # the snapshots will tell it
        self._next_at_s = now_s + self._interval_s
        for watcher in self._waiting:
            watcher.miss(news)
        if not self._in_step:
            return
        event = self._event(news, len(self._in_step))
        late = []
        for watcher in self._in_step:
            outlet = watcher.outlet
            if outlet.is_ready:
                outlet.tell(event)
            else:
                late.append(watcher)
        for watcher in late:
            watcher.miss(news)
            del self._in_step[watcher]
            self._waiting[watcher] = None

    def _tell_waiting(self, due: list[Watcher], now_s: float) -> None:
        joining = []
        for watcher in due:
            if watcher.needs_stale:
                watcher.needs_stale = False
                watcher.outlet.tell(Stale())
            elif watcher.needs_snapshot:
                joining.append(watcher)
            else:
                missed = watcher.take_missed()
                if missed:
                    self._next_at_s = now_s + self._interval_s
                    watcher.outlet.tell(self._event(missed, 1))
                self._has_caught_up(watcher)
        if joining:
            self._next_snapshot_at_s = now_s + SNAPSHOT_PAUSE_S
            snapshot = self._snapshot(len(joining))
            for watcher in joining:
                watcher.take_missed()
                watcher.outlet.tell(snapshot)
                self._has_caught_up(watcher)

    def _has_caught_up(self, watcher: Watcher) -> None:
        del self._waiting[watcher]
        self._in_step[watcher] = None

    def _event(self, news: News, shared_by: int) -> Snapshot | Frame:
        if news.is_overrun:
            return self._snapshot(shared_by)
        return Frame(self._hub.newest_of(news.connectors), news.records, shared_by)

    def _snapshot(self, shared_by: int) -> Snapshot:
        updates = self._hub.newest_for(self.interest, self.audience)
        return Snapshot(updates, self._hub.open_records_for(self.interest, self.audience), shared_by)
