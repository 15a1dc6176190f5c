"""What stations answer to commands: applied with their batch, from the right station, and counted once."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from uuid import UUID, uuid4

import pytest

from solarrally.dialects.routes import decode
from solarrally.domain.command import MAX_DETAIL_LENGTH
from solarrally.domain.update import CommandUpdate
from solarrally.errors import RejectedMessage
from solarrally.ingest.fates import Fate
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.rules import IngestRules
from tests.builders import at, payload
from tests.fakes.memory_store import MemoryStore
from tests.fakes.queue_broker import QueueBroker

ID = UUID("0c0b8b1e-6f4f-4c53-8f57-3f1d2f6c1b9e")
RULES = IngestRules(retry_first_s=0.0, retry_longest_s=0.0)
Said = tuple[str, bytes, datetime]


def a_command(status: str = "sent", command_id: UUID = ID, evse_uid: str = "cp1") -> CommandUpdate:
    return CommandUpdate(
        id=command_id,
        evse_uid=evse_uid,
        site_id=1,
        connector_id=1,
        command="pause",
        status=status,
        detail=None,
        requested_by="olga",
        requested_by_user_id=2,
        created_at=at(0),
        expires_at=at(30),
        sent_at=at(1),
        answered_at=None,
        finished_at=at(2) if status == "completed" else None,
    )


def answer(status: str, *, evse_uid: str = "cp1", command_id: object = ID, detail: str | None = None) -> Said:
    body = {"status": status} | ({} if detail is None else {"detail": detail})
    return f"evse/{evse_uid}/results/{command_id}", json.dumps(body).encode(), at(9)


def take_in(*messages: Said, store: MemoryStore) -> Pipeline:
    broker = QueueBroker(messages)
    pipeline = Pipeline(broker, store, RULES, lambda: at(100))
    broker.on_empty = pipeline.stop
    asyncio.run(pipeline.run())
    assert broker.unacknowledged == 0
    assert pipeline.counts.settled == pipeline.counts.delivered == len(messages)
    return pipeline


def store_with(*commands: CommandUpdate, faults: tuple[str, ...] = ()) -> MemoryStore:
    store = MemoryStore(faults)
    store.tables.commands = {command.id: command for command in commands}
    return store


def test_a_station_accepts_and_completes_in_one_batch() -> None:
    store = store_with(a_command())

    pipeline = take_in(answer("accepted"), answer("completed", detail="done"), store=store)

    command = store.tables.commands[ID]
    assert (command.status, command.detail) == ("completed", "done")
    assert command.answered_at == command.finished_at == at(9)
    assert pipeline.counts.fates == {Fate.RESULT: 2}
    assert pipeline.counts.commands == {"accepted": 1, "completed": 1}


def test_an_answer_that_comes_twice_or_too_late_changes_nothing_and_is_counted() -> None:
    store = store_with(a_command("completed"))

    pipeline = take_in(answer("completed"), answer("failed"), answer("accepted"), store=store)

    assert store.tables.commands[ID] == a_command("completed")
    assert pipeline.counts.fates == {Fate.RESULT: 3}
    assert pipeline.counts.results_without_effect == 3
    assert not pipeline.counts.commands


def test_a_station_cannot_answer_for_another() -> None:
    store = store_with(a_command())

    pipeline = take_in(answer("completed", evse_uid="cp2"), store=store)

    assert store.tables.commands[ID] == a_command()
    assert pipeline.counts.fates == {Fate.REJECTED: 1}
    assert pipeline.counts.reasons == {"unknown_command": 1}
    assert [part.topic for part in store.tables.rejected] == [f"evse/cp2/results/{ID}"]


@pytest.mark.parametrize("command_id", [uuid4(), "41", "{" + str(ID) + "}", "x" * 300])
def test_an_answer_to_no_command_is_rejected(command_id: object) -> None:
    pipeline = take_in(answer("completed", command_id=command_id), store=store_with(a_command()))

    assert pipeline.counts.reasons == {"unknown_command": 1}


def test_readings_in_the_same_batch_are_stored_beside_a_bad_answer() -> None:
    reading = payload(0, status="available", power_w=0)

    pipeline = take_in(
        ("evse/cp1/telemetry", reading, at(9)), answer("completed", evse_uid="cp1"), store=store_with()
    )

    assert pipeline.counts.fates == {Fate.STORED: 1, Fate.REJECTED: 1}


@pytest.mark.parametrize("fault", ["lost_before_commit", "lost_after_commit"])
def test_an_answer_is_applied_once_when_its_batch_is_written_again(fault: str) -> None:
    store = store_with(a_command(), faults=("none", fault, fault))

    pipeline = take_in(answer("rejected", detail="no"), store=store)

    assert (store.tables.commands[ID].status, store.tables.commands[ID].detail) == ("rejected", "no")
    assert pipeline.counts.fates == {Fate.RESULT: 1}


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (b"", "empty_payload", None),
        (b"{", "malformed_json", None),
        (b"[]", "invalid_field", None),
        (b"{}", "invalid_field", None),
        (b'{"status":"done"}', "invalid_field", "status"),
        (b'{"status":1}', "invalid_field", "status"),
        (b'{"status":"failed","detail":7}', "invalid_field", "detail"),
        (b'{"status":"failed","detail":"a\\u0000b"}', "invalid_field", "detail"),
    ],
)
def test_an_answer_that_makes_no_sense_is_rejected_by_the_fields_name(
    body: bytes, reason: str, field: str | None
) -> None:
    with pytest.raises(RejectedMessage) as caught:
        decode(f"evse/cp1/results/{ID}", body, at(0))

    assert (caught.value.reason, caught.value.field) == (reason, field)


def test_a_long_detail_is_cut() -> None:
    decoded = decode(
        f"evse/cp1/results/{ID}", json.dumps({"status": "failed", "detail": "x" * 4000}).encode(), at(0)
    )

    assert decoded.result is not None
    assert decoded.result.detail == "x" * MAX_DETAIL_LENGTH
