"""Live events as JSON text; each update is written once, however many watch it."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

import msgspec

from solarrally.api.schemas.common import flag_words
from solarrally.domain.reading import Quality
from solarrally.domain.update import ConnectorUpdate, SessionUpdate
from solarrally.hub import Audience, Frame, Snapshot, Stale, Versioned

_encoder: Final = msgspec.json.Encoder()
_CONNECTOR_FIELDS: Final = tuple(field.name for field in fields(ConnectorUpdate))
_PUBLIC_FIELDS: Final = ("evse_uid", "site_id", "connector_id", "is_online", "status")
_FULL, _PUBLIC = "full", "public"

PING_TEXT: Final = '{"type":"ping"}'
PONG_TEXT: Final = '{"type":"pong"}'


def text_of(event: Snapshot | Frame | Stale, audience: Audience) -> str:
    """The message, with what this audience may see."""
    if isinstance(event, Stale):
        return '{"type":"stale"}'
    updates = ",".join([_connector_text(update, audience) for update in event.updates])
    if isinstance(event, Snapshot):
        return f'{{"type":"snapshot","updates":[{updates}]}}'
    sessions = ",".join(
        [_session_text(session) for session in event.sessions if audience.may_see(session.value)]
    )
    return f'{{"type":"frame","updates":[{updates}],"sessions":[{sessions}]}}'


def _connector_text(versioned: Versioned[ConnectorUpdate], audience: Audience) -> str:
    update = versioned.value
    view = _FULL if audience.sees_all_sessions or audience.may_see(update.session) else _PUBLIC
    text = versioned.rendered.get(view)
    if text is None:
        names = _CONNECTOR_FIELDS if view == _FULL else _PUBLIC_FIELDS
        shown = {name: getattr(update, name) for name in names}
        if view == _FULL:
            shown["quality"] = flag_words(Quality(update.quality))
        text = versioned.rendered[view] = _encoder.encode(shown).decode()
    return text


def _session_text(versioned: Versioned[SessionUpdate]) -> str:
    text = versioned.rendered.get(_FULL)
    if text is None:
        text = versioned.rendered[_FULL] = _encoder.encode(versioned.value).decode()
    return text
