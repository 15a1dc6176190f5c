"""The users, and what may be changed of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from solarrally.api.parameters import without_nul
from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.storage.users import (
    MAX_ID_TOKEN_LENGTH,
    MAX_MAIL_ADDRESS_LENGTH,
    MAX_PASSWORD_LENGTH,
    MIN_PASSWORD_LENGTH,
    ROLE_NAME_PATTERN,
    USERNAME_PATTERN,
    Account,
    InvalidUser,
    mail_address,
)


def _stored_mail_address(text: str) -> str:
    try:
        return mail_address(text)
    except InvalidUser as error:
        raise ValueError(error.message) from error


RoleName = Annotated[str, StringConstraints(pattern=ROLE_NAME_PATTERN)]
"""Of a built-in role, or of one that was made here."""
IdToken = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_ID_TOKEN_LENGTH), AfterValidator(without_nul)
]
MailAddress = Annotated[
    str,
    StringConstraints(min_length=3, max_length=MAX_MAIL_ADDRESS_LENGTH),
    AfterValidator(_stored_mail_address),
]

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


class User(Answer):
    """An account."""

    model_config = ConfigDict(json_schema_extra={"examples": [_USER_EXAMPLE]})

    id: int
    username: str
    email: str | None
    role: str
    id_token: str | None = Field(description="Sessions with this token are the user's own.")
    is_active: bool
    created_at: datetime
    password_changed_at: datetime

    @classmethod
    def of(cls, account: Account) -> User:
        return cls(
            id=account.id,
            username=account.username,
            email=account.email,
            role=account.role,
            id_token=account.id_token,
            is_active=account.is_active,
            created_at=account.created_at,
            password_changed_at=account.password_changed_at,
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
                    "email": "dora@example.org",
                }
            ]
        },
    )

    username: str = Field(
        pattern=USERNAME_PATTERN, description="Lower-case ASCII, so that no two names look alike."
    )
    password: str = Field(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)
    role: RoleName
    id_token: IdToken | None = None
    email: MailAddress | None = None


class UserChange(BaseModel):
    """What is to change of a user; what is not named stays."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"is_active": False}, {"role": "operator", "id_token": None}]},
    )

    role: RoleName = Field(default_factory=str)
    is_active: bool = Field(
        default_factory=bool, description="False: all that the user has open ends within 30 s."
    )
    id_token: IdToken | None = Field(default=None, description="null: no sessions are the user's own.")
    email: MailAddress | None = Field(
        default=None, description="null: none, and the password cannot be reset by mail."
    )

    @model_validator(mode="after")
    def _names_a_field(self) -> UserChange:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        return self
