"""Who uses the page in the tests: one person of each built-in role."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

ROLES: Final = ("admin", "operator", "user", "guest")
DRIVER_TOKEN: Final = "04A2B3C4D5"
"""The card of the driver, who has the role `user`."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Person:
    """An account, with its password."""

    username: str
    password: str
    role: str
    id_token: str | None = None


def newcomers() -> list[Person]:
    """Everybody but the administrator, whom the stack makes itself."""
    return [
        Person(username="olga", password=new_password(), role="operator"),
        Person(username="dora", password=new_password(), role="user", id_token=DRIVER_TOKEN),
        Person(username="gast", password=new_password(), role="guest"),
    ]


def new_password() -> str:
    """One that nobody had before."""
    return secrets.token_urlsafe(16)


def new_username() -> str:
    """One that nobody has."""
    return f"person-{secrets.token_hex(4)}"
