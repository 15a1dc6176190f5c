"""Devices that publish a value a topic: what one says within a second becomes one reading.

Their messages are gathered by station. A moment begins with the first fresh value and ends a second later, by
receipt; it is then told in our own format (`dialects.telling`), as a delivery that goes the way of all
others: folded, parked, tried again. So nothing behind this knows what a device speaks. The messages
themselves are acknowledged with the batch that holds their reading.

Who only says who it is makes no station, and is told when it has said what it is at.

A retained message says what was last known, and not when: it helps to understand what is fresh (is `wait for
car` suspended by the vehicle or by us?), and no measurand of it is ever stored as a sample
(docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from solarrally.dialects.family import BASE_TOPIC, Heard, Said
from solarrally.dialects.routes import Route, Routes
from solarrally.dialects.telling import facts_of, status_payload, telemetry_payload
from solarrally.domain.command import CommandResult
from solarrally.domain.fleet import without_empty_levels
from solarrally.errors import RejectedMessage
from solarrally.ingest.devices import Device, Devices, Moment
from solarrally.ingest.ports import Delivery

LENGTH: Final = timedelta(seconds=1)
TOLD_EVERY: Final = timedelta(seconds=60)
"""A device that says only what changes, and is heard, is told so often: what it said before still holds."""
HOLDS_FOR: Final = timedelta(seconds=120)
"""After a longer silence nothing is known to hold any more."""

DISBELIEVED_TOLD: Final = 1000
"""Base topics that are announced and not believed: of so many the log tells, once each."""

log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Sorted:
    """What became of some deliveries."""

    whole: list[Delivery] = field(default_factory=list)
    """To be taken in: those that stand alone, and moments that ended."""
    parts: list[Delivery] = field(default_factory=list)
    """To be acknowledged with them."""
    formed: int = 0
    """Deliveries among `whole` that were made here."""
    merged: int = 0
    """Messages whose moment is among `whole`."""
    ignored: int = 0
    """Messages that say nothing of use."""


class Moments:
    """Between the broker and the batch. Time is handed in."""

    def __init__(self, routes: Routes, devices: Devices) -> None:
        self.has_news = False
        """A device announced a base topic that is not listened to yet."""
        self._routes = routes
        self._devices = devices
        self._root = f"{routes.topic_root}/"
        self._open: dict[int, Device] = {}
        """By `id`, in the order in which their moments began."""
        self._disbelieved: set[str] = set()

    def __len__(self) -> int:
        return len(self._open)

    def next_end(self) -> datetime | None:
        """When the oldest open moment ends."""
        for device in self._open.values():
            assert device.moment is not None
            return device.moment.opened_at + LENGTH
        return None

    def take(self, deliveries: Iterable[Delivery], now: datetime) -> Sorted:
        """Sort out what came, and end the moments whose time is over."""
        out = Sorted()
        root, find = self._root, self._routes.find
        for delivery in deliveries:
            if delivery.topic.startswith(root):
                out.whole.append(delivery)
                continue
            try:
                route = find(delivery.topic)
            except RejectedMessage:
                out.whole.append(delivery)
                continue
            self._take_part(route, delivery, out)
        while (end := self.next_end()) is not None and end <= now:
            self._end_first(out)
        return out

    def end_all(self) -> Sorted:
        """End every moment, as nothing more will come."""
        out = Sorted()
        while self._open:
            self._end_first(out)
        return out

    def forget(self) -> None:
        """Drop what was not written."""
        self._open.clear()
        self._devices.forget()

    # -- inside ----------------------------------------------------------------------------------

    def _take_part(self, route: Route, delivery: Delivery, out: Sorted) -> None:
        assert route.family is not None
        if route.family.is_order(route.key, delivery.payload):
            self._settle_ignored(delivery, out)  # it is to the device, from us or from somebody else
            return
        try:
            said = route.family.read(route.key, delivery.payload)
        except RejectedMessage:
            out.whole.append(delivery)  # its fate is the same there, with the reason
            return
        if route.is_shared or (said is not None and BASE_TOPIC in said):
            if said is None:
                out.whole.append(delivery)
            else:
                self._take_shared(route, said, delivery, out)
            return
        if said is None:
            out.whole.append(delivery)  # its fate is decided there
        elif delivery.retained or not said:
            self._settle_ignored(delivery, out)
        # Anybody can publish below a known prefix: a device is what says something that we understand.
        device = self._devices.at(route) if said else self._devices.known_at(route)
        if device is None:
            return
        self._routes.understood(route)
        if delivery.retained:
            device.known.update(said or {})
            device.facts.update(facts_of(said or {}))
            return
        self._hear(device, delivery.received_at, out)
        if said:
            self._add(device, said, delivery)
        else:
            self._keep_alive(device, delivery)
        heard = Heard(route.key, delivery.payload, said or {}, device.known, delivery.received_at)
        for result in self._devices.answers(device, heard):
            self._emit(device, f"results/{result.command_id}", _result_payload(result), delivery, out)

    def _take_shared(self, route: Route, said: Said, delivery: Delivery, out: Sorted) -> None:
        """Of several devices at once, or the announcement of one."""
        base_topic = said.get(BASE_TOPIC)
        if isinstance(base_topic, str):
            self.has_news |= self._routes.announce(base_topic, delivery.topic, route)
            self._tell_disbelieved(without_empty_levels(base_topic), delivery.topic, route)
        rest = {name: value for name, value in said.items() if name != BASE_TOPIC}
        # A last will does not name the base topic.
        base = self._routes.announced.base_at(delivery.topic) or route.base_topic
        is_of_one = bool(route.evse_uid)
        for device in self._devices.below(base):
            if device.family is not route.family or (is_of_one and device.base_topic != base):
                continue
            if delivery.retained:
                device.known.update(rest)
                device.facts.update(facts_of(rest))
                continue
            self._hear(device, delivery.received_at, out)
            if rest:
                self._add(device, rest, None, at=delivery)
            else:
                self._keep_alive(device, delivery)
        self._settle_ignored(delivery, out)

    def _tell_disbelieved(self, base_topic: str, topic: str, announcement: Route) -> None:
        """A device that announces what is not believed stays unheard: who runs it can register it."""
        if self._routes.announced.base_at(topic) == base_topic or self._routes.is_registered(base_topic):
            return
        told = base_topic[:200]
        if told in self._disbelieved or len(self._disbelieved) >= DISBELIEVED_TOLD:
            return
        self._disbelieved.add(told)
        log.warning(
            "announcement_not_believed",
            evse_uid=announcement.evse_uid[:64],
            base_topic=told,
            held_by=self._routes.announced.holder_around(base_topic),
            advice="register the station with this base topic",
        )

    def _settle_ignored(self, delivery: Delivery, out: Sorted) -> None:
        out.ignored += 1
        if delivery.qos:
            out.parts.append(delivery)

    def _hear(self, device: Device, at: datetime, out: Sorted) -> None:
        """It lives. A moment that is over ends before another, and what it said long ago no longer holds."""
        while device.moment is not None and at >= device.moment.opened_at + LENGTH:
            self._end_first(out)
        if device.heard_at is not None and at - device.heard_at > HOLDS_FOR:
            device.fresh.clear()
        if device.facts.get("is_online") is False:
            del device.facts["is_online"]
        device.heard_at = at

    def _add(self, device: Device, said: Said, part: Delivery | None, *, at: Delivery | None = None) -> None:
        """`part` is a message of this device alone; one of several devices is settled elsewhere."""
        delivery = part or at
        assert delivery is not None
        moment = self._moment_of(device, delivery)
        moment.last_at = delivery.received_at
        moment.said.update(said)
        moment.is_repetition &= delivery.redelivered
        device.known.update(said)
        device.fresh.update(said)
        device.facts.update(facts_of(said))
        if part is not None:
            moment.parts += 1
            if part.qos:
                moment.unacknowledged.append(part)

    def _keep_alive(self, device: Device, delivery: Delivery) -> None:
        if device.moment is None and device.family.holds and _is_over(device.told_at, delivery.received_at):
            self._moment_of(device, delivery)

    def _moment_of(self, device: Device, delivery: Delivery) -> Moment:
        if device.moment is None:
            device.moment = Moment(delivery.received_at, delivery.received_at)
            self._open[id(device)] = device
        return device.moment

    def _end_first(self, out: Sorted) -> None:
        device = next(iter(self._open.values()))
        del self._open[id(device)]
        moment, device.moment = device.moment, None
        assert moment is not None
        told_before = out.formed
        at = moment.last_at
        last = Delivery(
            topic="",
            payload=b"",
            qos=0,
            retained=False,
            redelivered=moment.is_repetition and moment.parts > 0,
            received_at=at,
            packet_id=0,
            connection=0,
        )
        said = device.fresh if device.family.holds else moment.said
        telemetry = telemetry_payload(device.family.tell(said, device.known))
        device.tells_state = device.tells_state or _tells_state(device, telemetry)
        if device.tells_state:
            if telemetry is not None:
                self._emit(device, "telemetry", telemetry, last, out)
                device.told_facts["is_online"] = True
            self._tell_facts(device, last, out, has_told=telemetry is not None)
        out.parts += moment.unacknowledged
        if out.formed > told_before:
            device.told_at = at
            out.merged += moment.parts
        else:
            out.ignored += moment.parts

    def _tell_facts(self, device: Device, last: Delivery, out: Sorted, *, has_told: bool) -> None:
        """What it says of itself, when that is news; that it lives, when there is nothing else to say."""
        facts = dict(device.facts)
        is_news = device.told_at is None or any(facts[name] != device.told_facts.get(name) for name in facts)
        if is_news or (not has_told and _is_over(device.told_at, last.received_at)):
            self._emit(device, "status", status_payload(device.family, facts), last, out)
            device.told_facts = {"is_online": True, **facts}
        if facts.get("is_online") is False:
            device.fresh.clear()
            device.facts.pop("is_online", None)

    def _emit(self, device: Device, kind: str, payload: bytes, last: Delivery, out: Sorted) -> None:
        topic = f"{self._root}{device.evse_uid}/{kind}"
        out.whole.append(
            last._replace(topic=topic, payload=payload, qos=0, retained=False, packet_id=0, connection=0)
        )
        out.formed += 1


def _tells_state(device: Device, telemetry: bytes | None) -> bool:
    """Whether what it tells or what is known of it, also from retained messages, is what a station says."""
    made_by = device.family.made_by
    if made_by is not None:
        return device.known.get(made_by) is not None
    if telemetry is not None:
        return True
    return telemetry_payload(device.family.tell(device.known, device.known)) is not None


def _is_over(told_at: datetime | None, at: datetime) -> bool:
    return told_at is None or at - told_at >= TOLD_EVERY


def _result_payload(result: CommandResult) -> bytes:
    return _encode({"status": result.answer.value, "detail": result.detail})
