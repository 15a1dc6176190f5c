"""Messages out of the queue of failed rule actions go into the parking table, or are kept as rejected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from solarrally.ingest.ports import KEPT_PAYLOAD_BYTES, FailedAction, RejectedPart
from solarrally.storage.connections import connect
from solarrally.storage.failures import translated

STATEMENT_TIMEOUT_S: Final = 20.0

# Where it still waits, a message that the queue gives again is the same; later its readings are.
_PARK: Final = """
    INSERT INTO parked_message (evse_uid, received_at, topic, payload, qos, retained, redelivered)
    SELECT new.evse_uid, new.received_at, new.topic, new.payload, 1, false, false
    FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::bytea[])
        WITH ORDINALITY AS new (evse_uid, received_at, topic, payload, place)
    WHERE NOT EXISTS (
        SELECT FROM parked_message AS old
        WHERE (old.evse_uid, old.received_at, old.topic, old.payload)
            = (new.evse_uid, new.received_at, new.topic, new.payload)
    ) ORDER BY new.place
"""
_REJECT: Final = """
    INSERT INTO rejected_message (received_at, topic, reason, field, detail, payload, payload_size_bytes)
    SELECT $1::timestamptz, $2::text, $3::text, $4::text, $5::text, $6::bytea, $7::int4 WHERE NOT EXISTS (
        SELECT FROM rejected_message WHERE (received_at, topic, reason, payload) = ($1, $2, $3, $6)
    )
"""


class PostgresRecovery:
    """`ingest.ports.RecoveryStore`, with a connection for each call: failures are rare."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def take_up(
        self, parked: Sequence[tuple[str, FailedAction]], rejected: Sequence[RejectedPart]
    ) -> None:
        with translated():
            connection = await connect(
                self._dsn, application_name="solarrally-recovery", statement_timeout_s=STATEMENT_TIMEOUT_S
            )
            try:
                async with connection.transaction():
                    await connection.execute(
                        _PARK,
                        [evse_uid for evse_uid, _ in parked],
                        [action.received_at for _, action in parked],
                        [action.topic for _, action in parked],
                        [action.payload for _, action in parked],
                    )
                    for part in rejected:
                        await connection.execute(
                            _REJECT,
                            part.received_at,
                            part.topic,
                            part.reason,
                            part.field,
                            part.detail,
                            part.payload[:KEPT_PAYLOAD_BYTES],
                            len(part.payload),
                        )
            finally:
                await connection.close()
