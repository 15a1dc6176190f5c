"""What stations answered to commands, applied within the transaction of their batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from solarrally.domain.command import CommandResult, answered
from solarrally.domain.update import CommandUpdate
from solarrally.errors import RejectedMessage
from solarrally.ingest.batch import Message
from solarrally.ingest.ports import Transaction

log = structlog.get_logger()


@dataclass(slots=True)
class Answers:
    """What the answers of one batch did."""

    changes: list[CommandUpdate] = field(default_factory=list)
    """What each one that counted made of its command."""
    without_effect: int = 0


async def take_answers(tx: Transaction, results: Sequence[tuple[Message, CommandResult]]) -> Answers:
    """Apply them in order. One for a command of another station, or of nobody's, rejects its message: who
    answers is told by the topic, which the broker binds to the station's credential.
    """
    commands = await tx.lock_commands({result.command_id for _, result in results})
    changed: dict[UUID, CommandUpdate] = {}
    answers = Answers()
    for message, result in results:
        command = commands.get(result.command_id)
        assert message.decoded is not None
        if command is None or command.evse_uid != message.decoded.evse_uid:
            message.reject_all(RejectedMessage("unknown_command", "this station was sent no such command"))
            continue
        new = answered(command, result, message.delivery.received_at)
        if new is None:
            answers.without_effect += 1
            log.info(
                "command_result_without_effect",
                command_id=str(command.id),
                evse_uid=command.evse_uid,
                status=str(command.status),
                said=result.answer.value,
            )
            continue
        commands[new.id] = changed[new.id] = new
        answers.changes.append(new)
    if changed:
        await tx.save_commands(list(changed.values()))
    return answers
