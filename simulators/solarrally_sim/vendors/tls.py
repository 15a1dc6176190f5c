"""How a simulated device proves who it is: a certificate of its own, and the broker's authority."""

import ssl
from pathlib import Path

from solarrally_sim.broker_address import BrokerAddress
from solarrally_sim.vendors.setup import SetupError


def client_context(
    address: BrokerAddress, *, ca_file: Path | None, certificate: Path | None, key: Path | None
) -> ssl.SSLContext | None:
    """The context for `mqtts://`, None for `mqtt://`. Raises `SetupError` when they do not fit."""
    given = [path for path in (ca_file, certificate, key) if path is not None]
    if not address.is_tls:
        if given:
            raise SetupError("certificates are for mqtts://; the broker's address says mqtt://")
        return None
    if (certificate is None) != (key is None):
        raise SetupError("a certificate and its key belong together: give both or none")
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        if certificate is not None and key is not None:
            context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        named = ", ".join(str(path) for path in given)
        raise SetupError(f"cannot use {named}: {error}") from error
    return context
