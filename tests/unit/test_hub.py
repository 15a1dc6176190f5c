"""What watchers of the hub are told, and when. Time is handed in; nothing sleeps longer than 10 ms."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from solarrally.domain.update import ConnectorUpdate, SessionUpdate
from solarrally.hub import (
    MAX_PENDING_SESSIONS,
    Audience,
    End,
    Event,
    Frame,
    Hub,
    Interest,
    Snapshot,
    Stale,
    Watcher,
)
from tests.api.world import DORA_TOKEN, ERIC_TOKEN, T0, a_session, an_update, session_id

EVERYTHING = Interest(everything=True)
OPERATOR = Audience(sees_all_sessions=True)
DORA = Audience(sees_all_sessions=False, id_token=DORA_TOKEN)
GUEST = Audience(sees_all_sessions=False)


@pytest.fixture
def hub() -> Hub:
    """A hub whose feed is up, and that knows of CP-1 and CP-2."""
    made = Hub()
    made.reset([an_update("CP-1", seconds=0), an_update("CP-2", seconds=0, site_id=2)])
    return made


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def joined(
    stack: ExitStack,
    hub: Hub,
    interest: Interest = EVERYTHING,
    audience: Audience = OPERATOR,
    rate: float = 10.0,
) -> Watcher:
    """A watcher that has got its first snapshot at time 0."""
    watcher = stack.enter_context(hub.watch(interest, audience, rate))
    assert isinstance(watcher.take(0.0), Snapshot)
    return watcher


def shown(event: Event | None) -> list[tuple[str, float | None]]:
    """EVSE and power of the updates in an event."""
    assert isinstance(event, Snapshot | Frame)
    return [(update.value.evse_uid, update.value.power_w) for update in event.updates]


def sessions_in(event: Event | None) -> list[SessionUpdate]:
    assert isinstance(event, Frame)
    return [session.value for session in event.sessions]


def test_a_watcher_starts_with_a_snapshot_of_what_it_asked_for(hub: Hub) -> None:
    with hub.watch(Interest(evses=frozenset({"CP-2"})), OPERATOR) as watcher:
        event = watcher.take(0.0)

    assert shown(event) == [("CP-2", 7000.0)]


def test_the_first_update_after_a_quiet_time_goes_at_once(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    hub.publish([an_update(power_w=1.0)], [])

    assert shown(watcher.take(0.1)) == [("CP-1", 1.0)]


def test_updates_within_the_interval_wait_and_only_the_newest_is_told(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    hub.publish([an_update(seconds=1, power_w=1.0)], [])
    watcher.take(1.0)
    hub.publish([an_update(seconds=2, power_w=2.0)], [])
    hub.publish([an_update(seconds=3, power_w=3.0)], [])

    assert watcher.take(1.099) is None
    assert shown(watcher.take(1.1)) == [("CP-1", 3.0)]
    assert watcher.take(2.0) is None


def test_each_watcher_has_its_own_rate(hub: Hub, stack: ExitStack) -> None:
    fast, slow = joined(stack, hub, rate=100.0), joined(stack, hub, rate=0.1)
    hub.publish([an_update(seconds=1, power_w=1.0)], [])

    assert shown(fast.take(0.02)) == [("CP-1", 1.0)]
    assert slow.take(9.9) is None
    assert shown(slow.take(10.0)) == [("CP-1", 1.0)]


@pytest.mark.parametrize("rate", [0.0, 0.09, 100.1, float("nan")])
def test_a_rate_out_of_bounds_is_refused(hub: Hub, rate: float) -> None:
    with pytest.raises(ValueError, match="max_rate_hz"), hub.watch(EVERYTHING, OPERATOR, rate):
        pass


def test_late_data_never_overwrites_newer(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    hub.publish([an_update(seconds=10, power_w=10.0)], [])
    hub.publish([an_update(seconds=9, power_w=9.0), an_update(seconds=0, ts=None, power_w=0.0)], [])

    assert shown(watcher.take(1.0)) == [("CP-1", 10.0)]
    assert hub.late_count == 2


def test_the_same_instant_again_is_news(hub: Hub, stack: ExitStack) -> None:
    """Going offline changes no reading: `ts` stays."""
    watcher = joined(stack, hub)
    hub.publish([an_update(seconds=0, is_online=False)], [])

    event = watcher.take(1.0)
    assert isinstance(event, Frame)
    assert [update.value.is_online for update in event.updates] == [False]


def test_a_connector_of_another_number_is_another_connector(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    hub.publish([an_update(power_w=1.0), an_update(connector_id=2, power_w=2.0)], [])

    assert shown(watcher.take(1.0)) == [("CP-1", 1.0), ("CP-1", 2.0)]


def test_sessions_come_in_order_and_none_is_merged(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    updates = [a_session("a"), a_session("b"), a_session("a", status="COMPLETED")]
    hub.publish([], updates)

    assert sessions_in(watcher.take(1.0)) == updates


def test_more_sessions_than_fit_give_a_snapshot_instead_of_a_gap(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    hub.publish(
        [an_update(power_w=5.0)], [a_session(str(number)) for number in range(MAX_PENDING_SESSIONS + 1)]
    )

    assert watcher.pending_count <= MAX_PENDING_SESSIONS
    assert isinstance(watcher.take(1.0), Snapshot)
    hub.publish([], [a_session("next")])
    assert sessions_in(watcher.take(2.0)) == [a_session("next")]


def test_memory_of_a_watcher_that_never_reads_is_bounded(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    for second in range(2_000):
        hub.publish([an_update(f"CP-{second % 7}", seconds=second)], [a_session(str(second))])

    assert watcher.pending_count <= 7 + MAX_PENDING_SESSIONS


def test_a_reset_gives_everyone_a_fresh_snapshot_at_once(hub: Hub, stack: ExitStack) -> None:
    watchers = [joined(stack, hub, rate=0.1), joined(stack, hub, Interest(sites=frozenset({1})), GUEST)]
    hub.publish([an_update(power_w=1.0)], [a_session("a")])
    hub.reset([an_update("CP-1", power_w=2.0)])

    assert [shown(watcher.take(0.01)) for watcher in watchers] == [[("CP-1", 2.0)]] * 2
    assert [watcher.take(60.0) for watcher in watchers] == [None, None]


def test_a_lost_feed_is_said_once_and_ends_with_a_snapshot(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    hub.lose()
    hub.lose()

    assert watcher.take(1.0) == Stale()
    assert watcher.take(9.0) is None
    hub.reset([])
    assert watcher.take(9.0) == Snapshot([])


def test_before_the_feed_is_up_there_is_no_snapshot_to_believe(stack: ExitStack) -> None:
    hub = Hub()
    watcher = stack.enter_context(hub.watch(EVERYTHING, OPERATOR))

    assert watcher.take(0.0) == Stale()
    assert watcher.take(1.0) is None
    hub.reset([an_update()])
    assert shown(watcher.take(1.0)) == [("CP-1", 7000.0)]


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
    watcher = joined(stack, hub, interest)
    session = a_session("s")
    hub.publish([an_update("CP-1", session=session), an_update("CP-2", site_id=2)], [session])

    event = watcher.take(1.0)
    assert {uid for uid, _ in ([] if event is None else shown(event))} == told
    assert ([] if event is None else sessions_in(event)) == ([session] if "CP-1" in told else [])


def test_the_update_with_which_a_watched_session_leaves_is_told(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub, Interest(sessions=frozenset({session_id("s")})))
    hub.publish([an_update(seconds=1, session=a_session("s"))], [])
    watcher.take(1.0)
    hub.publish([an_update(seconds=2, power_w=0.0, session=None)], [])
    hub.publish([an_update("CP-2", seconds=3)], [])

    assert shown(watcher.take(2.0)) == [("CP-1", 0.0)]
    hub.publish([an_update(seconds=4)], [])
    assert watcher.take(3.0) is None


def test_an_ended_session_leaves_its_connector(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    hub.publish([an_update(seconds=1, session=a_session("s"))], [])
    watcher.take(1.0)
    hub.publish([], [a_session("s", status="COMPLETED", ended_at=T0)])

    event = watcher.take(2.0)
    assert isinstance(event, Frame)
    assert [update.value.session for update in event.updates] == [None]


def test_a_corrected_session_is_corrected_on_its_connector_too(hub: Hub, stack: ExitStack) -> None:
    hub.publish([an_update(seconds=1, session=a_session("s"))], [])
    corrected = a_session("s", energy_wh=1600, energy_grid_wh=500)
    hub.publish([], [corrected])
    with hub.watch(EVERYTHING, OPERATOR) as watcher:
        event = watcher.take(0.0)

    assert isinstance(event, Snapshot)
    assert [update.value.session for update in event.updates if update.value.evse_uid == "CP-1"] == [
        corrected
    ]


def test_drivers_are_told_of_their_own_sessions_only(hub: Hub, stack: ExitStack) -> None:
    dora, guest = joined(stack, hub, audience=DORA), joined(stack, hub, audience=GUEST)
    own, another = a_session("own"), a_session("another", id_token=ERIC_TOKEN)
    hub.publish([], [own, another, a_session("nobody's", id_token=None)])

    assert sessions_in(dora.take(1.0)) == [own]
    assert guest.take(1.0) is None


def test_who_names_anothers_session_is_told_nothing(hub: Hub, stack: ExitStack) -> None:
    another = a_session("another", id_token=ERIC_TOKEN)
    watcher = joined(stack, hub, Interest(sessions=frozenset({another.id})), DORA)
    hub.publish([an_update(session=another)], [another])

    assert watcher.take(1.0) is None
    with hub.watch(Interest(sessions=frozenset({another.id})), DORA) as late:
        assert late.take(0.0) == Snapshot([])


def test_a_guest_is_told_when_the_status_changes_and_not_what_the_power_does(
    hub: Hub, stack: ExitStack
) -> None:
    watcher = joined(stack, hub, audience=GUEST)
    hub.publish([an_update(seconds=1, power_w=1.0, session=a_session("s"))], [])
    assert watcher.take(1.0) is None
    hub.publish([an_update(seconds=2, status="available")], [])
    assert shown(watcher.take(2.0)) == [("CP-1", 7000.0)]


def test_a_driver_is_told_when_the_own_session_charges(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub, audience=DORA)
    hub.publish([an_update(seconds=1, power_w=1.0, session=a_session("s"))], [])

    assert shown(watcher.take(1.0)) == [("CP-1", 1.0)]


def test_an_ended_watch_tells_its_reason_and_nothing_more(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    hub.publish([an_update()], [])
    watcher.end("too_slow")
    watcher.end("going_away")

    assert [watcher.take(1.0), watcher.take(2.0)] == [End("too_slow"), End("too_slow")]


def test_a_closed_hub_ends_watches_that_begin_later_too(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    hub.close("going_away")
    with hub.watch(EVERYTHING, OPERATOR) as late:
        assert (watcher.take(1.0), late.take(0.0)) == (End("going_away"), End("going_away"))


def test_a_watcher_that_left_is_forgotten(hub: Hub) -> None:
    interest = Interest(
        evses=frozenset({"CP-1"}), sites=frozenset({1}), sessions=frozenset({session_id("s")})
    )
    for one in (interest, EVERYTHING):
        for audience in (OPERATOR, GUEST):
            with hub.watch(one, audience) as watcher:
                watcher.take(0.0)
            hub.publish([an_update(session=a_session("s"))], [a_session("s")])
            assert watcher.pending_count == 0
    assert hub.watcher_count == 0


async def test_next_waits_for_news_and_gives_it_at_once(hub: Hub, stack: ExitStack) -> None:
    watcher = stack.enter_context(hub.watch(EVERYTHING, OPERATOR, 100.0))
    await watcher.next()
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(watcher.next())
    await asyncio.sleep(0)
    hub.publish([an_update(power_w=1.0)], [])

    async with asyncio.timeout(1):
        assert shown(await waiting) == [("CP-1", 1.0)]


async def test_next_paces_and_then_gives_the_newest(hub: Hub, stack: ExitStack) -> None:
    watcher = stack.enter_context(hub.watch(EVERYTHING, OPERATOR, 100.0))
    loop = asyncio.get_running_loop()
    await watcher.next()
    began_s = loop.time()
    waiting = asyncio.create_task(watcher.next())
    for second in range(1, 6):
        hub.publish([an_update(seconds=second, power_w=float(second))], [])
        await asyncio.sleep(0.001)

    async with asyncio.timeout(1):
        assert shown(await waiting) == [("CP-1", 5.0)]
    assert loop.time() - began_s >= 0.009


async def test_an_end_does_not_wait_for_the_rate(hub: Hub, stack: ExitStack) -> None:
    watcher = stack.enter_context(hub.watch(EVERYTHING, OPERATOR, 0.1))
    await watcher.next()
    hub.publish([an_update()], [])
    waiting = asyncio.create_task(watcher.next())
    await asyncio.sleep(0)
    watcher.end("going_away")

    async with asyncio.timeout(1):
        assert await waiting == End("going_away")


def test_frames_together_tell_what_the_newest_state_is() -> None:
    """Whatever the pace, a watcher that applies what it is told ends with the hub's own state."""
    hub = Hub()
    hub.reset([])
    with hub.watch(EVERYTHING, OPERATOR, 1.0) as watcher:
        picture: dict[str, ConnectorUpdate] = {}
        for second in range(500):
            hub.publish([an_update(f"CP-{second * 7 % 13}", seconds=second % 211, power_w=float(second))], [])
            _apply(watcher.take(second / 9), picture)
        _apply(watcher.take(1e6), picture)
        with hub.watch(EVERYTHING, OPERATOR) as fresh:
            expected: dict[str, ConnectorUpdate] = {}
            _apply(fresh.take(0.0), expected)

    assert picture == expected
    assert len(picture) == 13


def _apply(event: Event | None, picture: dict[str, Any]) -> None:
    updates: Iterable[Any] = event.updates if isinstance(event, Snapshot | Frame) else ()
    picture.update({update.value.evse_uid: update.value for update in updates})


def test_what_was_told_is_not_changed_afterwards(hub: Hub, stack: ExitStack) -> None:
    watcher = joined(stack, hub)
    hub.publish([an_update(power_w=1.0)], [a_session("a")])
    event = watcher.take(1.0)
    hub.publish([replace(an_update(power_w=2.0), ts=T0 + timedelta(hours=1))], [a_session("b")])

    assert shown(event) == [("CP-1", 1.0)]
    assert sessions_in(event) == [a_session("a")]
