"""Every station is asked about its silence when it matters, and then again."""

from __future__ import annotations

from solarrally.domain.fleet import Station
from solarrally.ingest.silence import SilenceWatch
from tests.builders import at


def station(uid: str, heard_s: float | None = None) -> Station:
    return Station(
        evse_id=1, evse_uid=uid, site_id=1, last_received_at=None if heard_s is None else at(heard_s)
    )


def due(watch: SilenceWatch, now_s: float, *, current: bool = True) -> list[tuple[str, float]]:
    found = watch.due(at(now_s), at(0), lambda _: current)
    return [(each.evse_uid, silence.total_seconds()) for each, silence in found]


def test_a_silent_station_comes_up_after_each_of_the_silences() -> None:
    watch = SilenceWatch(300, 1800)
    watch.add([station("a")], at(0))

    assert due(watch, 300) == []
    assert due(watch, 301) == [("a", 301)]
    assert due(watch, 1800) == []
    assert due(watch, 1801) == [("a", 1801)]


def test_one_that_spoke_meanwhile_is_asked_later() -> None:
    watch = SilenceWatch(300, 1800)
    a = station("a")
    watch.add([a], at(0))
    a.last_received_at = at(299)

    assert due(watch, 301) == []
    assert due(watch, 599) == []
    assert due(watch, 600) == [("a", 301)]


def test_silence_counts_from_when_we_began_to_listen() -> None:
    watch = SilenceWatch(300)
    watch.add([station("a", heard_s=-10_000)], at(0))

    assert due(watch, 299) == []
    assert due(watch, 301) == [("a", 301)]


def test_a_station_that_was_loaded_anew_is_dropped() -> None:
    watch = SilenceWatch(300)
    watch.add([station("a")], at(0))

    assert due(watch, 301, current=False) == []
    assert due(watch, 10_000) == []


def test_only_stations_that_are_due_are_asked() -> None:
    asked = []
    watch = SilenceWatch(300)
    watch.add([station(str(n), heard_s=n) for n in range(100)], at(0))

    def is_current(each: Station) -> bool:
        asked.append(each.evse_uid)
        return True

    watch.due(at(310), at(0), is_current)

    assert sorted(asked, key=int) == [str(n) for n in range(10)]
