"""What everybody may see without a login."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from solarrally.api.account_rules import RegistrationMode
from solarrally.api.schemas.common import Answer


class PublicConnector(Answer):
    """Whether a connector is free, and what fits it."""

    connector_id: int
    status: Literal["available", "charging", "occupied", "unavailable", "faulted", "unknown"] = Field(
        description="`occupied`: a vehicle is there, or it is reserved; `unknown`: the station is offline."
    )
    standard: str | None = Field(description="OCPI's ConnectorType, such as IEC_62196_T2.")
    power_type: str | None = Field(description="OCPI's PowerType, such as AC_3_PHASE.")


class PublicEvse(Answer):
    """A station."""

    evse_uid: str
    name: str | None
    is_online: bool
    connectors: list[PublicConnector]


class PublicSite(Answer):
    """A site with its stations, by evse_uid."""

    name: str
    city: str | None
    timezone: str = Field(description="IANA zone.")
    evses: list[PublicEvse]


class PublicStatusAnswer(Answer):
    """All sites with the stations that are enabled, by name: nothing of sessions, energy, people or money."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "generated_at": "2026-11-21T07:21:09Z",
                    "is_complete": True,
                    "sites": [
                        {
                            "name": "Main site",
                            "city": "Kingston",
                            "timezone": "America/Jamaica",
                            "evses": [
                                {
                                    "evse_uid": "CP-0001",
                                    "name": "Car park, left",
                                    "is_online": True,
                                    "connectors": [
                                        {
                                            "connector_id": 1,
                                            "status": "available",
                                            "standard": "IEC_62196_T2",
                                            "power_type": "AC_3_PHASE",
                                        }
                                    ],
                                }
                            ],
                        }
                    ],
                }
            ]
        }
    )

    generated_at: datetime = Field(
        description="When this was read. After a 304 nothing else has changed, up to that answer's time."
    )
    is_complete: bool = Field(description="false: of more than 10,000 stations the last are left out.")
    sites: list[PublicSite]


class PublicConfig(Answer):
    """What a login page must know before anybody has logged in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": "0.1.0",
                    "registration": "invitation",
                    "can_reset_password": True,
                    "has_public_status": False,
                }
            ]
        }
    )

    version: str = Field(description="Of the API.")
    registration: RegistrationMode = Field(
        description="closed: only administrators add users; invitation: or invite; open: anybody registers."
    )
    can_reset_password: bool = Field(description="Whether mails are sent.")
    has_public_status: bool = Field(description="Whether `GET /public/status` answers.")
