"""A command in the words of the station that gets it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from solarrally.dialects.family import Order
from solarrally.dialects.routes import NATIVE, Routes
from solarrally.domain.fleet import without_empty_levels
from solarrally.errors import CommandNotTaken
from solarrally.ingest.devices import Devices, Expected
from solarrally.ingest.ports import OutgoingCommand


class Worded(NamedTuple):
    """What to publish, and what will show what became of it; None where the station answers itself."""

    messages: list[tuple[str, bytes]]
    expected: Expected | None


def worded(command: OutgoingCommand, routes: Routes, devices: Devices) -> Worded:
    """Topics and payloads of a command. Raises `CommandNotTaken`.

    What a station was heard to speak counts more than what it is registered to speak; where it is, only as
    long as what is published there is its own: base topics change hands.
    """
    device = devices.get(command.evse_uid)
    if device is not None and not routes.leads_to(command.evse_uid, device.wire_base):
        device = None
    if device is None and command.dialect == NATIVE:
        topic = f"{routes.topic_root}/{command.evse_uid}/commands/{command.id}"
        return Worded([(topic, wire_payload(command))], None)
    family = routes.family_named(command.dialect) if device is None else device.family
    if family is None:
        raise CommandNotTaken(f"this version does not speak {command.dialect}")
    if family.translate is None:
        raise CommandNotTaken(f"{family.name} takes no commands")
    if device is not None:
        wire_base = device.wire_base
    elif command.base_topic is not None:
        wire_base = f"{command.base_topic.rstrip('/')}/"
    else:
        raise CommandNotTaken("nothing was heard from it yet, so that it is not known where it listens")
    known = {} if device is None else device.known
    translation = family.translate(Order(command.command, command.params, known))
    messages = [(f"{wire_base}{one.key}", one.payload) for one in translation.messages]
    return Worded(
        messages,
        Expected(
            command_id=command.id,
            evse_uid=command.evse_uid,
            family=family,
            base_topic=without_empty_levels(wire_base),
            confirmation=translation.confirmation,
        ),
    )


def expected_again(command: OutgoingCommand, routes: Routes) -> Expected | None:
    """What will show what became of a command that another process sent; None where the station answers
    itself, or where this version would not send it.
    """
    family = routes.family_named(command.dialect)
    if family is None or family.translate is None:
        return None
    try:
        translation = family.translate(Order(command.command, command.params, {}, command.tried_at))
    except CommandNotTaken:
        return None
    return Expected(
        command_id=command.id,
        evse_uid=command.evse_uid,
        family=family,
        base_topic=None if command.base_topic is None else without_empty_levels(command.base_topic),
        confirmation=translation.confirmation,
    )


def wire_payload(command: OutgoingCommand) -> bytes:
    """The JSON that a station of our own format gets."""
    said: dict[str, object] = {
        "command": command.command,
        "params": command.params,
        "expires_at": command.expires_at,
    }
    if command.connector_id is not None:
        said["connector_id"] = command.connector_id
    return msgspec.json.encode(said)
