"""The secrets of one data folder, generated once."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from solarrally.embedded.private_files import write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class UpSecrets:
    """What `up` generates. (PostgreSQL's password is kept beside its data, see EmbeddedPostgres.)"""

    admin_password: str
    jwt_secret: str
    ingestor_password: str
    fleet_password: str
    devices_password: str


def load_secrets(path: Path) -> UpSecrets:
    """The secrets in the file; what is missing there is generated and written back (mode 0600)."""
    known = json.loads(path.read_text()) if path.exists() else {}
    generated = {
        "admin_password": "-".join(secrets.token_hex(2) for _ in range(4)),  # 64 bits, and can be typed
        "jwt_secret": secrets.token_urlsafe(48),
        "ingestor_password": secrets.token_urlsafe(24),
        "fleet_password": secrets.token_urlsafe(24),
        "devices_password": secrets.token_urlsafe(24),
    }
    found = UpSecrets(**{name: known.get(name, value) for name, value in generated.items()})
    if asdict(found) != known:
        write_private(path, json.dumps(asdict(found), indent=2) + "\n")
    return found
