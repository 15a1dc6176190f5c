"""Whatever comes from a device: it is read or rejected, and what is told of it is in our own format."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solarrally.dialects import evcc, everest, goe, native, openevse, smartevse, wallbox, warp
from solarrally.dialects.families import FAMILIES
from solarrally.dialects.family import Family, Said
from solarrally.dialects.routes import Routes
from solarrally.dialects.telling import facts_of, status_payload, telemetry_payload
from solarrally.errors import RejectedMessage
from tests.support.dialects import PAYLOADS

RECEIVED_AT = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
TABLES: dict[str, Mapping[str, Any]] = {
    "openevse": openevse.FIELDS,
    "goe": goe.VALUES,
    "smartevse": smartevse.FIELDS,
    "warp": warp.READERS,
    "everest": everest.READERS,
    "evcc": evcc.FIELDS,
    "wallbox": wallbox.FIELDS,
}


def keys_of(name: str) -> list[str]:
    """Of the family's table, and of all recorded conversations."""
    keys = set(TABLES.get(name, ()))
    for path in sorted((PAYLOADS / name).glob("*.json")):
        recording = json.loads(path.read_text(encoding="utf-8"))
        bases = [entry["base_topic"] for entry in recording.get("stations", ())]
        for message in recording["messages"]:
            topic = "/".join(level for level in message["topic"].split("/") if level)
            base = next((one for one in bases if topic.startswith(f"{one}/")), None)
            if base is not None:
                keys.add(topic.removeprefix(f"{base}/"))
            elif (place := FAMILIES[name].place(topic.split("/"))) is not None:
                keys.add(place.key)
    return sorted(keys)


KEYS = {name: keys_of(name) for name in FAMILIES}

numbers = st.one_of(
    st.floats(), st.integers(), st.sampled_from([0, -1, 1e9, -1e9, 1e12, 1e308, 2**70, 1665509120.0])
)
words = st.one_of(st.text(max_size=20), st.sampled_from(["true", "online", "Charging", "\0", ""]))
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, words),
    lambda inner: st.one_of(
        st.lists(inner, max_size=20),
        st.dictionaries(
            st.one_of(
                st.text(max_size=8),
                st.sampled_from(
                    [
                        "state", "timestamp", "datetime", "total", "L1", "power_W", "energy_Wh_import", "soc",
                        "max_current", "nr_of_phases_available", "user_id", "charger_state", "temperature",
                        "power", "energy_abs", "allowed_charging_current", "phases_current", "slot",
                        "car", "err", "dws", "nrg", "tma", "uby", "fwv", "mqtt", "version", "ENERGY", "Power",
                    ]
                ),
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)  # fmt: skip
payloads = st.one_of(
    st.binary(max_size=60),
    words.map(str.encode),
    numbers.map(lambda number: str(number).encode()),
    documents.map(lambda document: json.dumps(document).encode()),
)


def read(family: Family, key: str, payload: bytes) -> Said:
    try:
        return family.read(key, payload) or {}
    except RejectedMessage:
        return {}


@pytest.mark.parametrize("name", FAMILIES)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_what_is_told_of_anything_is_in_our_own_format(name: str, data: st.DataObject) -> None:
    family = FAMILIES[name]
    known: Said = {}
    for key, payload in data.draw(
        st.lists(st.tuples(st.sampled_from(KEYS[name]), payloads), min_size=1, max_size=12)
    ):
        known.update(read(family, key, payload))

    telemetry = telemetry_payload(family.tell(known, known))
    if telemetry is not None:
        native.decode_telemetry("cp1", telemetry, RECEIVED_AT)
    facts = facts_of(known)
    native.decode_status("cp1", status_payload(family, facts), RECEIVED_AT)


@pytest.mark.parametrize("name", FAMILIES)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_nothing_known_is_forgotten_in_telling(name: str, data: st.DataObject) -> None:
    """Measurands are told of what was said only: with nothing said, none is."""
    family = FAMILIES[name]
    known: Said = {}
    for key, payload in data.draw(st.lists(st.tuples(st.sampled_from(KEYS[name]), payloads), max_size=12)):
        known.update(read(family, key, payload))

    told = {field for field, value in family.tell({}, known).items() if value is not None}

    assert told <= {"status", "error_code", "id_token", "session_id"}


levels = st.one_of(
    st.text(max_size=12).filter(lambda level: "/" not in level),
    st.sampled_from(
        [
            "", "evcc", "loadpoints", "everest_api", "warp2", "SmartEVSE", "SmartEVSE-1", "wallbox_1",
            "go-eCharger", "openevse", "tele", "1", "site", "status", "errors", "var", "state",
        ]
    ),
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(topic=st.lists(levels, min_size=1, max_size=6).map("/".join), payload=payloads)
def test_any_topic_is_read_or_rejected(topic: str, payload: bytes) -> None:
    routes = Routes(families=list(FAMILIES.values()))
    with contextlib.suppress(RejectedMessage):
        routes.decode(topic, payload, RECEIVED_AT)
