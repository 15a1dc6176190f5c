"""docs/asyncapi.yaml and docs/live-protocol.md say what the live WebSocket says."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml  # comes with schemathesis, as jsonschema_rs does

from solarrally.api.live_messages import CLOSE_CODES, Goodbye, Ping, Pong, Subscribe, parse_client_message
from solarrally.api.live_rendering import text_of
from solarrally.domain.update import AlertUpdate, CommandUpdate, ConnectorUpdate, SessionUpdate
from solarrally.hub import Audience, Event, Frame, Record, Snapshot, Stale, Versioned
from tests.api.world import T0, a_command, a_session, an_alert, an_update

DOCS = Path(__file__).resolve().parents[2] / "docs"
OPERATOR = Audience(sees_all_sessions=True, sees_alerts=True, sees_all_commands=True)
GUEST = Audience(sees_all_sessions=False)
CONNECTORS = [
    Versioned(an_update(quality=3, session=a_session("s"))),
    Versioned(an_update(ts=None, received_at=None, status=None, power_w=None, energy_source=None)),
]
RECORDS: list[Versioned[Record]] = [
    Versioned(a_session("s", status="COMPLETED", ended_at=T0, end_reason="EVDisconnected")),
    Versioned(an_alert(1, connector_id=None, session_id=None, detail=None)),
    Versioned(a_command("c", status="completed", finished_at=T0)),
]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())
    return read


def conforms(document: dict[str, Any], kind: str, message: object) -> bool:
    """Whether a message is what the document says of its kind."""
    payload = document["components"]["messages"][kind]["payload"]
    schema = {**payload, "components": document["components"]}
    return jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(message)


@pytest.mark.parametrize("audience", [OPERATOR, GUEST])
@pytest.mark.parametrize(
    "event",
    [
        Stale(),
        Snapshot([]),
        Snapshot(CONNECTORS, RECORDS[1:]),
        Frame([], RECORDS),
        Frame(CONNECTORS, RECORDS),
    ],
)
def test_what_the_server_tells_is_documented(
    document: dict[str, Any], event: Event, audience: Audience
) -> None:
    message = json.loads(text_of(event, audience))

    assert conforms(document, message["type"], message)
    assert not conforms(document, message["type"], {**message, "undocumented": 1})


@pytest.mark.parametrize("reason", sorted(CLOSE_CODES))
def test_every_bye_is_documented(document: dict[str, Any], reason: str) -> None:
    assert conforms(document, "bye", json.loads(Goodbye(reason, "why", "field").text))
    assert f"`{reason}`" in (DOCS / "live-protocol.md").read_text()


def test_no_bye_is_documented_that_is_never_said(document: dict[str, Any]) -> None:
    assert set(document["components"]["schemas"]["reason"]["enum"]) == set(CLOSE_CODES)


@pytest.mark.parametrize(
    ("kind", "update"),
    [
        ("connectorInFull", ConnectorUpdate),
        ("session", SessionUpdate),
        ("alert", AlertUpdate),
        ("command", CommandUpdate),
    ],
)
def test_every_field_of_an_update_is_documented(document: dict[str, Any], kind: str, update: Any) -> None:
    schema = document["components"]["schemas"][kind]

    assert set(schema["properties"]) == set(schema["required"]) == {one.name for one in fields(update)}


@pytest.mark.parametrize(("kind", "struct"), [("subscribe", Subscribe), ("ping", Ping), ("pong", Pong)])
def test_what_a_client_may_say_is_documented(document: dict[str, Any], kind: str, struct: Any) -> None:
    documented = document["components"]["messages"][kind]["payload"]["properties"]

    assert set(documented) == {"type", *struct.__struct_fields__}


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"subscribe","all":true,"max_rate_hz":100}',
        '{"type":"subscribe","all":true,"max_rate_hz":101}',
        '{"type":"subscribe","all":true,"max_rate_hz":0.09}',
        '{"type":"subscribe","evses":["CP-1"],"sites":[1]}',
        '{"type":"subscribe","evses":[""]}',
        '{"type":"subscribe","sites":[0]}',
        '{"type":"subscribe","sites":[2147483648]}',
        '{"type":"subscribe","sessions":["x"]}',
        '{"type":"subscribe","all":true,"colour":"red"}',
        '{"type":"ping"}',
        '{"type":"pong"}',
    ],
)
def test_the_document_and_the_server_take_the_same(document: dict[str, Any], text: str) -> None:
    message = json.loads(text)
    try:
        parse_client_message(text)
        taken = True
    except Goodbye:
        taken = False

    assert conforms(document, message["type"], message) is taken


def test_the_examples_of_the_page_are_what_the_document_says(document: dict[str, Any]) -> None:
    page = (DOCS / "live-protocol.md").read_text()
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]

    assert {example["type"] for example in examples} == {"snapshot", "frame", "bye"}
    for example in examples:
        assert conforms(document, example["type"], example), example
