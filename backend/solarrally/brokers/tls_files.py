"""The files that a TLS connection to the broker is made with, and when the certificates in them end."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509

from solarrally.errors import SettingsError

log = structlog.get_logger()


@dataclass(slots=True, frozen=True, kw_only=True)
class TlsFiles:
    """PEM files. They are read anew for each connection: certificates are replaced while we run."""

    ca_file: Path | None
    """Who signs servers' certificates; None: the system's list."""
    cert_file: Path | None
    """Our certificate, and behind it those between it and its authority; None: we show none."""
    key_file: Path | None
    """Its key; None: it is in `cert_file`."""

    def context(self) -> ssl.SSLContext:
        """Raises `OSError` when they cannot be used."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context

    def check(self, broker: str) -> None:
        """`SettingsError` when they cannot be used: to be known at the start, not at the first connection."""
        try:
            self.context()
        except OSError as error:
            named = [str(file) for file in (self.ca_file, self.cert_file, self.key_file) if file is not None]
            files = ", ".join(named) or "the system's list"
            raise SettingsError(f"the certificates for {broker} cannot be used ({files}): {error}") from error

    def ends(self) -> dict[str, datetime]:
        """When `client`, our certificate, ends, and `authority`: the last of them, as an old one may stay in
        the file beside its successor, and no server's certificate outlasts the authority that signed it. The
        system's list is not looked at.
        """
        ends = {}
        if self.cert_file is not None and (chain := _certificates(self.cert_file)):
            ends["client"] = chain[0].not_valid_after_utc
        if self.ca_file is not None and (authorities := _certificates(self.ca_file)):
            ends["authority"] = max(one.not_valid_after_utc for one in authorities)
        return ends


def end_of_shown(certificate: bytes | None) -> datetime | None:
    """When the certificate ends that the broker showed, in DER; None without one, or when it is unknown."""
    if certificate is None:
        return None
    try:
        return x509.load_der_x509_certificate(certificate).not_valid_after_utc
    except ValueError as error:
        log.warning("certificate_end_unknown", error=str(error))
        return None


def _certificates(file: Path) -> list[x509.Certificate]:
    """None where they are unknown: the file just went away, or OpenSSL understands what `cryptography`, which
    is stricter, does not. Whether it can be used is decided by the connection, and not here.
    """
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        log.warning("certificate_end_unknown", file=str(file), error=str(error))
        return []
