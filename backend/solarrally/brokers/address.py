"""A broker's address, as one URL."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from solarrally.errors import SettingsError

_DEFAULT_PORT = {"mqtt": 1883, "mqtts": 8883}


@dataclass(slots=True, frozen=True, kw_only=True)
class BrokerAddress:
    """Where to connect and as whom."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None

    def __str__(self) -> str:
        """Without the credentials: fit for logs."""
        return f"mqtt{'s' if self.tls else ''}://{self.host}:{self.port}"


def parse_address(url: str) -> BrokerAddress:
    """`mqtt[s]://[user:password@]host[:port]`, or `SettingsError` that does not repeat the credentials."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError("SOLARRALLY_MQTT_URL: not a URL with a valid port") from error
    if parts.scheme not in _DEFAULT_PORT or not parts.hostname or parts.path.strip("/") or parts.query:
        raise SettingsError("SOLARRALLY_MQTT_URL: expected mqtt://user:password@host:1883 or mqtts://…:8883")
    return BrokerAddress(
        host=parts.hostname,
        port=port or _DEFAULT_PORT[parts.scheme],
        tls=parts.scheme == "mqtts",
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )
