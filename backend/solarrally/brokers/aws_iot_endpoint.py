"""Where an account's AWS IoT Core is, and the files that prove who we are there."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from solarrally.brokers.tls_files import TlsFiles
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
class ClientIdentity(TlsFiles):
    """Who we are is a certificate of ours with its key. The system's list of authorities has Amazon's."""

    cert_file: Path
    key_file: Path
    ca_file: Path | None = None


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
