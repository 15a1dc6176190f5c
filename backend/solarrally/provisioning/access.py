"""Our own way in: the account that administers passwords at the broker, and AWS IoT's control plane."""

from __future__ import annotations

import ssl
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from solarrally.errors import SolarRallyError
from solarrally.provisioning.dynsec import DynamicSecurity, dynamic_security
from solarrally.provisioning.dynsec_file import PROVISIONER
from solarrally.provisioning.pki_folder import PkiFolder

if TYPE_CHECKING:
    from solarrally.provisioning.aws_iot import AwsIotRegistry


def administration(pki: PkiFolder, via: str | None) -> AbstractAsyncContextManager[DynamicSecurity]:
    """Over the door for passwords. `via`: where to connect to, when that is not the host that stations are
    told; the broker's certificate must name it.
    """
    doors = pki.doors
    tls = ssl.create_default_context(cadata=pki.server_ca_pem) if doors.has_password_tls else None
    return dynamic_security(
        via or doors.host,
        doors.password_port,
        username=PROVISIONER,
        password=pki.provisioner_secret,
        tls=tls,
    )


def aws_registry() -> AwsIotRegistry:
    """Raises `SolarRallyError` without the extra `aws`."""
    try:
        from solarrally.provisioning.aws_iot import AwsIotRegistry

        return AwsIotRegistry()
    except ImportError as error:
        raise SolarRallyError(
            f"--aws needs what is not installed here ({error.name}): pip install 'solarrally[aws]'"
        ) from error
