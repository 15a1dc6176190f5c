"""Application-level acknowledgements: a device that numbers its messages is told which are stored.

`{"seq": n}` says that the message numbered n is stored, `{"seq": n, "first_seq": m}` that all of m to n are.
They are gathered for a moment, since a device that sends quickly need not hear of each message alone; one
that is lost is asked for again by the device, which sends what was not confirmed once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from math import ceil

import msgspec

from solarrally.ingest.batch import Message

TOLD_AT_LEAST = 20
"""So few stations are told at once; of more only a share, so that nobody waits behind the publishing."""
_encode = msgspec.json.encode
_MAY_BE_ACCEPTED_LATER = {"unknown_station", "station_disabled"}


class _Numbered(msgspec.Struct):
    seq: int | None = None


_numbered = msgspec.json.Decoder(_Numbered)
_parts = msgspec.json.Decoder(list[msgspec.Raw])


class Confirmations:
    """The numbers that are stored and not yet confirmed, by station."""

    def __init__(self, topic_root: str) -> None:
        self._topic_root = topic_root
        self._stored: dict[str, list[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._stored)

    def note(self, messages: Iterable[Message]) -> None:
        """These are committed. A message that was rejected is done with too: it will never get better."""
        for message in messages:
            decoded = message.decoded
            if decoded is not None:
                for reading in decoded.readings:
                    if reading.seq is not None:
                        self._stored.setdefault(decoded.evse_uid, []).append(reading.seq)
            if message.rejected:
                self._note_rejected(message)

    def _note_rejected(self, message: Message) -> None:
        if message.rejected[0].reason in _MAY_BE_ACCEPTED_LATER:
            return  # the device keeps it
        levels = message.delivery.topic.split("/")
        if len(levels) != 3 or levels[0] != self._topic_root or levels[2] != "telemetry":
            return
        numbers = [said.seq for said in _numbers_in(message.delivery.payload) if said.seq is not None]
        if numbers:
            self._stored.setdefault(levels[1], []).extend(numbers)

    def take(self, share: float = 1.0) -> list[tuple[str, bytes]]:
        """Topics and payloads that say it, to that share of the stations, first to those that wait for
        longest.
        """
        count = max(TOLD_AT_LEAST, ceil(len(self._stored) * share))
        stations = list(islice(self._stored, count))
        return [
            (f"{self._topic_root}/{evse_uid}/acks", _payload(first, last))
            for evse_uid in stations
            for first, last in _runs(sorted(set(self._stored.pop(evse_uid))))
        ]


def _numbers_in(payload: bytes) -> list[_Numbered]:
    """Of an object or of the elements of an array, as far as they can be read."""
    try:
        parts = _parts.decode(payload) if payload.lstrip()[:1] == b"[" else [payload]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    found = []
    for part in parts:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found.append(_numbered.decode(part))
    return found


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring numbers together, as (first, last)."""
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def _payload(first: int, last: int) -> bytes:
    return _encode({"seq": last} if first == last else {"seq": last, "first_seq": first})
