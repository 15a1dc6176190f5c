"""How a command comes to its end, whatever order its answers and its timeouts come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally.domain.command import (
    ANSWER_GRACE_S,
    Answer,
    CommandResult,
    CommandStatus,
    answered,
    cancelled,
    given_to_broker,
    lapsed,
    shown_params,
)
from solarrally.domain.update import CommandUpdate

T0 = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
ID = UUID("0c0b8b1e-6f4f-4c53-8f57-3f1d2f6c1b9e")
COMPLETION_S = 600.0
S = CommandStatus


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def a_command(status: CommandStatus = S.PENDING) -> CommandUpdate:
    """Asked for at T0, expiring 30 s later."""
    return CommandUpdate(
        id=ID,
        evse_uid="cp1",
        site_id=1,
        connector_id=1,
        command="pause",
        status=status,
        detail=None,
        requested_by="olga",
        requested_by_user_id=2,
        created_at=T0,
        expires_at=at(30),
        sent_at=None if status is S.PENDING else at(1),
        answered_at=at(2) if status is S.ACCEPTED else None,
        finished_at=at(3) if status.is_final else None,
    )


def said(answer: Answer, detail: str | None = None) -> CommandResult:
    return CommandResult(command_id=ID, answer=answer, detail=detail)


A = Answer


@pytest.mark.parametrize(
    ("before", "answer", "after"),
    [
        *((before, A.ACCEPTED, S.ACCEPTED) for before in (S.PENDING, S.SENT)),
        (S.ACCEPTED, A.ACCEPTED, None),
        *(
            (before, answer, S(answer.value))
            for before in (S.PENDING, S.SENT, S.ACCEPTED)
            for answer in (A.REJECTED, A.FAILED, A.COMPLETED)
        ),
        *((before, answer, None) for before in S if before.is_final for answer in A),
    ],
)
def test_an_answer_counts_until_the_command_has_come_to_its_end(
    before: CommandStatus, answer: Answer, after: CommandStatus | None
) -> None:
    new = answered(a_command(before), said(answer, "why"), at(9))

    assert (None if new is None else new.status) == after
    if new is not None and after is not None:
        assert new.detail == "why"
        assert new.answered_at == (at(2) if before is S.ACCEPTED else at(9))
        assert (new.finished_at == at(9)) == after.is_final


@pytest.mark.parametrize(
    ("status", "was_tried", "seconds", "after"),
    [
        (S.PENDING, False, 29.9, None),
        (S.PENDING, False, 30, S.EXPIRED),
        (S.PENDING, True, 30, None),
        (S.PENDING, True, 30 + ANSWER_GRACE_S, S.TIMED_OUT),
        (S.SENT, True, 30, None),
        (S.SENT, True, 30 + ANSWER_GRACE_S, S.TIMED_OUT),
        (S.ACCEPTED, True, 601.9, None),
        (S.ACCEPTED, True, 602, S.TIMED_OUT),
        *((status, True, 1e6, None) for status in S if status.is_final),
    ],
)
def test_a_command_lapses_when_its_time_is_over_and_says_whether_it_may_have_arrived(
    status: CommandStatus, was_tried: bool, seconds: float, after: CommandStatus | None
) -> None:
    new = lapsed(a_command(status), at(seconds), was_tried=was_tried, completion_timeout_s=COMPLETION_S)

    assert (None if new is None else (new.status, new.finished_at)) == (
        None if after is None else (after, at(seconds))
    )


def test_only_what_has_not_left_is_taken_back() -> None:
    taken_back = cancelled(a_command(), at(1), was_tried=False)

    assert taken_back is not None
    assert taken_back.status == S.CANCELLED
    assert cancelled(a_command(), at(1), was_tried=True) is None
    assert all(
        cancelled(a_command(status), at(1), was_tried=False) is None for status in set(S) - {S.PENDING}
    )


def test_an_answer_may_be_faster_than_the_brokers_acknowledgement() -> None:
    accepted = answered(a_command(), said(A.ACCEPTED), at(1))
    assert accepted is not None

    sent = given_to_broker(accepted, at(2))

    assert sent is not None
    assert (sent.status, sent.sent_at) == (S.ACCEPTED, at(2))
    assert given_to_broker(sent, at(3)) is None


def test_what_is_behind_the_question_mark_of_an_address_is_not_shown() -> None:
    params = {"url": "https://firmware.example.com/a.bin?signature=hidden#part", "version": "2"}

    assert shown_params(params) == {"url": "https://firmware.example.com/a.bin", "version": "2"}


EVENTS = st.lists(
    st.one_of(
        st.sampled_from(list(Answer)).map(lambda answer: ("answer", answer)),
        st.sampled_from([("publish", None), ("time", None), ("cancel", None)]),
    ),
    max_size=12,
)


@given(EVENTS, st.lists(st.floats(0, 1000), min_size=12, max_size=12).map(sorted))
def test_any_order_of_answers_and_timeouts_ends_in_one_final_state(
    events: list[tuple[str, Answer | None]], seconds: list[float]
) -> None:
    command, was_tried = a_command(), False
    history = [command]
    for (what, answer), second in zip(events, seconds, strict=False):
        now = at(second)
        if what == "publish":
            was_tried = was_tried or (command.status == S.PENDING and now < command.expires_at)
            new = given_to_broker(command, now) if was_tried else None
        elif what == "time":
            new = lapsed(command, now, was_tried=was_tried, completion_timeout_s=COMPLETION_S)
        elif what == "cancel":
            new = cancelled(command, now, was_tried=was_tried)
        else:
            assert answer is not None
            new = answered(command, said(answer), now) if was_tried else None
        if new is not None:
            command = new
            history.append(command)
    end = lapsed(command, at(1e6), was_tried=was_tried, completion_timeout_s=COMPLETION_S) or command

    statuses = [CommandStatus(one.status) for one in history] + [CommandStatus(end.status)]
    assert statuses[-1].is_final
    finals = [status for status in statuses if status.is_final]
    assert len(set(finals)) == 1  # never another end after the first
    assert (end.status in (S.EXPIRED, S.CANCELLED)) <= (not was_tried)
    assert all((one.finished_at is not None) == CommandStatus(one.status).is_final for one in [*history, end])
