"""What watchers of the hub are told, and when. Time is the test's; nothing sleeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

import pytest

from solarrally.domain.update import AlertUpdate, ConnectorUpdate, LiveState
from solarrally.hub import (
    MAX_PENDING_RECORDS,
    SNAPSHOT_PAUSE_S,
    Audience,
    Event,
    Frame,
    Hub,
    Interest,
    Record,
    Snapshot,
    Stale,
    Watcher,
)
from tests.api.world import (
    DORA_TOKEN,
    ERIC_TOKEN,
    T0,
    a_command,
    a_session,
    an_alert,
    an_update,
    session_id,
)

EVERYTHING = Interest(everything=True)
OPERATOR = Audience(sees_all_sessions=True, sees_alerts=True, sees_all_commands=True)
DORA = Audience(sees_all_sessions=False, id_token=DORA_TOKEN, user_id=7)
GUEST = Audience(sees_all_sessions=False)


class ManualClock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._calls: list[ManualCall] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, when: float, callback: Callable[[], object], /) -> ManualCall:
        call = ManualCall(when, callback)
        self._calls.append(call)
        return call

    def until(self, now_s: float) -> None:
        """Let time pass, with every call that falls due."""
        while due := [call for call in self._calls if call.callback is not None and call.at_s <= now_s]:
            call = min(due, key=lambda one: one.at_s)
            self._calls.remove(call)
            self.now_s = max(self.now_s, call.at_s)
            assert call.callback is not None
            call.callback()
        self.now_s = now_s


@dataclass
class ManualCall:
    """A call to come."""

    at_s: float
    callback: Callable[[], object] | None

    def cancel(self) -> None:
        self.callback = None


@dataclass
class Ear:
    """An outlet that remembers what it was told, and when."""

    clock: ManualClock
    is_ready: bool = True
    events: list[Event] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    watcher: Watcher | None = None

    def tell(self, event: Event) -> None:
        assert self.is_ready
        self.events.append(event)
        self.at_s.append(self.clock.now_s)

    def told(self) -> list[Event]:
        """What was told since it was last asked."""
        events, self.events = self.events, []
        return events

    def drain(self) -> None:
        """Become ready again, as a socket does that could be written."""
        self.is_ready = True
        assert self.watcher is not None
        self.watcher.resume()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def hub(clock: ManualClock) -> Hub:
    """A hub whose feed is up, and that knows of CP-1 and CP-2."""
    made = Hub(clock)
    made.reset(LiveState(connectors=[an_update("CP-1", seconds=0), an_update("CP-2", seconds=0, site_id=2)]))
    return made


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def starting(
    stack: ExitStack,
    hub: Hub,
    interest: Interest = EVERYTHING,
    audience: Audience = OPERATOR,
    rate: float = 10.0,
    *,
    is_ready: bool = True,
) -> Ear:
    """A watcher that has been told nothing yet."""
    assert isinstance(hub.clock, ManualClock)
    ear = Ear(hub.clock, is_ready)
    ear.watcher = stack.enter_context(hub.watch(ear, interest, audience, rate))
    return ear


def joined(
    stack: ExitStack,
    hub: Hub,
    interest: Interest = EVERYTHING,
    audience: Audience = OPERATOR,
    rate: float = 10.0,
) -> Ear:
    """A watcher that has got its first snapshot."""
    ear = starting(stack, hub, interest, audience, rate)
    ear.clock.until(ear.clock.now_s + SNAPSHOT_PAUSE_S)
    [event] = ear.told()
    assert isinstance(event, Snapshot)
    return ear


def told_by(ear: Ear, now_s: float) -> Event | None:
    """The one event told until then, or None."""
    ear.clock.until(now_s)
    events = ear.told()
    assert len(events) <= 1, events
    return events[0] if events else None


def shown(event: Event | None) -> list[tuple[str, float | None]]:
    """EVSE and power of the updates in an event."""
    assert isinstance(event, Snapshot | Frame)
    return [(update.value.evse_uid, update.value.power_w) for update in event.updates]


def records_in(event: Event | None) -> list[Record]:
    assert isinstance(event, Frame | Snapshot)
    return [record.value for record in event.records]


def test_a_watcher_starts_with_a_snapshot_of_what_it_asked_for(hub: Hub, stack: ExitStack) -> None:
    ear = starting(stack, hub, Interest(evses=frozenset({"CP-2"})))

    assert shown(told_by(ear, 0.0)) == [("CP-2", 7000.0)]


def test_the_first_update_after_a_quiet_time_goes_at_once(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub)
    ear.clock.until(1.0)
    hub.publish([an_update(power_w=1.0)])

    assert shown(told_by(ear, 1.0)) == [("CP-1", 1.0)]


def test_updates_within_the_interval_wait_and_only_the_newest_is_told(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub)
    ear.clock.until(1.0)
    hub.publish([an_update(seconds=1, power_w=1.0)])
    told_by(ear, 1.0)
    hub.publish([an_update(seconds=2, power_w=2.0)])
    hub.publish([an_update(seconds=3, power_w=3.0)])

    assert told_by(ear, 1.099) is None
    assert shown(told_by(ear, 1.1)) == [("CP-1", 3.0)]
    assert told_by(ear, 2.0) is None


def test_each_watcher_has_its_own_rate(hub: Hub, stack: ExitStack) -> None:
    fast, slow = joined(stack, hub, rate=100.0), joined(stack, hub, rate=0.1)
    for second in range(1, 4):
        fast.clock.until(float(second))
        hub.publish([an_update(seconds=second, power_w=float(second))])

    fast.clock.until(3.0)
    assert [shown(event) for event in fast.told()] == [[("CP-1", power)] for power in (1.0, 2.0, 3.0)]
    assert [shown(event) for event in slow.told()] == [[("CP-1", 1.0)]]
    assert told_by(slow, 10.9) is None
    assert shown(told_by(slow, 11.0)) == [("CP-1", 3.0)]


@pytest.mark.parametrize("rate", [0.0, 0.09, 100.1, float("nan")])
def test_a_rate_out_of_bounds_is_refused(hub: Hub, stack: ExitStack, rate: float) -> None:
    with pytest.raises(ValueError, match="max_rate_hz"):
        starting(stack, hub, rate=rate)


def test_watchers_of_the_same_are_told_the_very_same_event(hub: Hub, stack: ExitStack) -> None:
    """It is written once for all of them."""
    ears = [joined(stack, hub) for _ in range(3)]
    other = joined(stack, hub, audience=DORA)
    hub.publish([an_update(power_w=1.0, session=a_session("s"))])
    events = [told_by(ear, 5.0) for ear in ears]

    assert events[0] is events[1] is events[2]
    assert isinstance(events[0], Frame)
    assert events[0].shared_by == 3
    assert told_by(other, 5.0) is not events[0]


def test_who_join_together_share_a_snapshot(hub: Hub, stack: ExitStack) -> None:
    first = starting(stack, hub)
    hub_clock = first.clock
    hub_clock.until(0.0)
    later = [starting(stack, hub) for _ in range(3)]
    hub_clock.until(SNAPSHOT_PAUSE_S)

    [one], [two], [three] = (ear.told() for ear in later)
    assert one is two is three
    assert isinstance(one, Snapshot)
    assert first.at_s == [0.0]


def test_one_that_joins_does_not_disturb_the_others(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub)
    hub.publish([an_update(power_w=1.0)])
    told_by(ear, 1.0)
    joined(stack, hub)

    assert told_by(ear, 2.0) is None


def test_late_data_never_overwrites_newer(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub)
    hub.publish([an_update(seconds=10, power_w=10.0)])
    hub.publish([an_update(seconds=9, power_w=9.0), an_update(seconds=0, ts=None, power_w=0.0)])

    assert shown(told_by(ear, 1.0)) == [("CP-1", 10.0)]
    assert hub.late_count == 2


def test_the_same_instant_again_is_news(hub: Hub, stack: ExitStack) -> None:
    """Going offline changes no reading: `ts` stays."""
    ear = joined(stack, hub)
    hub.publish([an_update(seconds=0, is_online=False)])

    event = told_by(ear, 1.0)
    assert isinstance(event, Frame)
    assert [update.value.is_online for update in event.updates] == [False]


def test_a_connector_of_another_number_is_another_connector(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub)
    hub.publish([an_update(power_w=1.0), an_update(connector_id=2, power_w=2.0)])

    assert shown(told_by(ear, 1.0)) == [("CP-1", 1.0), ("CP-1", 2.0)]


def test_records_come_in_order_and_none_is_merged(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub)
    sessions = [a_session("a"), a_session("b"), a_session("a", status="COMPLETED")]
    hub.publish([], sessions, [an_alert(1)], [a_command("c")])
    hub.publish(alerts=[an_alert(1, status="resolved", resolved_at=T0)])

    assert records_in(told_by(ear, 1.0)) == [
        *sessions,
        an_alert(1),
        a_command("c"),
        an_alert(1, status="resolved", resolved_at=T0),
    ]


def test_more_records_than_fit_give_a_snapshot_instead_of_a_gap(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub)
    sessions = [a_session(str(number)) for number in range(MAX_PENDING_RECORDS)]
    hub.publish([an_update(power_w=5.0)], sessions, [an_alert(1)])

    assert hub.pending_count <= MAX_PENDING_RECORDS
    event = told_by(ear, 1.0)
    assert isinstance(event, Snapshot)
    assert records_in(event) == [an_alert(1)]
    hub.publish([], [a_session("next")])
    assert records_in(told_by(ear, 2.0)) == [a_session("next")]


def test_memory_of_watchers_who_never_read_is_bounded(hub: Hub, stack: ExitStack) -> None:
    ears = [joined(stack, hub) for _ in range(2)]
    for ear in ears:
        ear.is_ready = False
    for second in range(2_000):
        hub.publish([an_update(f"CP-{second % 7}", seconds=second)], [a_session(str(second))])
        ears[0].clock.until(1.0 + second)

    assert [ear.told() for ear in ears] == [[], []]
    for ear in ears:
        assert ear.watcher is not None
        assert ear.watcher.pending_count <= 7 + MAX_PENDING_RECORDS


def test_a_slow_watcher_is_told_the_newest_when_it_is_ready_again(hub: Hub, stack: ExitStack) -> None:
    slow, quick = joined(stack, hub), joined(stack, hub)
    slow.is_ready = False
    for second in range(1, 6):
        slow.clock.until(float(second))
        updates = [an_update(f"CP-{second % 2 + 1}", seconds=second, power_w=float(second))]
        hub.publish(updates, [a_session(str(second))])
    slow.clock.until(6.0)
    assert slow.told() == []
    assert len(quick.told()) == 5
    slow.drain()

    event = told_by(slow, 6.0)
    assert sorted(shown(event)) == [("CP-1", 4.0), ("CP-2", 5.0)]
    assert records_in(event) == [a_session(str(second)) for second in range(1, 6)]
    assert told_by(quick, 9.0) is None


def test_one_that_was_slow_is_in_step_again(hub: Hub, stack: ExitStack) -> None:
    slow, quick = joined(stack, hub), joined(stack, hub)
    slow.is_ready = False
    hub.publish([an_update(seconds=1, power_w=1.0)])
    quick.clock.until(1.0)
    slow.drain()
    slow.clock.until(2.0)
    hub.publish([an_update(seconds=2, power_w=2.0)])

    assert [shown(event) for event in slow.told()] == [[("CP-1", 1.0)]]
    assert [shown(event) for event in quick.told()] == [[("CP-1", 1.0)]]
    quick.clock.until(3.0)
    [one], [two] = slow.told(), quick.told()
    assert one is two


def test_one_that_is_ready_again_is_not_told_above_its_rate(hub: Hub, stack: ExitStack) -> None:
    slow, quick = joined(stack, hub, rate=1.0), joined(stack, hub, rate=1.0)
    hub.publish([an_update(seconds=1, power_w=1.0)])
    quick.clock.until(1.0)
    slow.is_ready = False
    hub.publish([an_update(seconds=2, power_w=2.0)])
    quick.clock.until(2.5)
    slow.drain()
    hub.publish([an_update(seconds=3, power_w=3.0)])
    quick.clock.until(9.0)

    assert min(late - early for early, late in pairwise(slow.at_s[1:])) >= 0.999
    assert shown(slow.told()[-1]) == [("CP-1", 3.0)]


def test_watchers_who_come_and_go_ready_hold_nobody_up(hub: Hub, stack: ExitStack) -> None:
    steady, fickle = joined(stack, hub), [joined(stack, hub) for _ in range(5)]
    for step in range(1, 200):
        steady.clock.until(1.0 + step / 50)
        one = fickle[step % 5]
        if one.is_ready:
            one.is_ready = False
        else:
            one.drain()
        hub.publish([an_update(seconds=step, power_w=float(step))])

    told_s = [at_s for at_s in steady.at_s if at_s >= 1.0]
    assert max(late - early for early, late in pairwise(told_s)) <= 0.121


def test_a_reset_gives_everyone_a_fresh_snapshot_at_once(hub: Hub, stack: ExitStack) -> None:
    ears = [joined(stack, hub, rate=0.1), joined(stack, hub, Interest(sites=frozenset({1})), GUEST)]
    hub.publish([an_update(power_w=1.0)], [a_session("a")])
    hub.reset(LiveState(connectors=[an_update("CP-1", power_w=2.0)]))
    now_s = ears[0].clock.now_s

    assert [shown(told_by(ear, now_s)) for ear in ears] == [[("CP-1", 2.0)]] * 2
    assert [told_by(ear, now_s + 60) for ear in ears] == [None, None]


def test_a_lost_feed_is_said_once_and_ends_with_a_snapshot(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub)
    hub.publish([an_update(power_w=1.0)])
    hub.lose()
    hub.lose()

    assert told_by(ear, 1.0) == Stale()
    assert told_by(ear, 9.0) is None
    hub.reset(LiveState())
    assert told_by(ear, 9.0) == Snapshot([], [])


def test_a_slow_watcher_is_told_of_a_gap_before_the_snapshot_that_closes_it(
    hub: Hub, stack: ExitStack
) -> None:
    ear = joined(stack, hub)
    ear.is_ready = False
    hub.lose()
    ear.clock.until(5.0)
    assert ear.told() == []
    ear.drain()
    assert told_by(ear, 5.0) == Stale()
    hub.reset(LiveState())
    assert told_by(ear, 6.0) == Snapshot([], [])


def test_a_gap_that_was_over_before_a_slow_watcher_could_hear_of_it_is_one_snapshot(
    hub: Hub, stack: ExitStack
) -> None:
    ear = joined(stack, hub)
    ear.is_ready = False
    hub.lose()
    hub.reset(LiveState(connectors=[an_update(power_w=3.0)]))
    ear.drain()

    assert shown(told_by(ear, 5.0)) == [("CP-1", 3.0)]


def test_before_the_feed_is_up_there_is_no_snapshot_to_believe(stack: ExitStack, clock: ManualClock) -> None:
    hub = Hub(clock)
    ear = starting(stack, hub)

    assert told_by(ear, 0.0) == Stale()
    assert told_by(ear, 1.0) is None
    hub.reset(LiveState(connectors=[an_update()]))
    assert shown(told_by(ear, 1.0)) == [("CP-1", 7000.0)]


def test_a_snapshot_holds_open_alerts_and_unfinished_commands(hub: Hub, stack: ExitStack) -> None:
    hub.reset(LiveState(connectors=[an_update()], alerts=[an_alert(1)], commands=[a_command("a")]))
    hub.publish(alerts=[an_alert(2)], commands=[a_command("b")])
    hub.publish(
        alerts=[an_alert(1, status="resolved", resolved_at=T0)],
        commands=[a_command("a", status="completed", finished_at=T0)],
    )

    assert records_in(told_by(starting(stack, hub), 1.0)) == [an_alert(2), a_command("b")]


@pytest.mark.parametrize(
    ("interest", "told"),
    [
        (EVERYTHING, {"CP-1", "CP-2"}),
        (Interest(evses=frozenset({"CP-1"})), {"CP-1"}),
        (Interest(sites=frozenset({2})), {"CP-2"}),
        (Interest(sites=frozenset({2}), evses=frozenset({"CP-1"})), {"CP-1", "CP-2"}),
        (Interest(sessions=frozenset({session_id("s")})), {"CP-1"}),
        (Interest(sessions=frozenset({session_id("t")})), set()),
    ],
)
def test_only_what_was_asked_for_is_told(
    hub: Hub, stack: ExitStack, interest: Interest, told: set[str]
) -> None:
    ear = joined(stack, hub, interest)
    session = a_session("s")
    hub.publish([an_update("CP-1", session=session), an_update("CP-2", site_id=2)], [session])

    event = told_by(ear, 1.0)
    assert {uid for uid, _ in ([] if event is None else shown(event))} == told
    assert ([] if event is None else records_in(event)) == ([session] if "CP-1" in told else [])


@pytest.mark.parametrize(
    ("interest", "told"),
    [
        (EVERYTHING, [an_alert(1), an_alert(2, evse_uid="CP-2", site_id=2, session_id=None), a_command("c")]),
        (Interest(evses=frozenset({"CP-1"})), [an_alert(1), a_command("c")]),
        (Interest(sites=frozenset({2})), [an_alert(2, evse_uid="CP-2", site_id=2, session_id=None)]),
        (Interest(sessions=frozenset({session_id("s")})), [an_alert(1)]),
        (Interest(sessions=frozenset({session_id("t")})), []),
    ],
)
def test_alerts_and_commands_are_told_to_who_asked_for_their_station(
    hub: Hub, stack: ExitStack, interest: Interest, told: list[Record]
) -> None:
    ear = joined(stack, hub, interest)
    alerts = [an_alert(1), an_alert(2, evse_uid="CP-2", site_id=2, session_id=None)]
    hub.publish(alerts=alerts, commands=[a_command("c")])

    event = told_by(ear, 1.0)
    assert ([] if event is None else records_in(event)) == told
    assert records_in(told_by(starting(stack, hub, interest), 2.0)) == told


def test_a_driver_is_told_of_own_commands_and_of_no_alerts(hub: Hub, stack: ExitStack) -> None:
    dora, guest = joined(stack, hub, audience=DORA), joined(stack, hub, audience=GUEST)
    own, another = a_command("own", requested_by_user_id=7), a_command("other", requested_by_user_id=8)
    hub.publish(alerts=[an_alert(1)], commands=[own, another, a_command("old", requested_by_user_id=None)])

    assert records_in(told_by(dora, 1.0)) == [own]
    assert told_by(guest, 1.0) is None
    assert records_in(told_by(starting(stack, hub, audience=DORA), 2.0)) == [own]
    assert records_in(told_by(starting(stack, hub, audience=GUEST), 2.0)) == []


def test_the_update_with_which_a_watched_session_leaves_is_told(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub, Interest(sessions=frozenset({session_id("s")})))
    hub.publish([an_update(seconds=1, session=a_session("s"))])
    told_by(ear, 1.0)
    hub.publish([an_update(seconds=2, power_w=0.0, session=None)])
    hub.publish([an_update("CP-2", seconds=3)])

    assert shown(told_by(ear, 2.0)) == [("CP-1", 0.0)]
    hub.publish([an_update(seconds=4)])
    assert told_by(ear, 3.0) is None


def test_an_ended_session_leaves_its_connector(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub)
    hub.publish([an_update(seconds=1, session=a_session("s"))])
    told_by(ear, 1.0)
    hub.publish([], [a_session("s", status="COMPLETED", ended_at=T0)])

    event = told_by(ear, 2.0)
    assert isinstance(event, Frame)
    assert [update.value.session for update in event.updates] == [None]


def test_a_corrected_session_is_corrected_on_its_connector_too(hub: Hub, stack: ExitStack) -> None:
    hub.publish([an_update(seconds=1, session=a_session("s"))])
    corrected = a_session("s", energy_wh=1600, energy_grid_wh=500)
    hub.publish([], [corrected])
    event = told_by(starting(stack, hub), 0.0)

    assert isinstance(event, Snapshot)
    assert [update.value.session for update in event.updates if update.value.evse_uid == "CP-1"] == [
        corrected
    ]


def test_drivers_are_told_of_their_own_sessions_only(hub: Hub, stack: ExitStack) -> None:
    dora, guest = joined(stack, hub, audience=DORA), joined(stack, hub, audience=GUEST)
    own, another = a_session("own"), a_session("another", id_token=ERIC_TOKEN)
    hub.publish([], [own, another, a_session("nobody's", id_token=None)])

    assert records_in(told_by(dora, 1.0)) == [own]
    assert told_by(guest, 1.0) is None


def test_who_names_anothers_session_is_told_nothing(hub: Hub, stack: ExitStack) -> None:
    another = a_session("another", id_token=ERIC_TOKEN)
    interest = Interest(sessions=frozenset({another.id}))
    ear = joined(stack, hub, interest, DORA)
    hub.publish([an_update(session=another)], [another])

    assert told_by(ear, 1.0) is None
    assert told_by(starting(stack, hub, interest, DORA), 2.0) == Snapshot([], [])


def test_a_guest_is_told_when_the_status_changes_and_not_what_the_power_does(
    hub: Hub, stack: ExitStack
) -> None:
    ear = joined(stack, hub, audience=GUEST)
    hub.publish([an_update(seconds=1, power_w=1.0, session=a_session("s"))])
    assert told_by(ear, 1.0) is None
    hub.publish([an_update(seconds=2, status="available")])
    assert shown(told_by(ear, 2.0)) == [("CP-1", 7000.0)]


def test_a_driver_is_told_when_the_own_session_charges(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub, audience=DORA)
    hub.publish([an_update(seconds=1, power_w=1.0, session=a_session("s"))])

    assert shown(told_by(ear, 1.0)) == [("CP-1", 1.0)]


def test_a_watcher_that_left_is_forgotten(hub: Hub, clock: ManualClock) -> None:
    interest = Interest(
        evses=frozenset({"CP-1"}), sites=frozenset({1}), sessions=frozenset({session_id("s")})
    )
    for number, one in enumerate((interest, EVERYTHING)):
        for audience in (OPERATOR, GUEST):
            ear = Ear(clock)
            with hub.watch(ear, one, audience):
                clock.until(clock.now_s + 1.0)
                hub.publish([an_update(seconds=number, session=a_session("s"))])
                ear.told()
            clock.until(clock.now_s + 1.0)
            hub.publish([an_update(session=a_session("s"))], [a_session("s")], [an_alert(1)])
            clock.until(clock.now_s + 1.0)
            assert ear.told() == []
    assert (hub.watcher_count, hub.pending_count) == (0, 0)


def test_frames_together_tell_what_the_newest_state_is(hub: Hub, stack: ExitStack) -> None:
    """Whatever the pace and however fickle the outlet: who applies what is told ends with the hub's state."""
    hub.reset(LiveState())
    ear, picture = starting(stack, hub, rate=1.0), Picture()
    for second in range(500):
        uid = f"CP-{second * 7 % 13}"
        hub.publish(
            [an_update(uid, seconds=second % 211, power_w=float(second))],
            [a_session(str(second))] * (second % 3),
            [an_alert(second % 5, resolved_at=T0 if second % 2 else None)],
        )
        if second in (200, 300):
            hub.lose()
            ear.clock.until(ear.clock.now_s + 0.5)
            hub.reset(LiveState(connectors=[entry.value for entry in hub.newest_for(EVERYTHING, OPERATOR)]))
        if second % 17 == 3:
            ear.is_ready = False
        if second % 17 == 11:
            ear.drain()
        ear.clock.until(ear.clock.now_s + 0.11)
        picture.apply(ear.told())
    ear.drain()
    ear.clock.until(1e6)
    picture.apply(ear.told())
    expected = Picture()
    fresh = starting(stack, hub)
    fresh.clock.until(2e6)
    expected.apply(fresh.told())

    assert picture == expected
    assert len(picture.connectors) == 13


@dataclass
class Picture:
    """What a client knows that applies what it is told."""

    connectors: dict[str, ConnectorUpdate] = field(default_factory=dict)
    alerts: dict[int, AlertUpdate] = field(default_factory=dict)

    def apply(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Stale):
                continue
            if isinstance(event, Snapshot):
                self.connectors, self.alerts = {}, {}
            self.connectors |= {update.value.evse_uid: update.value for update in event.updates}
            for record in event.records:
                if isinstance(record.value, AlertUpdate):
                    self.alerts[record.value.id] = record.value
                    if record.value.resolved_at is not None:
                        del self.alerts[record.value.id]


def test_what_was_told_is_not_changed_afterwards(hub: Hub, stack: ExitStack) -> None:
    ear = joined(stack, hub)
    hub.publish([an_update(power_w=1.0)], [a_session("a")])
    event = told_by(ear, 1.0)
    hub.publish([replace(an_update(power_w=2.0), ts=T0 + timedelta(hours=1))], [a_session("b")])

    assert shown(event) == [("CP-1", 1.0)]
    assert records_in(event) == [a_session("a")]
