"""Logins, tokens, passwords and how one becomes a user."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from solarrally.api.parameters import ShortText
from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.api.schemas.users import IdToken, MailAddress, RoleName, User
from solarrally.api.security import Caller
from solarrally.storage.queries import LoginRow
from solarrally.storage.users import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, USERNAME_PATTERN

Username = Annotated[str, StringConstraints(pattern=USERNAME_PATTERN)]
NewPassword = Annotated[
    str, StringConstraints(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)
]
GivenPassword = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PASSWORD_LENGTH)]
OpaqueToken = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]

_USER_EXAMPLE: Final[JsonDict] = {
    "id": 7,
    "username": "dora",
    "email": "dora@example.org",
    "role": "user",
    "id_token": "04A2B3C4",
    "is_active": True,
    "created_at": "2026-11-21T07:00:00Z",
    "password_changed_at": "2026-11-21T07:00:00Z",
}
_TOKEN_EXAMPLE: Final = "qL0C0k2S6oV0y8c7R0aZ3w1n6x0a9b1c2d3e4f5g6h7"
_LOGIN_EXAMPLE: Final[JsonDict] = {
    "id": "0a6ff8a2-9c1e-4f0f-8e6e-0d5b4b1f7c55",
    "created_at": "2026-11-20T07:00:00Z",
    "last_used_at": "2026-11-21T07:00:00Z",
    "expires_at": "2026-12-20T07:00:00Z",
    "address": "203.0.113.7",
    "user_agent": "Mozilla/5.0",
    "ended_at": None,
    "end_reason": None,
    "is_current": True,
}


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
    def of(cls, caller: Caller) -> Me:
        return cls(user=User.of(caller.account), permissions=sorted(caller.permissions))


class LoginForm(BaseModel):
    """OAuth2's password form (RFC 6749 4.3.2), for our own user interfaces only (RFC 9700 2.4)."""

    model_config = ConfigDict(extra="forbid")

    username: ShortText
    password: str = Field(min_length=1, max_length=MAX_PASSWORD_LENGTH)
    grant_type: Literal["password"] | None = None
    scope: Literal[""] | None = Field(default=None, description="Not used: the role decides.")
    client_id: Literal[""] | None = Field(default=None, description="Not used.")
    client_secret: Literal[""] | None = Field(default=None, description="Not used.")
    cookie: bool = Field(
        default=False,
        description="For pages of ours: the refresh token comes as a cookie that no script can read.",
    )


class AccessToken(Answer):
    """An access token for the Authorization header, and the refresh token that gives the next one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "access_token": "eyJhbGciOi…",
                    "token_type": "bearer",
                    "expires_in_s": 900,
                    "refresh_token": _TOKEN_EXAMPLE,
                    "refresh_expires_at": "2026-11-28T07:00:00Z",
                }
            ]
        }
    )

    access_token: str
    token_type: Literal["bearer"]
    expires_in_s: int
    refresh_token: str | None = Field(description="Good once. null when it came as a cookie.")
    refresh_expires_at: datetime


class Refresh(BaseModel):
    """The refresh token of a client that keeps no cookie."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"refresh_token": _TOKEN_EXAMPLE}]}
    )

    refresh_token: OpaqueToken


class Login(Answer):
    """Somewhere the user is, or was, logged in."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LOGIN_EXAMPLE]})

    id: UUID
    created_at: datetime
    last_used_at: datetime = Field(description="When it was begun or last refreshed.")
    expires_at: datetime = Field(description="However often it is refreshed.")
    address: str | None = Field(description="Where it was last used from.")
    user_agent: str | None
    ended_at: datetime | None
    end_reason: str | None = Field(
        description="logout, revoked, reuse (a refresh token came twice), password_changed, password_reset "
        "or too_many."
    )
    is_current: bool = Field(description="The login that asks.")

    @classmethod
    def of(cls, row: LoginRow, current: UUID | None) -> Login:
        return cls(
            id=row.id,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            address=row.address,
            user_agent=row.user_agent,
            ended_at=row.ended_at,
            end_reason=row.end_reason,
            is_current=row.id == current,
        )


class LoginPage(PageAnswer):
    """Logins, the newest first unless asked otherwise."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_LOGIN_EXAMPLE], "next_cursor": None}]}
    )

    items: list[Login]


class PasswordChange(BaseModel):
    """Another password for the caller."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"current_password": "correct horse", "new_password": "correct horse battery"}]
        },
    )

    current_password: GivenPassword
    new_password: NewPassword


class PasswordResetRequest(BaseModel):
    """Whose password was forgotten."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"email": "dora@example.org"}]}
    )

    email: MailAddress


class PasswordReset(BaseModel):
    """A new password, with the token that was mailed."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"token": _TOKEN_EXAMPLE, "new_password": "correct horse battery"}]},
    )

    token: OpaqueToken
    new_password: NewPassword


class Registration(BaseModel):
    """Somebody who registers. What belongs to them (`id_token`) is said by an administrator, later."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {"username": "dora", "password": "correct horse battery", "email": "dora@example.org"}
            ]
        },
    )

    username: Username
    password: NewPassword
    email: MailAddress | None = None


class NewInvitation(BaseModel):
    """Whom to invite, and what they become."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"email": "dora@example.org", "role": "user", "id_token": "04A2B3C4"}]
        },
    )

    email: MailAddress
    role: RoleName
    id_token: IdToken | None = None


class Invited(Answer):
    """An invitation that was mailed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "email": "dora@example.org",
                    "role": "user",
                    "id_token": "04A2B3C4",
                    "expires_at": "2026-11-28T07:00:00Z",
                }
            ]
        }
    )

    email: str
    role: str
    id_token: str | None
    expires_at: datetime


class InvitationAcceptance(BaseModel):
    """A username and a password, with the token that was mailed."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"token": _TOKEN_EXAMPLE, "username": "dora", "password": "correct horse battery"}]
        },
    )

    token: OpaqueToken
    username: Username
    password: NewPassword


class LiveTicket(Answer):
    """A ticket that opens the live WebSocket once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ticket": _TOKEN_EXAMPLE,
                    "expires_at": "2026-11-21T07:00:30Z",
                    "expires_in_s": 30,
                }
            ]
        }
    )

    ticket: str = Field(description="Sent as the WebSocket subprotocol `ticket.<ticket>`.")
    expires_at: datetime
    expires_in_s: int
