"""A device that numbers its messages is told which of them are done with."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import payload
from tests.fakes.memory_store import MemoryStore
from tests.unit.ingest.test_pipeline import RULES, charging, message, run


def numbered(*numbers: int) -> list[tuple[str, bytes, Any]]:
    return [message(charging(n, 2.0 * n, seq=n)) for n in numbers]


def confirmed(messages: list[tuple[str, bytes, Any]], store: MemoryStore | None = None) -> list[Any]:
    _, _, broker = run(messages, store)
    return [(topic, json.loads(body)) for topic, body in broker.published]


def test_a_stored_message_is_confirmed_by_its_number() -> None:
    assert confirmed(numbered(7)) == [("evse/cp1/acks", {"seq": 7})]


def test_neighbours_are_confirmed_together_and_a_gap_is_never_bridged() -> None:
    assert confirmed(numbered(3, 1, 2, 6, 8, 9)) == [
        ("evse/cp1/acks", {"seq": 3, "first_seq": 1}),
        ("evse/cp1/acks", {"seq": 6}),
        ("evse/cp1/acks", {"seq": 9, "first_seq": 8}),
    ]


def test_a_repeated_message_is_confirmed_again() -> None:
    store = MemoryStore()
    confirmed(numbered(1), store)

    assert confirmed(numbered(1), store) == [("evse/cp1/acks", {"seq": 1})]


def test_every_element_of_an_array_is_confirmed() -> None:
    body = b"[" + b",".join(charging(n, 2.0 * n, seq=n) for n in range(3)) + b"]"

    assert confirmed([message(body)]) == [("evse/cp1/acks", {"seq": 2, "first_seq": 0})]


def test_a_rejected_message_is_confirmed_since_it_will_never_be_better() -> None:
    assert confirmed([message(payload(0, seq=4, power_w="much"))]) == [("evse/cp1/acks", {"seq": 4})]


def test_the_rejected_elements_of_an_array_are_confirmed_too() -> None:
    elements = [charging(0, 0, seq=0), payload(1, seq=1, power_w="much"), charging(2, 4, seq=2), b"7"]

    assert confirmed([message(b"[" + b",".join(elements) + b"]")]) == [
        ("evse/cp1/acks", {"seq": 2, "first_seq": 0})
    ]


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b'{"seq": "four"}', b"\xff"])
def test_a_rejected_message_without_a_readable_number_is_not(body: bytes) -> None:
    assert confirmed([message(body)]) == []


def test_a_station_that_may_be_registered_later_keeps_its_messages() -> None:
    _, _, broker = run(numbered(1), rules=replace(RULES, register_unknown_stations=False))

    assert broker.published == []


def test_a_message_without_a_number_is_not_confirmed() -> None:
    assert confirmed([message(charging(0, 0))]) == []


def test_nothing_is_confirmed_that_is_not_committed() -> None:
    store = MemoryStore(["lost_before_commit"] * 3)

    assert confirmed(numbered(1), store) == [("evse/cp1/acks", {"seq": 1})]
    assert len(store.tables.readings) == 1
