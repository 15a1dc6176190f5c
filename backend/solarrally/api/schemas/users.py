"""Users, logins and live tickets."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from solarrally.api.parameters import ShortText
from solarrally.api.permissions import PERMISSIONS_OF_ROLE
from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.storage.users import (
    MAX_ID_TOKEN_LENGTH,
    MAX_PASSWORD_LENGTH,
    MIN_PASSWORD_LENGTH,
    USERNAME_PATTERN,
    Account,
)

RoleWord = Literal["admin", "operator", "user", "guest"]

_USER_EXAMPLE: Final[JsonDict] = {
    "id": 7,
    "username": "dora",
    "role": "user",
    "id_token": "04A2B3C4",
    "is_active": True,
    "created_at": "2026-11-21T07:00:00Z",
}


class User(Answer):
    """An account."""

    model_config = ConfigDict(json_schema_extra={"examples": [_USER_EXAMPLE]})

    id: int
    username: str
    role: RoleWord
    id_token: str | None = Field(description="Sessions with this token are the user's own.")
    is_active: bool
    created_at: datetime

    @classmethod
    def of(cls, account: Account) -> User:
        return cls(
            id=account.id,
            username=account.username,
            role=account.role.value,
            id_token=account.id_token,
            is_active=account.is_active,
            created_at=account.created_at,
        )


class UserPage(PageAnswer):
    """Users in the order of their ids."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_USER_EXAMPLE], "next_cursor": None}]}
    )

    items: list[User]


class NewUser(BaseModel):
    """A user to add."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "username": "dora",
                    "password": "correct horse battery",
                    "role": "user",
                    "id_token": "04A2B3C4",
                }
            ]
        },
    )

    username: str = Field(
        pattern=USERNAME_PATTERN, description="Lower-case ASCII, so that no two names look alike."
    )
    password: str = Field(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)
    role: RoleWord
    id_token: str | None = Field(default=None, min_length=1, max_length=MAX_ID_TOKEN_LENGTH)


class Me(Answer):
    """Who the token speaks for, and what it may do."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user": _USER_EXAMPLE,
                    "permissions": ["live:subscribe", "session:read_own", "status:read"],
                }
            ]
        }
    )

    user: User
    permissions: list[str]

    @classmethod
    def of(cls, account: Account) -> Me:
        return cls(user=User.of(account), permissions=sorted(PERMISSIONS_OF_ROLE[account.role]))


class LoginForm(BaseModel):
    """OAuth2's password form (RFC 6749 4.3.2), for our own user interfaces only (RFC 9700 2.4)."""

    model_config = ConfigDict(extra="forbid")

    username: ShortText
    password: str = Field(min_length=1, max_length=MAX_PASSWORD_LENGTH)
    grant_type: Literal["password"] | None = None
    scope: Literal[""] | None = Field(default=None, description="Not used: the role decides.")
    client_id: Literal[""] | None = Field(default=None, description="Not used.")
    client_secret: Literal[""] | None = Field(default=None, description="Not used.")


class AccessToken(Answer):
    """An access token for the Authorization header."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"access_token": "eyJhbGciOi…", "token_type": "bearer", "expires_in_s": 900}]
        }
    )

    access_token: str
    token_type: Literal["bearer"]
    expires_in_s: int


class LiveTicket(Answer):
    """A ticket that opens the live WebSocket once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ticket": "qL0C0k2S6oV0y8c7R0aZ3w1n6x0a9b1c2d3e4f5g6h7",
                    "expires_at": "2026-11-21T07:00:30Z",
                    "expires_in_s": 30,
                }
            ]
        }
    )

    ticket: str = Field(description="Sent as the WebSocket subprotocol `ticket.<ticket>`.")
    expires_at: datetime
    expires_in_s: int
