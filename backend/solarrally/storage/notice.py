"""The text of a NOTIFY: live updates from the transaction that wrote them to everyone who listens.

`encode_notices` is called inside the writing transaction, with `SELECT pg_notify('solarrally_live', text)`
for each text: PostgreSQL delivers them, in order, after the commit and never without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

import msgspec

from solarrally.domain.update import AlertUpdate, CommandUpdate, ConnectorUpdate, SessionUpdate

CHANNEL: Final = "solarrally_live"
MAX_NOTICE_BYTES: Final = 7_900
"""PostgreSQL refuses payloads of 8,000 bytes and more, and with them the whole transaction."""
MAX_TEXT_BYTES: Final = 200
"""Of a descriptive text in an update that would not fit otherwise."""
MAX_UID_BYTES: Final = 1_500
"""Of an `evse_uid` in an update that would not fit otherwise; it occurs twice."""

_encoder = msgspec.json.Encoder()
Update: TypeAlias = ConnectorUpdate | SessionUpdate | AlertUpdate | CommandUpdate


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one NOTIFY says: connectors, sessions, alerts and commands as they stand after a commit."""

    connectors: list[ConnectorUpdate] = []
    sessions: list[SessionUpdate] = []
    alerts: list[AlertUpdate] = []
    commands: list[CommandUpdate] = []


_decoder = msgspec.json.Decoder(Notice)
_ENVELOPE_BYTES: Final = len('{"connectors":[],"sessions":[],"alerts":[],"commands":[]}')


def encode_notices(
    connectors: Sequence[ConnectorUpdate] = (),
    sessions: Sequence[SessionUpdate] = (),
    *,
    alerts: Sequence[AlertUpdate] = (),
    commands: Sequence[CommandUpdate] = (),
) -> list[str]:
    """The updates as JSON texts of fewer than 7,900 bytes each, to be sent in this order.

    An update too large for one notice loses the ends of its descriptive texts, so that a hostile text never
    breaks the transaction; an `id_token` too long is left out, since half a token could be somebody else's.
    """
    texts: list[str] = []
    parts: dict[str, list[bytes]] = {}
    size_bytes = _ENVELOPE_BYTES
    for kind, updates in (
        ("connectors", connectors),
        ("sessions", sessions),
        ("alerts", alerts),
        ("commands", commands),
    ):
        for update in updates:
            encoded = _encode(update)
            if size_bytes + len(encoded) + 1 >= MAX_NOTICE_BYTES:
                texts.append(_notice_text(parts))
                parts.clear()
                size_bytes = _ENVELOPE_BYTES
            parts.setdefault(kind, []).append(encoded)
            size_bytes += len(encoded) + 1
    if parts:
        texts.append(_notice_text(parts))
    return texts


def decode_notice(text: str) -> Notice:
    """The updates of one notice. Raises `msgspec.DecodeError` when the text is not one of ours."""
    return _decoder.decode(text)


def _notice_text(parts: dict[str, list[bytes]]) -> str:
    members = [b'"%b":[%b]' % (kind.encode(), b",".join(encoded)) for kind, encoded in parts.items()]
    return (b"{%b}" % b",".join(members)).decode()


def _encode(update: Update) -> bytes:
    encoded = _try_encode(update)
    return _encoder.encode(_shortened_update(update)) if encoded is None else encoded


def _shortened_update(update: Update) -> Update:
    match update:
        case ConnectorUpdate():
            return _shortened_connector(update)
        case SessionUpdate():
            return _shortened_session(update)
        case AlertUpdate():
            return replace(
                update,
                evse_uid=_shortened(update.evse_uid, MAX_UID_BYTES),
                kind=_shortened(update.kind),
                detail=_shortened_or_none(update.detail),
            )
        case CommandUpdate():
            return replace(
                update,
                evse_uid=_shortened(update.evse_uid, MAX_UID_BYTES),
                command=_shortened(update.command),
                detail=_shortened_or_none(update.detail),
                requested_by=_shortened(update.requested_by),
            )


def _try_encode(update: Update) -> bytes | None:
    try:
        encoded = _encoder.encode(update)
    except UnicodeEncodeError:  # a lone surrogate; shortening replaces it
        return None
    return encoded if len(encoded) + _ENVELOPE_BYTES + 1 < MAX_NOTICE_BYTES else None


def _shortened_connector(update: ConnectorUpdate) -> ConnectorUpdate:
    return replace(
        update,
        evse_uid=_shortened(update.evse_uid, MAX_UID_BYTES),
        status=_shortened_or_none(update.status),
        reported_status=_shortened_or_none(update.reported_status),
        energy_source=_shortened_or_none(update.energy_source),
        error_code=_shortened_or_none(update.error_code),
        session=None if update.session is None else _shortened_session(update.session),
    )


def _shortened_session(update: SessionUpdate) -> SessionUpdate:
    token = update.id_token
    return replace(
        update,
        evse_uid=_shortened(update.evse_uid, MAX_UID_BYTES),
        device_session_id=_shortened_or_none(update.device_session_id),
        id_token=None if token is None or _shortened(token) != token else token,
        status=_shortened(update.status),
        end_reason=_shortened_or_none(update.end_reason),
        currency=_shortened(update.currency),
    )


def _shortened_or_none(text: str | None) -> str | None:
    return None if text is None else _shortened(text)


def _shortened(text: str, limit_bytes: int = MAX_TEXT_BYTES) -> str:
    """The text, or its longest beginning that with an ellipsis takes at most `limit_bytes` as JSON."""
    text = text.encode("utf-8", "replace").decode()
    if len(text) <= limit_bytes and len(_encoder.encode(text)) - 2 <= limit_bytes:
        return text
    kept: list[str] = []
    room_bytes = limit_bytes - len("…".encode())
    for character in text[:limit_bytes]:
        room_bytes -= len(_encoder.encode(character)) - 2
        if room_bytes < 0:
            break
        kept.append(character)
    return "".join(kept) + "…"
