"""What stations prove their identity with, for operators: never a secret."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict, Field

from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.storage.queries.credentials import CredentialRow


class Credential(Answer):
    """A certificate or a password that a station has, or had."""

    id: int
    kind: str = Field(description="`certificate`, `password` or `aws_iot`.")
    reference: str = Field(
        description="SHA-256 of the certificate, the user name, or the certificate's id at AWS IoT."
    )
    serial_hex: str | None = Field(description="Of the certificate, as revocation lists name it.")
    not_before: datetime | None
    not_after: datetime | None = Field(description="null: it holds until it is revoked.")
    created_at: datetime
    created_by: str
    revoked_at: datetime | None
    revoked_by: str | None

    @classmethod
    def of(cls, row: CredentialRow) -> Credential:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class CredentialPage(PageAnswer):
    """Credentials of one EVSE, the newest first, with those that were revoked or have ended."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "id": 7,
                            "kind": "certificate",
                            "reference": "5f1d0c7ad2c07b1c2ed9cb3f1a3ec8d6b1f8d8f1f39a64a3e1bd5d6a1d7a9c3e",
                            "serial_hex": "18DBABB313D46D1E81B01A75E2E75A4B42903094",
                            "not_before": "2026-11-21T06:00:00Z",
                            "not_after": "2027-11-21T07:00:00Z",
                            "created_at": "2026-11-21T07:00:00Z",
                            "created_by": "cli",
                            "revoked_at": None,
                            "revoked_by": None,
                        }
                    ],
                    "next_cursor": None,
                }
            ]
        }
    )

    items: list[Credential]
