"""The queue of failed rule actions: messages of stations that AWS IoT could not put on the stream.

Its entries are what the rule's error action makes (AWS IoT Core developer guide, "Error handling (error
action)"): `{"ruleName", "topic", "cloudwatchTraceId", "clientId", "base64OriginalPayload", "failures":
[{"failedAction", "failedResource", "errorMessage"}]}`. SQS delivers each at least once and in no order. It
says when an entry was sent, and says the same when it comes again: that is the message's receipt, as the
entry itself has no time.
"""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from solarrally.errors import StreamError
from solarrally.ingest.ports import FailedAction, RejectedPart

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_T = TypeVar("_T")

AT_ONCE: Final = 10
"""SQS gives and takes no more in one call."""
WAIT_S: Final = 3
"""For entries, in one call; at most 20. A stop waits as long, and every call costs."""
BAD_ENTRY: Final = "bad_failed_action"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Failure(msgspec.Struct):
    failedAction: str | None = None
    errorMessage: str | None = None


class _Entry(msgspec.Struct):
    topic: Annotated[str, msgspec.Meta(max_length=65_535)]
    base64OriginalPayload: str
    failures: list[_Failure] = []


_decode = msgspec.json.Decoder(_Entry).decode


class FailedActionQueue:
    """`ingest.ports.FailedActions` on SQS. Raises `StreamError` while it cannot be asked."""

    def __init__(
        self, client: SQSClient, queue_url: str, executor: Executor, *, wait_s: int = WAIT_S
    ) -> None:
        """`executor` needs a thread of our own: we wait for entries for as long as `wait_s`."""
        self._client = client
        self._queue_url = queue_url
        self._executor = executor
        self._wait_s = wait_s

    async def receive(self) -> list[FailedAction]:
        """Some of what waits; empty when nothing came. Not deleted in time, it comes again."""
        answer = await self._call(
            lambda: self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=AT_ONCE,
                WaitTimeSeconds=self._wait_s,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        )
        return [failed_action_of(entry) for entry in answer.get("Messages", ())]

    async def delete(self, actions: Sequence[FailedAction]) -> None:
        """They are safe with us."""
        answer = await self._call(
            lambda: self._client.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": action.handle} for place, action in enumerate(actions)
                ],
            )
        )
        if answer.get("Failed"):
            raise StreamError(f"{len(answer['Failed'])} entries of {self._queue_url} could not be deleted")

    async def _call(self, ask: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, ask)
        except (ClientError, BotoCoreError) as error:
            raise StreamError(f"queue {self._queue_url}: {error}") from error


def failed_action_of(entry: MessageTypeDef) -> FailedAction:
    """What a received entry holds, or why it holds nothing of use."""
    body = entry.get("Body", "").encode("utf-8", "surrogatepass")
    sent_ms = int(entry.get("Attributes", {}).get("SentTimestamp", "0"))
    sent_at = _EPOCH + timedelta(milliseconds=sent_ms)
    handle = entry["ReceiptHandle"]
    try:
        said = _decode(body)
        payload = binascii.a2b_base64(said.base64OriginalPayload, strict_mode=True)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        rejected = RejectedPart(
            received_at=sent_at,
            topic="",
            reason=BAD_ENTRY,
            field=None,
            detail=f"no entry of a rule's error action: {error}".replace("\0", "\ufffd")[:500],
            payload=body,
        )
        return FailedAction(handle, sent_at, "", b"", "", rejected)
    why = "; ".join(
        f"{failure.failedAction}: {failure.errorMessage}" for failure in said.failures if failure.failedAction
    )
    return FailedAction(handle, sent_at, said.topic, payload, why, None)
