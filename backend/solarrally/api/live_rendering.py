"""Live events as WebSocket frames; an update and an event are each written once, however many watch them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Final

import msgspec

from solarrally.api.live_wire import deflated_frame, text_frame
from solarrally.api.schemas.common import flag_words
from solarrally.domain.reading import Quality
from solarrally.domain.update import AlertUpdate, CommandUpdate, ConnectorUpdate, SessionUpdate
from solarrally.hub import Audience, Event, Record, Snapshot, Stale, Versioned

MIN_SHARED_BY: Final = 4
"""Fewer watchers of one event than this are sent it as it is: deflating costs as much as a few writes."""
MIN_DEFLATED_BYTES: Final = 1_024

_encoder: Final = msgspec.json.Encoder()
_CONNECTOR_FIELDS: Final = tuple(field.name for field in fields(ConnectorUpdate))
_PUBLIC_FIELDS: Final = ("evse_uid", "site_id", "connector_id", "is_online", "status")
_FULL, _PUBLIC = "full", "public"
_PLAIN, _DEFLATED = "plain", "deflated"

PING_FRAME: Final = text_frame(b'{"type":"ping"}')
PONG_FRAME: Final = text_frame(b'{"type":"pong"}')
_STALE_FRAME: Final = text_frame(b'{"type":"stale"}')


def frame_of(event: Event, audience: Audience, *, deflates: bool) -> bytes:
    """The event with what this audience may see, for a client that takes deflated frames or does not.

    All who are told one event are of one audience: it is made for the first of them and kept with the event.
    """
    if isinstance(event, Stale):
        return _STALE_FRAME
    form = _DEFLATED if deflates and event.shared_by >= MIN_SHARED_BY else _PLAIN
    frame = event.rendered.get(form)
    if frame is None:
        text = text_of(event, audience)
        is_worth_it = form == _DEFLATED and len(text) >= MIN_DEFLATED_BYTES
        frame = event.rendered[form] = deflated_frame(text) if is_worth_it else text_frame(text)
    return frame


def text_of(event: Event, audience: Audience) -> bytes:
    """The message as JSON."""
    if isinstance(event, Stale):
        return b'{"type":"stale"}'
    updates = b",".join([_connector_text(update, audience) for update in event.updates])
    if isinstance(event, Snapshot):
        parts = [b'{"type":"snapshot","updates":[%b]' % updates]
    else:
        sessions = _texts(event.records, SessionUpdate, audience)
        parts = [b'{"type":"frame","updates":[%b],"sessions":[%b]' % (updates, sessions)]
    if event.records:
        for name, kind in ((b"alerts", AlertUpdate), (b"commands", CommandUpdate)):
            texts = _texts(event.records, kind, audience)
            if texts:
                parts.append(b'"%b":[%b]' % (name, texts))
    return b",".join(parts) + b"}"


def _texts(records: Iterable[Versioned[Record]], kind: type[Record], audience: Audience) -> bytes:
    return b",".join(
        [
            _record_text(record)
            for record in records
            if isinstance(record.value, kind) and audience.may_see(record.value)
        ]
    )


def _connector_text(versioned: Versioned[ConnectorUpdate], audience: Audience) -> bytes:
    update = versioned.value
    view = _FULL if audience.sees_all_sessions or audience.may_see(update.session) else _PUBLIC
    text = versioned.rendered.get(view)
    if text is None:
        names = _CONNECTOR_FIELDS if view == _FULL else _PUBLIC_FIELDS
        shown = {name: getattr(update, name) for name in names}
        if view == _FULL:
            shown["quality"] = flag_words(Quality(update.quality))
        text = versioned.rendered[view] = _encoder.encode(shown)
    return text


def _record_text(versioned: Versioned[Record]) -> bytes:
    text = versioned.rendered.get(_FULL)
    if text is None:
        text = versioned.rendered[_FULL] = _encoder.encode(versioned.value)
    return text
