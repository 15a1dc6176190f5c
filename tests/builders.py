"""Readings and payloads in few words, for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from solarrally.dialects.digest import content_digest
from solarrally.domain.reading import ConnectorStatus, EnergySource, Reading
from solarrally.domain.session import Session
from solarrally.domain.station import ConnectorState, SessionRules, judged_quality, observe
from solarrally.settings import Settings

T0 = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
RULES = SessionRules()
MAX_POWER_W = 50_000.0


def at(seconds: float) -> datetime:
    """So many seconds after noon of the day all tests play on."""
    return T0 + timedelta(seconds=seconds)


def reading(seconds: float, status: str | None = None, **said: Any) -> Reading:
    """A reading at `at(seconds)`, received then, with its digest and its plausibility marks."""
    if isinstance(said.get("energy_source"), str):
        said["energy_source"] = EnergySource(said["energy_source"])
    said.setdefault("received_at", at(seconds))
    made = Reading(
        ts=at(seconds),
        device_ts=at(seconds),
        status=None if status is None else ConnectorStatus(status),
        **said,
    )
    return made._replace(
        quality=made.quality | judged_quality(made, MAX_POWER_W), digest=content_digest(made)
    )


def fold(
    readings: list[Reading], rules: SessionRules = RULES, max_power_w: float = MAX_POWER_W
) -> list[Session]:
    """The sessions that these readings, in this order, make."""
    return fold_state(readings, rules, max_power_w)[1]


def fold_state(
    readings: list[Reading], rules: SessionRules = RULES, max_power_w: float = MAX_POWER_W
) -> tuple[ConnectorState, list[Session]]:
    state = ConnectorState(evse_uid="cp1", connector_id=1)
    sessions: dict[int, Session] = {}
    for one in readings:
        for session in observe(state, one, rules, max_power_w):
            sessions[id(session)] = session
    return state, list(sessions.values())


def make_settings(**values: Any) -> Settings:
    """Settings from these values alone: neither `.env` nor defaults of this machine."""
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


def payload(seconds: float, **said: Any) -> bytes:
    """A native telemetry object with a time."""
    return json.dumps({"timestamp": at(seconds).isoformat(), **said}).encode()
