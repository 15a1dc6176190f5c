"""API keys for machines."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from solarrally.api.parameters import Instant, UserId, without_nul
from solarrally.api.permissions import Permission
from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.storage.edits.api_keys import MAX_KEY_NAME_LENGTH
from solarrally.storage.queries import ApiKeyRow

_KEY_EXAMPLE: Final[JsonDict] = {
    "id": 3,
    "name": "Grafana",
    "prefix": "srk_Zk81mQpA",
    "user_id": 7,
    "username": "dora",
    "scopes": ["evse:read", "stats:read"],
    "created_at": "2026-11-21T07:00:00Z",
    "expires_at": "2027-05-21T07:00:00Z",
    "last_used_at": None,
    "revoked_at": None,
}


class ApiKey(Answer):
    """A key, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY_EXAMPLE]})

    id: int
    name: str
    prefix: str = Field(description="What the key begins with.")
    user_id: int
    username: str
    scopes: list[str] = Field(description="It may what is named here and its owner's role allows, both.")
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: ApiKeyRow) -> ApiKey:
        return cls(
            id=row.id,
            name=row.name,
            prefix=row.prefix,
            user_id=row.user_id,
            username=row.username,
            scopes=list(row.scopes),
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
            revoked_at=row.revoked_at,
        )


class ApiKeyPage(PageAnswer):
    """Keys in the order of their ids."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_KEY_EXAMPLE], "next_cursor": None}]}
    )

    items: list[ApiKey]


class NewApiKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "name": "Grafana",
                    "scopes": ["evse:read", "stats:read"],
                    "expires_at": "2027-05-21T07:00:00Z",
                }
            ]
        },
    )

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=MAX_KEY_NAME_LENGTH),
        AfterValidator(without_nul),
    ]
    scopes: list[str] = Field(
        min_length=1, max_length=len(Permission), description="Permissions; see `GET /permissions`."
    )
    expires_at: Instant = Field(strict=False, description="In the future, at most 366 days.")
    user_id: UserId | None = Field(
        default=None, description="The owner, if not the caller; that needs `user:write`."
    )


class MadeApiKey(Answer):
    """A key that was made. Nobody can read the secret a second time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "api_key": _KEY_EXAMPLE,
                    "secret": "srk_Zk81mQpA_qL0C0k2S6oV0y8c7R0aZ3w1n6x0a9b1c2d3e4f5g6h7",
                }
            ]
        }
    )

    api_key: ApiKey
    secret: str = Field(description="Sent as `Authorization: Bearer <secret>`.")
