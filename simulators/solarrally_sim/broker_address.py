"""Where the broker is and who we are to it, from `mqtt://user:password@host:port`."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """A broker. `str()` of it is safe to print: it has no password."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    is_tls: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def tls_context(self) -> ssl.SSLContext | None:
        """The system's certificates for `mqtts://`, None for `mqtt://`."""
        return ssl.create_default_context() if self.is_tls else None


def parse_broker(url: str) -> BrokerAddress:
    """Read `mqtt://[user:password@]host[:port]` or `mqtts://…`; a `ValueError` never repeats the password."""
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError("a broker is written mqtt://[user:password@]host[:port], or mqtts:// for TLS")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("nothing may follow the port in a broker's address")
    try:
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except ValueError:
        raise ValueError("the broker's port must be a number from 1 to 65535") from None
    return BrokerAddress(
        host=parts.hostname,
        port=port,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        is_tls=parts.scheme == "mqtts",
    )
