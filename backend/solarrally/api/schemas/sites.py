"""Sites: where stations stand, in which zone and currency, and who issues the bills."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from solarrally.api.parameters import ShortText
from solarrally.api.schemas.changes import NOT_GIVEN, says_something
from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.storage.queries import SiteRow

_DESCRIBED_EXAMPLE: Final[JsonDict] = {
    "name": "Ocho Rios",
    "timezone": "America/Jamaica",
    "currency": "JMD",
    "address": "12 Main Street",
    "city": "Ocho Rios",
    "postal_code": None,
    "country": "JAM",
    "latitude_deg": 18.4074,
    "longitude_deg": -77.1031,
    "operator_name": "SolarRally Ltd",
    "operator_tax_id": "001-234-567",
}
_SITE_EXAMPLE: Final[JsonDict] = {"id": 2, **_DESCRIBED_EXAMPLE, "created_at": "2026-11-21T07:00:00Z"}
_NEW_EXAMPLE: Final[JsonDict] = {
    **_DESCRIBED_EXAMPLE,
    "price_solar_per_kwh": "10.00",
    "price_grid_per_kwh": "50.00",
    "vat_percent": "15",
}


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _is_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("must be an IANA time zone such as America/Jamaica")
    return name


TimezoneName = Annotated[ShortText, AfterValidator(_is_zone)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
PriceText = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,8}(\.[0-9]{1,4})?$"),
    Field(description="Decimal as text, at most 4 decimals, in the site's currency."),
]
PercentText = Annotated[
    str,
    StringConstraints(pattern=r"^(100(\.00?)?|[0-9]{1,2}(\.[0-9]{1,2})?)$"),
    Field(description="Decimal as text, 0 to 100."),
]


class Site(Answer):
    """A place with stations."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SITE_EXAMPLE]})

    id: int
    name: str
    timezone: str = Field(description="IANA; days and months of its statistics begin at its midnight.")
    currency: str = Field(description="ISO 4217; of its tariffs, sessions and bills.")
    address: str | None
    city: str | None
    postal_code: str | None
    country: str | None = Field(description="ISO 3166-1 alpha-3.")
    latitude_deg: float | None
    longitude_deg: float | None
    operator_name: str | None = Field(description="Who issues the bills.")
    operator_tax_id: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: SiteRow) -> Site:
        return cls(
            id=row.id,
            name=row.name,
            timezone=row.timezone,
            currency=row.currency,
            address=row.address,
            city=row.city,
            postal_code=row.postal_code,
            country=row.country,
            latitude_deg=row.latitude_deg,
            longitude_deg=row.longitude_deg,
            operator_name=row.operator_name,
            operator_tax_id=row.operator_tax_id,
            created_at=row.created_at,
        )


class SitePage(PageAnswer):
    """Sites."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_SITE_EXAMPLE], "next_cursor": None}]}
    )

    items: list[Site]


class _Whereabouts(BaseModel):
    """What may be left out of a site."""

    model_config = ConfigDict(extra="forbid", strict=True)

    address: ShortText | None = None
    city: ShortText | None = None
    postal_code: ShortText | None = None
    country: Country | None = None
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None
    operator_name: ShortText | None = None
    operator_tax_id: ShortText | None = None


class NewSite(_Whereabouts):
    """A site to be made, with its first prices: they hold until a tariff changes them."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW_EXAMPLE]})

    name: ShortText
    timezone: TimezoneName
    currency: Currency
    price_solar_per_kwh: PriceText
    price_grid_per_kwh: PriceText
    vat_percent: PercentText = "0"


class SiteChange(_Whereabouts):
    """Only the fields given change; null clears those that may be unknown."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"city": "Kingston", "postal_code": None}]})

    name: ShortText = NOT_GIVEN
    timezone: TimezoneName = NOT_GIVEN
    currency: Currency = NOT_GIVEN

    _says_something = says_something
