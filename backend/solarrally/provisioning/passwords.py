"""Passwords for devices: made by us, long enough that nobody guesses them, and typed in by people."""

from __future__ import annotations

import secrets
import string
from typing import Final

from solarrally.errors import SolarRallyError

PASSWORD_LENGTH: Final = 24
"""143 bits. Letters and digits need no quoting anywhere."""
SHORTEST: Final = 16
"""95 bits."""
MOST_CHARACTERS: Final = {"goe_v1": 16}
"""What some devices take, of user name and password: goecharger/go-eCharger-API-v1, `mcu` and `mck`."""


class NameTooLong(SolarRallyError):
    """The device cannot hold its own name as a user name."""


def new_password(dialect: str) -> str:
    alphabet = string.ascii_letters + string.digits
    length = min(PASSWORD_LENGTH, MOST_CHARACTERS.get(dialect, PASSWORD_LENGTH))
    return "".join(secrets.choice(alphabet) for _ in range(max(length, SHORTEST)))


def check_username(dialect: str, evse_uid: str) -> None:
    """Raises `NameTooLong`."""
    most = MOST_CHARACTERS.get(dialect, len(evse_uid))
    if len(evse_uid) > most:
        raise NameTooLong(f"a {dialect} takes user names of at most {most} characters: {evse_uid} is longer")
