"""Every setting, with its unit, default and consequence; made once, in `cli`, passed on as plain values."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from decimal import Decimal
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from dotenv import dotenv_values
from pydantic import Field, FilePath, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from solarrally.errors import SettingsError

_PREFIX = "SOLARRALLY_"
_OF_OTHERS = (
    *("SOLARRALLY_SIM_", "SOLARRALLY_TEST_", "SOLARRALLY_MOSQUITTO", "SOLARRALLY_NEW_PASSWORD"),
    "SOLARRALLY_CA_",
)
"""Variables of the simulators, of the tests, and of `embedded`, `users_cli` and `stations_cli`, which read
their own.
"""

MIN_DIFFERENT_CHARACTERS = 8
"""In a secret; 32 random hexadecimal digits have fewer once in 28 million times."""
_PLACEHOLDERS = (
    *("changeme", "change-me", "example", "secret", "password", "replace", "default"),
    *("0123456789", "abcdefgh"),
)


_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._:-]+", re.ASCII)


class Settings(BaseSettings):
    """Read from the environment (`SOLARRALLY_…`) and from `.env`, which may hold others' variables too.

    pydantic passes over unknown names in silence; `load_settings` refuses those that begin like ours.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_file=".env", extra="ignore")

    database_url: SecretStr = Field(
        default=..., description="PostgreSQL, as postgresql://user:password@host:port/name. Required."
    )
    broker: Literal["mqtt", "aws_iot", "aws_kinesis"] = Field(
        default="mqtt",
        description="mqtt: Mosquitto or another MQTT 5 broker; aws_iot: AWS IoT Core, for small fleets; "
        "aws_kinesis: the stream that an AWS IoT rule fills.",
    )
    mqtt_url: SecretStr | None = Field(
        default=None,
        description="Broker, as mqtt://user:password@host:1883 or mqtts://…:8883. Required by `ingest`, "
        "unless the broker is one of AWS's.",
    )
    aws_iot_endpoint: str | None = Field(
        default=None,
        description="The account's AWS IoT Core, as host name or host:port; port 8883 unless given. Required "
        "with aws_iot and aws_kinesis, and so are a certificate and its key.",
    )
    aws_kinesis_stream: str | None = Field(
        default=None,
        pattern=r"^[a-zA-Z0-9_.-]{1,128}$",
        description="The Kinesis stream that the IoT rule fills; any number of ingestors share it. Required "
        "with aws_kinesis. Region and credentials are AWS's own variables: AWS_REGION, ...",
    )
    aws_failed_queue_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="The SQS queue of the rule's error action: its messages are taken up again "
        "(aws_kinesis). Without it they stay there.",
    )
    aws_iot_shared_group: str = Field(
        default="solarrally",
        pattern=r"^[^/+#\s]{0,128}$",
        description="Shared subscription of the ingestors (aws_iot): AWS keeps what comes too fast or while "
        "none is connected for whichever is next. Empty: a plain subscription.",
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
    dialects: Annotated[list[str], NoDecode] = Field(
        default_factory=lambda: ["all"],
        description="Families of devices listened to under the topics that they publish to from the factory, "
        "such as openevse,goe,smartevse; all; or none. A station that is registered with a base topic is "
        "always heard.",
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
    command_completion_timeout_s: int = Field(
        default=900,
        ge=10,
        le=86_400,
        description="A command that a station accepted and has not completed after this has timed out.",
    )
    max_open_commands: int = Field(
        default=10,
        ge=1,
        le=1000,
        description="Commands of one station that are not finished; one more is answered with 429.",
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
    alert_interval_s: float = Field(
        default=5.0,
        ge=1.0,
        le=300.0,
        description="How often alerts are reviewed: how late one may open, and go when its cause is gone.",
    )
    offline_alert_after_s: int = Field(
        default=300,
        ge=0,
        description="A station that has been shown offline for longer is an alert.",
    )
    alert_temperature_c: float = Field(
        default=80.0,
        ge=0.0,
        le=200.0,
        description="A connector this hot is an alert, until it is 5 °C cooler.",
    )
    alert_session_idle_h: float = Field(
        default=12.0, gt=0.0, description="A session that takes no energy for so long is an alert."
    )
    alert_session_long_h: float = Field(
        default=48.0, gt=0.0, description="A session that lasts for so long is an alert."
    )
    charging_threshold_w: float = Field(
        default=100.0, gt=0, description="Power above this is charging, whatever the status word says."
    )
    default_max_power_w: float = Field(
        default=500_000.0, gt=0, description="Assumed maximum of a station that has not said its own."
    )
    site_name: str = Field(
        default="Main site",
        min_length=1,
        description="Name of the site that new stations join; once it is renamed: the oldest site.",
    )
    site_timezone: str = Field(
        default="America/Jamaica", description="IANA zone of that site; used when it is created."
    )
    currency: str = Field(
        default="JMD", pattern=r"^[A-Z]{3}$", description="ISO 4217; used when the site is created."
    )
    price_solar_per_kwh: Decimal = Field(default=Decimal(10), ge=0, description="First tariff of that site.")
    price_grid_per_kwh: Decimal = Field(default=Decimal(50), ge=0, description="First tariff of that site.")
    ocpi_country_code: str = Field(
        default="JM",
        pattern="^[A-Z]{2}$",
        description="ISO 3166-1 alpha-2; with the party id the operator's name in OCPI sessions and CDRs.",
    )
    ocpi_party_id: str = Field(
        default="SRY", pattern="^[A-Z0-9]{3}$", description="The operator's id in that country (eMI3)."
    )
    pdf_font_file: FilePath | None = Field(
        default=None,
        description="TTF font of PDF bills. Without one, letters beyond Latin-1 become question marks.",
    )
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
    api_metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="The API's port for /metrics, at SOLARRALLY_METRICS_HOST; 0: none.",
    )
    jwt_secret: SecretStr | None = Field(
        default=None, description="Signs access tokens; at least 32 characters. Required by `serve`."
    )
    access_token_ttl_s: int = Field(default=900, ge=60, le=86400, description="Life of an access token.")
    ws_ticket_ttl_s: int = Field(
        default=30, ge=5, le=300, description="Life of a single-use WebSocket ticket."
    )
    live_max_watchers: int = Field(
        default=2_000,
        ge=1,
        le=100_000,
        description="Open live WebSockets; one more is told busy. Each takes some 30 KiB of memory.",
    )
    live_max_watchers_per_account: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="Of one account, so that nobody takes all; one more is told busy.",
    )
    allowed_origins: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Origins besides our own whose pages may call the API, log in and open the WebSocket, "
        "such as https://dashboard.example.org; comma-separated.",
    )
    dashboard: bool = Field(
        default=True,
        description="Serve the dashboard at /. False: only the API, its pages elsewhere or nowhere.",
    )
    public_status: bool = Field(
        default=False,
        description="Anybody sees, without a login, which stations are free: nothing of sessions or people. "
        "`up` sets it.",
    )
    caller_rate_limit_hz: float = Field(
        default=50.0,
        gt=0,
        le=10_000,
        description="Requests/s of one user or API key; more are answered with 429 and Retry-After.",
    )
    caller_rate_burst: int = Field(
        default=200, ge=1, le=100_000, description="Requests at once before that limit is felt."
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Networks of our reverse proxies (CIDR, comma-separated), whose X-Forwarded-For and "
        "X-Forwarded-Proto are believed; nobody else's are.",
    )
    max_exports: int = Field(
        default=2,
        ge=1,
        le=100,
        description="Exports at once, each with a connection to the database; one more is answered with 429.",
    )
    import_max_bytes: int = Field(
        default=256 * 2**20,
        ge=65_536,
        le=16 * 2**30,
        description="Largest offline log of a station that may be uploaded, unpacked. It needs as much disk.",
    )
    login_max_days: int = Field(
        default=30, ge=1, le=365, description="A login ends after so many days, however often it is used."
    )
    login_idle_days: int = Field(
        default=7, ge=1, le=365, description="A login that is not used for so many days ends."
    )
    registration: Literal["closed", "invitation", "open"] = Field(
        default="invitation",
        description="closed: administrators add users; invitation: or invite them by mail; open: or anybody "
        "registers, as a user without any sessions.",
    )
    invitation_ttl_days: int = Field(default=7, ge=1, le=365, description="Life of a mailed invitation.")
    password_reset_ttl_s: int = Field(
        default=3600, ge=300, le=86400, description="Life of a mailed token that sets another password."
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s?#]+$",
        description="Where people find our pages, for the links in mails; without it they hold a token only.",
    )
    mailer: Literal["none", "console", "smtp"] = Field(
        default="none",
        description="none: no invitations, no password resets; console: mails are printed with the tokens in "
        "them, for development; smtp: sent.",
    )
    smtp_host: str | None = Field(
        default=None, min_length=1, description="Required with SOLARRALLY_MAILER=smtp."
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="465 is usual for tls.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="starttls: encrypted or not sent; tls: from the first byte; none: anybody reads it.",
    )
    smtp_username: str | None = Field(default=None, description="Where the server asks for one.")
    smtp_password: SecretStr | None = Field(default=None, description="To that username.")
    smtp_ca_file: FilePath | None = Field(
        default=None, description="Who signed the server's certificate, instead of the system's list."
    )
    mail_from: str | None = Field(
        default=None, pattern=r"^[^\s<>]+@[^\s<>]+$", description="Sender's address; required with smtp."
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

    @field_validator("trusted_proxies")
    @classmethod
    def _networks_are_networks(cls, value: list[str]) -> list[str]:
        for text in value:
            try:
                ip_network(text)
            except ValueError as error:
                raise ValueError(f"{text!r} is no network such as 10.0.0.0/8 or 192.0.2.7/32") from error
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins_are_origins(cls, value: list[str]) -> list[str]:
        for text in value:
            if text != origin_of(text):
                raise ValueError(
                    f"{text!r} is no origin as browsers write it, such as https://dashboard.example.org: "
                    "scheme, host in lower case, the port where it is unusual; no wildcard, no path"
                )
        return value

    @field_validator("allowed_origins", "dialects", "trusted_proxies", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
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
        if value is not None and is_guessable(value.get_secret_value()):
            raise ValueError("can be guessed; make one with: openssl rand -hex 32")
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


def origin_of(text: str) -> str | None:
    """The origin of a URL, as browsers write it; None when it has none."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:  # brackets that do not match, a port that is none
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host or not _HOST.fullmatch(host):
        return None
    host = f"[{host}]" if ":" in host else host
    is_usual = port is None or port == _DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if is_usual else f":{port}")


def is_guessable(secret: str) -> bool:
    """Whether a secret is an example's, a word that stands for one, or a short pattern repeated."""
    plain = secret.lower()
    is_repetition = plain in (plain + plain)[1:-1]
    is_narrow = len(set(plain)) < MIN_DIFFERENT_CHARACTERS
    return is_repetition or is_narrow or any(word in plain for word in _PLACEHOLDERS)


def unknown_variables(names: Iterable[str]) -> list[str]:
    """A line for each variable that begins like ours and is no setting, with the one it may have meant."""
    known = {f"{_PREFIX}{name}".upper() for name in Settings.model_fields}
    lines = []
    for name in sorted({name.upper() for name in names} - known):
        if name.startswith(_PREFIX) and not name.startswith(_OF_OTHERS):
            meant = get_close_matches(name, known, n=1, cutoff=0.8)
            lines.append(f"{name}: no such setting" + (f"; did you mean {meant[0]}?" if meant else ""))
    return lines
