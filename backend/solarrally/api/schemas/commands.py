"""Shapes of commands: one for each thing that a station can be asked for, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from solarrally.api.parameters import ShortText, without_nul
from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.domain.command import shown_params
from solarrally.storage.queries.commands import CommandRow

MIN_TIMEOUT_S: Final = 5
MAX_TIMEOUT_S: Final = 3600
MIN_CURRENT_A: Final = 6.0
MAX_CURRENT_A: Final = 80.0

CommandName: TypeAlias = Literal[
    "start", "stop", "pause", "resume", "set_current_limit", "reset", "unlock", "update_firmware"
]
StatusName: TypeAlias = Literal[
    "pending", "sent", "accepted", "completed", "rejected", "failed", "timed_out", "expired", "cancelled"
]


def _is_settable(limit_a: float) -> float:
    if limit_a != 0 and not MIN_CURRENT_A <= limit_a <= MAX_CURRENT_A:
        raise ValueError(f"must be 0, or {MIN_CURRENT_A:g} to {MAX_CURRENT_A:g}")
    return limit_a


ConnectorNumber = Annotated[int, Field(ge=1, le=2**15 - 1)]
UuidText = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"),
    Field(json_schema_extra={"format": "uuid"}),
]
LimitA = Annotated[
    float,
    Field(
        allow_inf_nan=False,
        description="A, of each phase; 0 pauses.",
        json_schema_extra={"anyOf": [{"const": 0}, {"minimum": MIN_CURRENT_A, "maximum": MAX_CURRENT_A}]},
    ),
    AfterValidator(_is_settable),
]
FirmwareUrl = Annotated[
    str,
    StringConstraints(
        max_length=2000, pattern=r"^https://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[!-~]*)?$"
    ),
    Field(description="https only, and no login in it. What is behind its `?` is not shown again."),
]
Version = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(without_nul)]
_STRICT: Final = ConfigDict(extra="forbid", strict=True)


class NoParams(BaseModel):
    """None."""

    model_config = _STRICT


class StartParams(BaseModel):
    """For whom."""

    model_config = _STRICT

    id_token: ShortText | None = Field(default=None, description="A driver's own, whatever is said here.")


class StopParams(BaseModel):
    """Which session, where the connector does not say it."""

    model_config = _STRICT

    session_id: UuidText | None = Field(default=None, description="Of the API. The station is told its own.")


class CurrentLimitParams(BaseModel):
    """How much."""

    model_config = _STRICT

    limit_a: LimitA


class ResetParams(BaseModel):
    """How hard."""

    model_config = _STRICT

    kind: Literal["soft", "hard"] = Field(description="soft: sessions end first. OCPP's Soft and Hard.")


class FirmwareParams(BaseModel):
    """What to install."""

    model_config = _STRICT

    url: FirmwareUrl
    version: Version | None = None
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$")] | None = None


class _NewCommand(BaseModel):
    """What all have in common."""

    model_config = _STRICT

    evse_uid: ShortText
    timeout_s: int = Field(
        default=30,
        ge=MIN_TIMEOUT_S,
        le=MAX_TIMEOUT_S,
        description="The station must have answered by then; later it must not execute it.",
    )
    queue_if_offline: bool = Field(
        default=False, description="Send it although the station is offline: it may be back in time."
    )


def _example(**said: Any) -> ConfigDict:
    return ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"evse_uid": "CP-0001", **said}]}
    )


class NewStart(_NewCommand):
    """Start charging. OCPP: RemoteStartTransaction."""

    model_config = _example(command="start", connector_id=1, params={"id_token": "04A2B3C4"})

    command: Literal["start"]
    connector_id: ConnectorNumber = 1
    params: StartParams = Field(default_factory=StartParams)


class NewStop(_NewCommand):
    """End the session of a connector, or the one named in `params`. OCPP: RemoteStopTransaction."""

    model_config = _example(
        command="stop", params={"session_id": "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77"}, timeout_s=60
    )

    command: Literal["stop"]
    connector_id: ConnectorNumber | None = Field(
        default=None, description="1 when neither this nor a session is given."
    )
    params: StopParams = Field(default_factory=StopParams)


class NewPause(_NewCommand):
    """Stop the flow and keep the session. OCPP: a charging profile with a limit of 0."""

    model_config = _example(command="pause", connector_id=1)

    command: Literal["pause"]
    connector_id: ConnectorNumber = 1
    params: NoParams = Field(default_factory=NoParams)


class NewResume(_NewCommand):
    """Go on after a pause. OCPP: ClearChargingProfile."""

    model_config = _example(command="resume", connector_id=1)

    command: Literal["resume"]
    connector_id: ConnectorNumber = 1
    params: NoParams = Field(default_factory=NoParams)


class NewCurrentLimit(_NewCommand):
    """Limit the current of a connector, or of the whole station. OCPP: SetChargingProfile."""

    model_config = _example(command="set_current_limit", connector_id=1, params={"limit_a": 16})

    command: Literal["set_current_limit"]
    connector_id: ConnectorNumber | None = Field(default=None, description="None: the whole station.")
    params: CurrentLimitParams


class NewReset(_NewCommand):
    """Restart the station. OCPP: Reset."""

    model_config = _example(command="reset", params={"kind": "soft"})

    command: Literal["reset"]
    params: ResetParams


class NewUnlock(_NewCommand):
    """Let go of the cable; a session of the connector ends. OCPP: UnlockConnector."""

    model_config = _example(command="unlock", connector_id=1)

    command: Literal["unlock"]
    connector_id: ConnectorNumber = 1
    params: NoParams = Field(default_factory=NoParams)


class NewFirmware(_NewCommand):
    """Install a firmware and restart with it. OCPP: UpdateFirmware."""

    model_config = _example(
        command="update_firmware",
        params={"url": "https://firmware.example.com/l2-32/1.5.0.bin", "version": "1.5.0"},
        timeout_s=300,
    )

    command: Literal["update_firmware"]
    params: FirmwareParams


NewCommand: TypeAlias = Annotated[
    NewStart | NewStop | NewPause | NewResume | NewCurrentLimit | NewReset | NewUnlock | NewFirmware,
    Field(discriminator="command"),
]


_COMMAND_EXAMPLE: Final[JsonDict] = {
    "id": "0c0b8b1e-6f4f-4c53-8f57-3f1d2f6c1b9e",
    "evse_uid": "CP-0001",
    "site_id": 1,
    "connector_id": 1,
    "command": "set_current_limit",
    "params": {"limit_a": 16},
    "status": "completed",
    "detail": None,
    "requested_by": "olga",
    "created_at": "2026-11-21T07:00:00Z",
    "expires_at": "2026-11-21T07:00:30Z",
    "sent_at": "2026-11-21T07:00:00.031Z",
    "answered_at": "2026-11-21T07:00:00.064Z",
    "finished_at": "2026-11-21T07:00:00.410Z",
}


class Command(Answer):
    """A command, and how far it has come."""

    model_config = ConfigDict(json_schema_extra={"examples": [_COMMAND_EXAMPLE]})

    id: UUID
    evse_uid: str
    site_id: int
    connector_id: int | None
    command: CommandName
    params: dict[str, Any] = Field(description="As the station is told.")
    status: StatusName = Field(
        description="pending: waits to be sent; sent: the broker has it; accepted: the station is at it; the "
        "others are final. expired and cancelled: it never left us; timed_out: the station may have it and "
        "has not said what became of it."
    )
    detail: str | None = Field(description="The station's words, or ours when it had none.")
    requested_by: str
    created_at: datetime
    expires_at: datetime = Field(description="Not executed after this.")
    sent_at: datetime | None
    answered_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, row: CommandRow) -> Command:
        update = row.update
        return cls.model_validate(
            {
                **{name: getattr(update, name) for name in cls.model_fields if name != "params"},
                "params": shown_params(row.params),
            }
        )


class CommandPage(PageAnswer):
    """Commands."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_COMMAND_EXAMPLE], "next_cursor": None}]}
    )

    items: list[Command]
