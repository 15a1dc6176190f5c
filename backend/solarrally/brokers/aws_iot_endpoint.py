"""Where an account's AWS IoT Core is, and the files that prove who we are there."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from solarrally.errors import SettingsError

DEFAULT_PORT = 8883
"""Port 443 works too, where a firewall lets nothing else out: then by ALPN."""


@dataclass(slots=True, frozen=True, kw_only=True)
class AwsIotEndpoint:
    """A host's name and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(slots=True, frozen=True, kw_only=True)
class ClientIdentity:
    """Our certificate with its key, and who signs servers' certificates; PEM files."""

    cert_file: Path
    key_file: Path
    ca_file: Path | None = None
    """None: the system's list, which has Amazon's."""

    def check(self, broker: object) -> None:
        """`SettingsError` when they cannot be used with `broker`: to be known at the start."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            context.load_cert_chain(self.cert_file, self.key_file)
        except OSError as error:
            files = ", ".join(str(file) for file in (self.cert_file, self.key_file, self.ca_file) if file)
            raise SettingsError(f"the certificates for {broker} cannot be used ({files}): {error}") from error


def parse_endpoint(text: str) -> AwsIotEndpoint:
    """`host[:port]`, or `SettingsError`."""
    name = "SOLARRALLY_AWS_IOT_ENDPOINT"
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(f"{name}: not a host name with a valid port") from error
    if not host or parts.path or parts.query or parts.username is not None:
        raise SettingsError(
            f"{name}: expected a host name, as "
            "`aws iot describe-endpoint --endpoint-type iot:Data-ATS` says it"
        )
    if _is_address(host):
        raise SettingsError(
            f"{name}: expected a host name and not an IP address: AWS finds the account by the name"
        )
    return AwsIotEndpoint(host=host, port=port or DEFAULT_PORT)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
