"""Commands to stations: what there is to be asked for, and how one comes to its end.

    pending ──> sent ──> accepted ──> completed | failed
       │          ├────────────────> completed | rejected | failed
       │          └──> timed_out        └──────> timed_out
       ├──> expired      (never left us)
       └──> cancelled    (never left us)

The six on the right are final. What a station says of a command that is final changes nothing: answers come
late, twice and out of order. The functions here return a command's next state, or None when nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from solarrally.domain.update import CommandUpdate

ANSWER_GRACE_S: Final = 5.0
"""An answer given just before the command expired is still waited for so long."""
MAX_DETAIL_LENGTH: Final = 500


class CommandWord(StrEnum):
    """What a station can be asked for; in OCPP's words in docs/commands.md."""

    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    SET_CURRENT_LIMIT = "set_current_limit"
    RESET = "reset"
    UNLOCK = "unlock"
    UPDATE_FIRMWARE = "update_firmware"


class CommandStatus(StrEnum):
    """How far a command has come."""

    PENDING = "pending"
    SENT = "sent"
    """The broker has it."""
    ACCEPTED = "accepted"
    """The station is at it."""
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    """It may have reached the station, which has not said in time what became of it."""
    EXPIRED = "expired"
    """It was never given to the broker, and never will be."""
    CANCELLED = "cancelled"
    """Taken back before it was given to the broker."""

    @property
    def is_final(self) -> bool:
        return self not in _OPEN


_OPEN: Final = {CommandStatus.PENDING, CommandStatus.SENT, CommandStatus.ACCEPTED}


class Answer(StrEnum):
    """What a station may say of a command."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    COMPLETED = "completed"


@dataclass(slots=True, frozen=True, kw_only=True)
class CommandResult:
    """A station's answer to a command."""

    command_id: UUID
    answer: Answer
    detail: str | None = None


def given_to_broker(command: CommandUpdate, at: datetime) -> CommandUpdate | None:
    """The broker has acknowledged it. An answer may have been faster: then it only notes when."""
    if command.sent_at is not None:
        return None
    status = CommandStatus.SENT if command.status == CommandStatus.PENDING else command.status
    return replace(command, status=status, sent_at=at)


def answered(command: CommandUpdate, result: CommandResult, at: datetime) -> CommandUpdate | None:
    """The station has said something of it. `accepted` counts once, and nothing after an end."""
    status = CommandStatus(command.status)
    if status.is_final or (result.answer is Answer.ACCEPTED and status is CommandStatus.ACCEPTED):
        return None
    new = CommandStatus(result.answer.value)
    return replace(
        command,
        status=new,
        detail=result.detail or command.detail,
        answered_at=command.answered_at or at,
        finished_at=at if new.is_final else None,
    )


def lapsed(
    command: CommandUpdate, now: datetime, *, was_tried: bool, completion_timeout_s: float
) -> CommandUpdate | None:
    """Its time is over. `was_tried`: it may have reached the broker, also if nobody noted that it did."""
    status = CommandStatus(command.status)
    if status is CommandStatus.PENDING and not was_tried:
        if now >= command.expires_at:
            return replace(command, status=CommandStatus.EXPIRED, finished_at=now)
    elif status in (CommandStatus.PENDING, CommandStatus.SENT):
        if now >= command.expires_at + timedelta(seconds=ANSWER_GRACE_S):
            return replace(command, status=CommandStatus.TIMED_OUT, detail=NO_ANSWER, finished_at=now)
    elif status is CommandStatus.ACCEPTED:
        assert command.answered_at is not None
        if now >= command.answered_at + timedelta(seconds=completion_timeout_s):
            return replace(command, status=CommandStatus.TIMED_OUT, detail=NO_END, finished_at=now)
    return None


def cancelled(command: CommandUpdate, now: datetime, *, was_tried: bool) -> CommandUpdate | None:
    """Taken back; None when it is too late for that."""
    if command.status != CommandStatus.PENDING or was_tried:
        return None
    return replace(command, status=CommandStatus.CANCELLED, finished_at=now)


NO_ANSWER: Final = "the station did not answer in time"
NO_END: Final = "the station accepted it and did not say in time what became of it"


def shown_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters without what lets somebody in: of an address only the part before its `?`."""
    shown = dict(params)
    if isinstance(shown.get("url"), str):
        shown["url"] = urlsplit(shown["url"])._replace(query="", fragment="").geturl()
    return shown
