"""Random text that is shown once, and the hash of it that is stored."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

SECRET_LENGTH: Final = 43
"""Characters of base64url that 256 bits take."""


def new_secret() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    """SHA-256: what is random needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
