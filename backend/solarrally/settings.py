"""Every setting, with its unit, default and consequence; made once, in `cli`, passed on as plain values."""

from __future__ import annotations

import os
from collections.abc import Iterable
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

from dotenv import dotenv_values
from pydantic import Field, FilePath, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from solarrally.errors import SettingsError

_PREFIX = "SOLARRALLY_"
_OF_OTHERS = ("SOLARRALLY_SIM_", "SOLARRALLY_TEST_", "SOLARRALLY_MOSQUITTO")
"""Variables of the simulators, of the tests, and of `embedded`, which reads its one itself."""


class Settings(BaseSettings):
    """Read from the environment (`SOLARRALLY_…`) and from `.env`, which may hold others' variables too.

    pydantic passes over unknown names in silence; `load_settings` refuses those that begin like ours.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_file=".env", extra="ignore")

    database_url: SecretStr = Field(
        default=..., description="PostgreSQL, as postgresql://user:password@host:port/name. Required."
    )
    mqtt_url: SecretStr | None = Field(
        default=None,
        description="Broker, as mqtt://user:password@host:1883 or mqtts://…:8883. Required by `ingest`.",
    )
    mqtt_ca_file: FilePath | None = Field(
        default=None,
        description="With mqtts: who signed the broker's certificate, instead of the system's list.",
    )
    mqtt_cert_file: FilePath | None = Field(
        default=None, description="With mqtts: our certificate, where the broker asks for one; PEM."
    )
    mqtt_key_file: FilePath | None = Field(default=None, description="The key of that certificate; PEM.")
    mqtt_client_id: str = Field(
        default="solarrally-ingestor",
        min_length=1,
        max_length=64,
        description="Fixed, so that the broker keeps our unacknowledged messages across restarts.",
    )
    mqtt_topic_root: str = Field(
        default="evse",
        pattern=r"^[^/+#\s]+$",
        description="First topic level. We hear everything below it: a mistyped topic is seen and counted.",
    )
    mqtt_receive_maximum: int = Field(
        default=10_000,
        ge=1,
        le=65535,
        description="Messages in flight without our acknowledgement. It bounds our memory.",
    )
    mqtt_session_expiry_s: int = Field(
        default=7 * 86400,
        ge=60,
        le=0xFFFFFFFE,
        description="How long the broker keeps our queue while we are away.",
    )
    mqtt_keepalive_s: int = Field(
        default=30, ge=5, le=1200, description="A dead connection is noticed within 1.5 times this."
    )
    max_batch: int = Field(
        default=4000,
        ge=1,
        le=65535,
        description="Messages in one transaction at most; the load decides how many there are below it.",
    )
    station_rate_limit_hz: int = Field(
        default=200,
        ge=1,
        description="Messages/s of one station taken in at once; more wait their turn in the parking table.",
    )
    register_unknown_stations: bool = Field(
        default=True,
        description="Register a station at its first message. False: reject its messages until it is added.",
    )
    max_payload_bytes: int = Field(
        default=131072,
        ge=1024,
        le=16 * 2**20,
        description="Larger messages are rejected (AWS IoT Core's limit is 128 KiB).",
    )
    rejected_keep_count: int = Field(
        default=10_000, ge=100, description="Rejected messages kept for inspection; the oldest go first."
    )
    session_timeout_s: int = Field(
        default=1800,
        ge=60,
        description="A station silent for longer ends its session as Timeout at its last reading.",
    )
    offline_after_s: int = Field(
        default=300,
        ge=10,
        description="A station silent for longer is shown offline, also without its last will.",
    )
    charging_threshold_w: float = Field(
        default=100.0, gt=0, description="Power above this is charging, whatever the status word says."
    )
    default_max_power_w: float = Field(
        default=500_000.0, gt=0, description="Assumed maximum of a station that has not said its own."
    )
    site_name: str = Field(
        default="Main site", min_length=1, description="Name of the site that new stations join."
    )
    site_timezone: str = Field(
        default="America/Jamaica", description="IANA zone of that site; used when it is created."
    )
    currency: str = Field(
        default="JMD", pattern=r"^[A-Z]{3}$", description="ISO 4217; used when the site is created."
    )
    price_solar_per_kwh: Decimal = Field(default=Decimal(10), ge=0, description="First tariff of that site.")
    price_grid_per_kwh: Decimal = Field(default=Decimal(50), ge=0, description="First tariff of that site.")
    partition_days_ahead: int = Field(
        default=7, ge=1, le=60, description="Daily partitions of readings made ahead."
    )
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="The ingestor's port for /metrics, /healthz and /readyz; 0: none.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address of that port. It tells figures to whoever reaches it."
    )
    raw_keep_days: int = Field(
        default=90,
        ge=0,
        description="Whole days that raw readings are kept; rollups, sessions and bills stay. 0: for ever.",
    )
    rejected_keep_bytes: int = Field(
        default=64 * 2**20,
        ge=2**20,
        description="Payloads of rejected messages kept, together; the oldest go first.",
    )

    api_host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    api_port: int = Field(default=8000, ge=1, le=65535, description="Port the API listens on.")
    jwt_secret: SecretStr | None = Field(
        default=None, description="Signs access tokens; at least 32 characters. Required by `serve`."
    )
    access_token_ttl_s: int = Field(default=900, ge=60, le=86400, description="Life of an access token.")
    ws_ticket_ttl_s: int = Field(
        default=30, ge=5, le=300, description="Life of a single-use WebSocket ticket."
    )
    allowed_origins: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Origins besides our own that may open the WebSocket and call the API, comma-separated.",
    )
    open_docs: bool = Field(
        default=False,
        description="Show the API's description and its try-out page without a token. `up` sets it.",
    )
    admin_password: SecretStr | None = Field(
        default=None,
        description="`migrate` makes the user `admin` with it when there is no user yet. Used by `up`.",
    )

    log_level: str = Field(
        default="info",
        pattern=r"^(debug|info|warning|error)$",
        description="debug, info, warning or error; below debug nothing is logged for each message.",
    )
    log_format: str = Field(
        default="auto",
        pattern=r"^(auto|json|console)$",
        description="auto: console on a terminal, else JSON.",
    )

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("database_url")
    @classmethod
    def _database_is_postgresql(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("expected postgresql://user:password@host:5432/name")
        return value

    @field_validator("site_timezone")
    @classmethod
    def _timezone_exists(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not an IANA time zone such as America/Jamaica")
        return value

    @field_validator("jwt_secret")
    @classmethod
    def _secret_is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("needs at least 32 characters; make one with: openssl rand -hex 32")
        return value


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """The settings, or `SettingsError` with one line per wrong setting, each by its variable's name."""
    lines = unknown_variables([*os.environ, *(dotenv_values(env_file) if env_file else ())])
    try:
        settings = Settings(_env_file=env_file)  # type: ignore[call-arg]
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in problem["loc"]).upper()
            name = name if name.startswith(_PREFIX) else f"{_PREFIX}{name}"
            lines.append(f"{name}: {problem['msg']}")
        raise SettingsError("\n".join(lines)) from error
    if lines:
        raise SettingsError("\n".join(lines))
    return settings


def unknown_variables(names: Iterable[str]) -> list[str]:
    """A line for each variable that begins like ours and is no setting, with the one it may have meant."""
    known = {f"{_PREFIX}{name}".upper() for name in Settings.model_fields}
    lines = []
    for name in sorted({name.upper() for name in names} - known):
        if name.startswith(_PREFIX) and not name.startswith(_OF_OTHERS):
            meant = get_close_matches(name, known, n=1, cutoff=0.8)
            lines.append(f"{name}: no such setting" + (f"; did you mean {meant[0]}?" if meant else ""))
    return lines
