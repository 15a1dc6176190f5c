"""Roles, and the permissions that they are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from solarrally.api.parameters import without_nul
from solarrally.api.permissions import Permission
from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.api.schemas.users import RoleName
from solarrally.storage.queries.roles import RoleRow

MAX_DESCRIPTION_LENGTH: Final = 500

_ROLE_EXAMPLE: Final[JsonDict] = {
    "name": "accountant",
    "description": "Sees bills and exports them.",
    "permissions": ["bill:read", "export:read"],
    "is_built_in": False,
    "created_at": "2026-11-21T07:00:00Z",
}

Description = Annotated[
    str, StringConstraints(max_length=MAX_DESCRIPTION_LENGTH), AfterValidator(without_nul)
]


def _known(words: list[str]) -> list[str]:
    unknown = sorted(set(words) - set(Permission))
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)[:200]}; GET /permissions lists all")
    return words


Permissions = Annotated[
    list[Annotated[str, StringConstraints(max_length=64)]],
    Field(max_length=100, description="Each `resource:action`, as `GET /permissions` lists them."),
    AfterValidator(_known),
]


class Role(Answer):
    """A role and what it allows."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ROLE_EXAMPLE]})

    name: str
    description: str
    permissions: list[str]
    is_built_in: bool = Field(description="It can be neither changed nor removed.")
    created_at: datetime

    @classmethod
    def of(cls, row: RoleRow) -> Role:
        return cls(
            name=row.name,
            description=row.description,
            permissions=sorted(row.permissions),
            is_built_in=row.is_built_in,
            created_at=row.created_at,
        )


class RolePage(PageAnswer):
    """Roles in the order of their names."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_ROLE_EXAMPLE], "next_cursor": None}]}
    )

    items: list[Role]


class NewRole(BaseModel):
    """A role to make."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "name": "accountant",
                    "description": "Sees bills and exports them.",
                    "permissions": ["bill:read", "export:read"],
                }
            ]
        },
    )

    name: RoleName
    description: Description = ""
    permissions: Permissions


class RoleChange(BaseModel):
    """What is to change of a role; what is not named stays."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"permissions": ["bill:read", "export:read", "stats:read"]}]},
    )

    description: Description = Field(default_factory=str)
    permissions: Permissions = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_a_field(self) -> RoleChange:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        return self


class PermissionInWords(Answer):
    """A permission, and who has it from the beginning."""

    name: str
    description: str
    built_in_roles: list[str] = Field(description="The built-in roles that have it.")


class PermissionList(Answer):
    """All permissions there are."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "name": "bill:read",
                            "description": "See all bills.",
                            "built_in_roles": ["admin", "operator"],
                        }
                    ]
                }
            ]
        }
    )

    items: list[PermissionInWords]
