"""What a device of another family told, in the words of our own format."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from solarrally.dialects.family import FACTS, Family, Said, Value

_encode = msgspec.json.Encoder().encode


def telemetry_payload(told: Mapping[str, Value]) -> bytes | None:
    """As on `evse/{evse_uid}/telemetry`; None when it tells no measurand."""
    said = {name: value for name, value in told.items() if value is not None}
    return _encode(said) if said.keys() - {"timestamp", "seq", "connector_id"} else None


def status_payload(family: Family, facts: Mapping[str, Value]) -> bytes:
    """As on `evse/{evse_uid}/status`. A device that says something of itself is online unless it says that it
    is not.
    """
    said: Said = {
        "state": "offline" if facts.get("is_online") is False else "online",
        "vendor": family.vendor,
    }
    return _encode(
        said | {name: facts[name] for name in ("model", "firmware", "max_power_w") if facts.get(name)}
    )


def facts_of(said: Mapping[str, Value]) -> Said:
    """What of it the device says of itself."""
    return {name: value for name, value in said.items() if name in FACTS and value is not None}
