"""Devices that publish a value a topic: their messages become one reading a moment, and each has its fate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from solarrally.dialects.families import FAMILIES
from solarrally.dialects.family import (
    BASE_TOPIC,
    Confirmation,
    Family,
    Heard,
    Outcome,
    Place,
    Said,
    Value,
)
from solarrally.dialects.routes import Routes
from solarrally.dialects.values import Field, flag, number, read_field, text
from solarrally.domain.command import Answer
from solarrally.domain.fleet import StationRoute
from solarrally.errors import RejectedMessage
from solarrally.ingest.devices import Devices, Expected
from solarrally.ingest.fates import Fate
from solarrally.ingest.moments import Moments, Sorted
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.ports import Delivery
from tests.builders import at
from tests.fakes.memory_store import MemoryStore
from tests.fakes.queue_broker import QueueBroker
from tests.unit.ingest.test_pipeline import RULES, Clock

FIELDS: dict[str, Field | None] = {
    "watts": Field("power_w", number, "W", "the test"),
    "total": Field("energy_wh", number, "Wh", "the test"),
    "plugged": Field("plugged", flag, "", "the test"),
    "fw": Field("firmware", text, "", "the test"),
    "alive": Field("is_online", flag, "", "the test"),
    "clock": None,
}
COMMAND = UUID("0c0b8b1e-0000-4000-8000-000000000001")


def place(levels: Sequence[str]) -> Place | None:
    if levels[0] != "box":
        return None
    if len(levels) == 2:
        # An announcement is of one device, and names it; the others are of all below.
        return Place("box", "box" if levels[1] == "announce" else "", levels[1], is_shared=True)
    return Place("/".join(levels[:2]), f"box-{levels[1]}", "/".join(levels[2:]))


def other_place(levels: Sequence[str]) -> Place | None:
    return Place("/".join(levels[:2]), f"other-{levels[1]}", levels[2]) if levels[0] == "other" else None


def read(key: str, payload: bytes) -> Said | None:
    if key == "announce":
        return {"is_online": False} if payload == b"-" else {BASE_TOPIC: payload.decode()}
    return read_field(FIELDS, key, payload)


def tell(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said:
    told: Said = {name: said[name] for name in ("power_w", "energy_wh") if name in said}
    if "plugged" in known:
        told["status"] = "preparing" if known["plugged"] else "available"
    return told


def family(*, holds: bool = False) -> Family:
    return Family(
        name="box",
        vendor="Box Ltd",
        topic_filters=["box/#"],
        place=place,
        read=read,
        tell=tell,
        is_order=lambda key, payload: key.endswith("/set"),
        holds=holds,
    )


def part(
    key: str, payload: str, seconds: float = 0.0, *, retained: bool = False, qos: int = 0, base: str = "box/1"
) -> Delivery:
    return Delivery(f"{base}/{key}", payload.encode(), qos, retained, False, at(seconds), 7, 1)


class Bench:
    """Moments with nothing around them."""

    def __init__(
        self, one: Family | None = None, *stations: StationRoute, families: Sequence[Family] = ()
    ) -> None:
        self.routes = Routes(families=[one or family(), *families])
        self.routes.learn(stations)
        self.devices = Devices()
        self.moments = Moments(self.routes, self.devices)

    def take(self, *parts: Delivery, now: float | None = None) -> Sorted:
        end = max((each.received_at for each in parts), default=at(0)) if now is None else at(now)
        return self.moments.take(parts, end)


def told(sorted_: Sorted) -> list[tuple[str, Any]]:
    return [(each.topic, json.loads(each.payload)) for each in sorted_.whole]


def test_what_is_said_within_a_second_becomes_one_reading() -> None:
    bench = Bench()
    first = bench.take(part("watts", "7000"), part("total", "1500", 0.4), part("watts", "7100", 0.9))

    assert first.whole == []
    ended = bench.take(now=1.0)

    assert told(ended)[0] == ("evse/box-1/telemetry", {"power_w": 7100.0, "energy_wh": 1500.0})
    assert ended.whole[0].received_at == at(0.9)
    assert (ended.merged, ended.ignored) == (3, 0)


def test_a_reading_is_of_when_its_last_value_came_however_late_the_moment_is_ended() -> None:
    bench = Bench()
    bench.take(part("watts", "7000"), part("total", "1500", 0.3))
    ended = bench.take(part("watts", "0", 25))

    assert [(each.topic, each.received_at) for each in ended.whole][:1] == [("evse/box-1/telemetry", at(0.3))]


def test_what_comes_after_a_moment_changes_nothing_of_it() -> None:
    """A batch may hold minutes: the last will, and then a sign of life of much later."""
    bench = Bench(family(holds=True))
    bench.take(part("watts", "7000"), part("alive", "0", 0.5), now=0.5)
    ended = told(bench.take(part("total", "10", 500)))

    assert ended == [
        ("evse/box-1/telemetry", {"power_w": 7000.0}),
        ("evse/box-1/status", {"state": "offline", "vendor": "Box Ltd"}),
    ]


def test_what_is_said_to_a_device_is_no_sign_of_its_life() -> None:
    bench = Bench(family(holds=True))
    sorted_ = bench.take(part("limit/set", "16"), part("limit/set", "8", 70))

    assert (sorted_.whole, sorted_.ignored, len(bench.moments)) == ([], 2, 0)


def test_the_next_moment_says_only_what_was_said_in_it() -> None:
    bench = Bench()
    bench.take(part("watts", "7000"), part("total", "1500", 0.1))
    bench.take(now=2)
    bench.take(part("watts", "6900", 5))

    assert told(bench.take(now=7)) == [("evse/box-1/telemetry", {"power_w": 6900.0})]


def test_a_moment_ends_by_receipt_also_when_all_of_it_comes_at_once() -> None:
    """After a pause of ours a whole minute is read in one go."""
    ended = Bench().take(*(part("watts", str(second), second) for second in range(4)), now=100)

    assert [said.get("power_w") for topic, said in told(ended) if topic.endswith("telemetry")] == [0, 1, 2, 3]


def test_a_retained_value_is_never_a_sample_but_helps_to_understand_what_is_fresh() -> None:
    bench = Bench()
    seeded = bench.take(
        part("plugged", "1", retained=True),
        part("watts", "7000", retained=True),
        part("fw", "1.2", retained=True),
    )
    assert (seeded.whole, seeded.ignored) == ([], 3)
    assert bench.take(now=500).whole == []

    bench.take(part("total", "10", 600))

    assert told(bench.take(now=602)) == [
        ("evse/box-1/telemetry", {"energy_wh": 10.0, "status": "preparing"}),
        ("evse/box-1/status", {"state": "online", "vendor": "Box Ltd", "firmware": "1.2"}),
    ]


def test_a_device_that_says_only_what_changes_is_told_again_while_it_is_heard() -> None:
    bench = Bench(family(holds=True))
    bench.take(part("watts", "0"), part("total", "10"))
    bench.take(now=2)

    quiet = [bench.take(part("clock", "", second), now=second) for second in range(10, 70, 10)]
    again = bench.take(now=62)

    assert all(not each.whole for each in quiet)
    assert told(again) == [("evse/box-1/telemetry", {"power_w": 0.0, "energy_wh": 10.0})]


def test_what_was_said_long_ago_no_longer_holds() -> None:
    bench = Bench(family(holds=True))
    bench.take(part("watts", "7000"))
    bench.take(now=2)

    bench.take(part("total", "10", 500))

    assert told(bench.take(now=502))[0] == ("evse/box-1/telemetry", {"energy_wh": 10.0})


def test_what_cannot_be_read_is_left_to_be_rejected_and_what_nobody_knows_to_be_counted() -> None:
    strange = [part("watts", "much"), part("colour", "blue")]

    assert Bench().take(*strange).whole == strange


def test_its_messages_are_acknowledged_with_their_reading_and_not_before() -> None:
    bench = Bench()
    acknowledged = bench.take(part("watts", "1", qos=1), part("clock", "", 0.1, qos=1)).parts

    assert [each.topic for each in acknowledged] == ["box/1/clock"]
    assert [each.topic for each in bench.take(now=1).parts] == ["box/1/watts"]


def test_a_last_will_takes_it_offline_and_what_it_says_next_brings_it_back() -> None:
    bench = Bench()
    bench.take(part("watts", "1"))
    bench.take(now=1)
    bench.take(part("alive", "0", 10))
    offline = told(bench.take(now=11))
    bench.take(part("watts", "2", 20))
    online = told(bench.take(now=21))
    bench.take(part("alive", "0", 30))
    offline_again = told(bench.take(now=31))

    assert [said["state"] for topic, said in offline if topic.endswith("status")] == ["offline"]
    assert ("evse/box-1/telemetry", {"power_w": 2.0}) in online
    assert not any(said.get("state") == "offline" for _, said in online)
    assert [said["state"] for topic, said in offline_again if topic.endswith("status")] == ["offline"]


def test_a_shared_topic_is_a_sign_of_life_of_every_device_below_it_and_makes_no_station() -> None:
    bench = Bench()
    alone = bench.take(part("alive", "1", base="box"))
    bench.take(part("watts", "1", 1), part("watts", "2", 1, base="box/2"))
    bench.take(now=3)
    bench.take(part("alive", "0", 10, base="box"))

    assert (alone.whole, alone.ignored) == ([], 1)
    assert sorted(topic for topic, said in told(bench.take(now=12)) if said.get("state") == "offline") == [
        "evse/box-1/status",
        "evse/box-2/status",
    ]


def test_a_base_topic_of_the_registry_names_the_station_whatever_empty_levels_it_has() -> None:
    registered = StationRoute("garage", "box", "/emon//wallbox/")
    bench = Bench(None, registered)
    bench.take(part("watts", "1", base="emon/wallbox"), part("total", "2", base="/emon//wallbox/"))

    assert told(bench.take(now=1))[0] == ("evse/garage/telemetry", {"power_w": 1.0, "energy_wh": 2.0})
    assert "emon/wallbox/#" in bench.routes.topic_filters
    assert "/emon/wallbox/#" in bench.routes.topic_filters


def test_an_announced_base_topic_is_listened_to_once() -> None:
    bench = Bench()
    bench.take(part("announce", "attic/box", base="box"))

    assert bench.moments.has_news
    assert "attic/box/#" in bench.routes.topic_filters
    announcement = bench.routes.find("box/announce")
    taken = [
        "attic/box",
        "attic",
        "attic/box/second",
        "box/3",
        "evse/cp1",
        "#",
        "$SYS",
        "home\x07x",
        " ",
        "x" * 201,
    ]
    assert not any(bench.routes.announce(base, "box/other", announcement) for base in taken)
    assert bench.routes.announce("attic/second", "box/other", announcement)


def test_an_announced_base_topic_stays_the_first_devices_also_while_that_is_away() -> None:
    bench = Bench()
    bench.take(part("announce", "attic/box", base="box"))
    bench.take(part("announce", "-", 5, base="box"))

    second = bench.routes.find("box/announce")._replace(evse_uid="box2")
    assert not bench.routes.announce("attic/box", "box2/announce", second)
    assert bench.routes.find("attic/box/watts").evse_uid == "box"


def test_a_device_that_announces_another_base_topic_gives_up_the_one_before() -> None:
    bench = Bench()
    first = bench.routes.find("box/announce")
    bench.routes.announce("attic/box", "box/announce", first)

    assert bench.routes.announce("cellar/box", "box/announce", first)
    assert bench.routes.announce("attic", "box/other", first._replace(evse_uid="box2"))


def test_a_claim_that_is_not_believed_takes_nothing_from_who_made_it() -> None:
    bench = Bench()
    first = bench.routes.find("box/announce")
    bench.routes.announce("attic/box", "box/announce", first)
    bench.routes.announce("cellar/box", "box/other", first._replace(evse_uid="box2"))

    assert not bench.routes.announce("attic", "box/other", first._replace(evse_uid="box2"))
    assert bench.routes.find("cellar/box/watts").evse_uid == "box2"


def test_a_claim_that_is_not_believed_is_told_once_with_who_holds_it_unless_it_is_registered() -> None:
    bench = Bench()
    first = bench.routes.find("box/announce")
    bench.routes.announce("attic/box", "box/other", first._replace(evse_uid="box2"))
    with capture_logs() as logs:
        for base in ("attic/box", "/attic//box/", "attic", "cellar"):
            bench.take(part("announce", base, base="box"))
        bench.routes.learn([StationRoute("garage", "box", "attic/box/second")])
        bench.take(part("announce", "attic/box/second", base="box"))

    assert [(entry["base_topic"], entry["held_by"]) for entry in logs] == [
        ("attic/box", "box2"),
        ("attic", "box2"),
    ]
    assert {(entry["event"], entry["evse_uid"]) for entry in logs} == {("announcement_not_believed", "box")}


def test_the_log_tells_of_so_many_claims_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solarrally.ingest.moments.DISBELIEVED_TOLD", 3)
    bench = Bench()
    with capture_logs() as logs:
        bench.take(*(part("announce", f"box/{number}", base="box") for number in range(9)))

    assert len(logs) == 3


def test_an_announcement_says_nothing_of_devices_of_another_family_or_below_it() -> None:
    other = Family(name="other", vendor="Other", topic_filters=["other/#"], place=other_place, read=read)
    bench = Bench(family(), families=[other])
    bench.take(part("watts", "1", base="other/1"), part("watts", "2", base="box/1"))
    bench.take(now=2)
    bench.take(part("announce", "other", 3, base="box"), part("announce", "box", 3, base="box"))
    bench.take(part("announce", "-", 4, base="box"))

    assert told(bench.take(now=9)) == []


def test_a_device_that_moves_within_a_moment_loses_nothing() -> None:
    bench = Bench(None, StationRoute("garage", "box", "old/box"))
    bench.take(part("watts", "1", base="old/box", qos=1))
    bench.routes.learn([StationRoute("garage", "box", "new/box")])
    bench.take(part("watts", "2", 0.5, base="new/box", qos=1))
    ended = bench.take(now=3)

    assert [said["power_w"] for topic, said in told(ended) if topic.endswith("telemetry")] == [1.0, 2.0]
    assert [each.topic for each in ended.parts] == ["old/box/watts", "new/box/watts"]


@pytest.mark.parametrize(
    ("topic", "wire_base"),
    [
        ("home/box/watts", "home/box/"),
        ("/home//box///watts", "/home//box/"),
        ("home/box/watts/", "home/box/"),
        ("//home/box/limit/set", "//home/box/"),
    ],
)
def test_commands_go_below_the_base_topic_as_it_is_on_the_wire(topic: str, wire_base: str) -> None:
    bench = Bench(None, StationRoute("garage", "box", "home/box"))

    assert bench.routes.find(topic).wire_base == wire_base


def test_an_announced_base_topic_is_the_station_that_announced_it_and_its_will_finds_it() -> None:
    bench = Bench()
    bench.take(part("announce", "attic/box", base="box"))
    bench.take(part("watts", "7000", 1, base="/attic//box"))
    at_the_end = told(bench.take(part("announce", "-", 5, base="box"), now=7))

    assert at_the_end[0] == ("evse/box/telemetry", {"power_w": 7000.0})
    assert at_the_end[-1][1]["state"] == "offline"


def expecting(bench: Bench, confirmation: Confirmation, *, base_topic: str | None = None) -> None:
    bench.devices.expect(
        Expected(
            command_id=COMMAND,
            evse_uid="box-1",
            family=bench.routes.find("box/1/watts").family or family(),
            base_topic=base_topic,
            confirmation=confirmation,
        )
    )


def is_plugged(heard: Heard) -> Outcome | None:
    return Outcome(Answer.COMPLETED) if heard.known.get("plugged") else None


def test_a_command_is_answered_by_what_the_device_then_says() -> None:
    bench = Bench()
    bench.take(part("watts", "1"))
    expecting(bench, is_plugged)

    before = bench.take(part("plugged", "0", 0.2))
    answer = bench.take(part("plugged", "1", 0.4))
    again = bench.take(part("plugged", "1", 0.5))

    assert before.whole == again.whole == []
    assert told(answer) == [
        (f"evse/box-1/results/{COMMAND}", {"status": "completed", "detail": "the device says so on plugged"})
    ]


def test_a_retained_message_answers_nothing_until_the_device_shows_that_it_lives() -> None:
    bench = Bench()
    expecting(bench, is_plugged)

    retained = bench.take(part("plugged", "1", retained=True))
    alive = bench.take(part("clock", "12:00", 0.4))

    assert retained.whole == []
    assert [topic for topic, _ in told(alive)] == [f"evse/box-1/results/{COMMAND}"]


def test_what_a_device_said_before_another_ingestor_led_answers_nothing() -> None:
    bench = Bench()
    bench.take(part("plugged", "1"))
    bench.moments.forget()
    expecting(bench, is_plugged)

    assert bench.take(part("clock", "12:00", 60)).whole == []


def test_only_the_device_that_was_asked_answers() -> None:
    bench = Bench(None, StationRoute("box-1", "box", "attic/box"))
    expecting(bench, is_plugged, base_topic="attic/box")

    other = bench.take(part("plugged", "1"))
    asked = bench.take(part("plugged", "1", 0.4, base="attic/box"))

    assert other.whole == []
    assert [topic for topic, _ in told(asked)] == [f"evse/box-1/results/{COMMAND}"]


def test_a_command_that_ended_otherwise_is_no_longer_waited_for() -> None:
    bench = Bench()
    expecting(bench, is_plugged)
    bench.devices.no_longer_expect([COMMAND])

    assert bench.take(part("plugged", "1")).whole == []
    assert bench.devices.expected == set()


def test_who_only_says_who_it_is_makes_no_station_until_it_says_what_it_is_at() -> None:
    bench = Bench(family(holds=True))
    bench.take(part("fw", "9.1"), part("alive", "1", 0.1))
    who = bench.take(now=5)
    bench.take(part("watts", "1", 6))

    assert (who.whole, who.ignored) == ([], 2)
    assert told(bench.take(now=8)) == [
        ("evse/box-1/telemetry", {"power_w": 1.0}),
        ("evse/box-1/status", {"state": "online", "vendor": "Box Ltd", "firmware": "9.1"}),
    ]


def test_a_station_that_was_known_before_is_told_to_be_gone_by_its_will_alone() -> None:
    """After a restart of ours: by what the broker kept of it, or because the registry has it."""
    bench = Bench(None, StationRoute("garage", "box", "attic/box"))
    bench.take(part("watts", "1", retained=True))
    bench.take(part("alive", "0"), part("alive", "0", base="attic/box"))

    assert [(topic, said["state"]) for topic, said in told(bench.take(now=3))] == [
        ("evse/box-1/status", "offline"),
        ("evse/garage/status", "offline"),
    ]


@pytest.mark.parametrize("retained", [True, False])
@pytest.mark.parametrize("key", ["colour", "clock", "watts/more"])
def test_what_nobody_understands_below_a_known_prefix_makes_no_device(key: str, retained: bool) -> None:
    bench = Bench(family(holds=True))
    came = bench.take(part(key, "blue", qos=1, retained=retained))
    bench.take(now=200)

    assert list(bench.devices) == []
    assert len(bench.moments) == 0
    assert len(came.whole) + len(came.parts) == 1  # acknowledged with its batch


@pytest.mark.parametrize("said", [[], [("box/1/fw", b"9.1", at(0))], [("box/1/watts", b"7000", at(0))]])
def test_junk_is_rejected_where_no_device_was_understood_and_counted_where_one_was(said: list[Any]) -> None:
    store, clock = MemoryStore(), Clock(at(100))
    broker = QueueBroker([*said, ("box/1/colour", b"blue", at(1))])
    pipeline = Pipeline(broker, store, RULES, clock, routes=Routes(families=[family(holds=True)]))
    broker.on_empty = pipeline.stop

    asyncio.run(pipeline.run())

    is_junk = not said
    assert pipeline.counts.reasons == ({"unknown_topic": 1} if is_junk else {})
    assert [part.topic for part in store.tables.rejected] == (["box/1/colour"] if is_junk else [])
    assert pipeline.counts.unknown_fields == (not is_junk)
    assert list(store.tables.dialects) == (["box-1"] if said and said[0][0].endswith("watts") else [])
    assert broker.unacknowledged == 0


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_every_message_has_a_fate_and_the_sums_agree(batch_size: int) -> None:
    messages = [
        ("box/1/watts", b"7000", at(0)),
        ("box/1/total", b"1500", at(0.2)),
        ("box/1/clock", b"12:00", at(0.3)),
        ("box/1/watts", b"much", at(0.4)),
        ("box/1/colour", b"blue", at(0.5)),
        ("nobody/knows", b"", at(0.6)),
        ("box/1/watts", b"7100", at(5)),
        ("evse/cp1/telemetry", b'{"power_w": 1}', at(6)),
    ]
    store, clock = MemoryStore(), Clock(at(100))
    broker = QueueBroker(messages, batch_size=batch_size)
    pipeline = Pipeline(broker, store, RULES, clock, routes=Routes(families=[family()]))
    broker.on_empty = pipeline.stop

    asyncio.run(pipeline.run())

    counts = pipeline.counts
    assert counts.delivered == len(messages)
    assert counts.settled == counts.delivered + counts.moments
    assert counts.fates[Fate.MERGED] == 3
    assert counts.fates[Fate.REJECTED] == 2
    assert counts.fates[Fate.IGNORED] == 2
    assert broker.unacknowledged == 0
    assert {reading.power_w for reading in store.tables.readings.values()} - {None} == {7000, 7100, 1}
    assert store.tables.dialects == {"box-1": "box", "cp1": "native"}
    assert "box/#" in broker.heard


@pytest.mark.parametrize("topic", ["go-eCharger/zzz/car", "/go-eCharger/zzz/car", "evcc/loadpoints/x/mode"])
def test_what_a_known_prefix_lacks_is_told_with_the_rejection(topic: str) -> None:
    routes = Routes(families=list(FAMILIES.values()))

    with pytest.raises(RejectedMessage, match="serial number is not of the vendor's form") as rejected:
        routes.find(topic)
    assert "base topic in the registry" in str(rejected.value)
    with pytest.raises(RejectedMessage, match="expected evse/<station>/<kind>"):
        routes.find("somebody/else")


def test_a_smartevse_is_made_by_its_state_and_then_tells_all() -> None:
    bench = Bench(FAMILIES["smartevse"])
    bench.take(part("ESPTemp", "40", base="SmartEVSE/12346"))
    before = bench.take(now=2)
    bench.take(part("State", "Charging", 3, base="SmartEVSE/12346"))
    bench.take(now=5)
    bench.take(part("ESPTemp", "41", 6, base="SmartEVSE/12346"))

    assert (before.whole, before.ignored) == ([], 1)
    assert told(bench.take(now=8))[0] == (
        "evse/SmartEVSE-12346/telemetry",
        {"temperature_c": 41.0, "status": "charging"},
    )


def test_a_registered_smartevse_tells_what_it_says_before_its_state() -> None:
    bench = Bench(FAMILIES["smartevse"], StationRoute("garage", "smartevse", "home/box"))
    bench.take(part("ESPTemp", "40", base="home/box"))

    assert told(bench.take(now=2))[0] == ("evse/garage/telemetry", {"temperature_c": 40.0})
