"""Tariffs: versions of a site's prices, by energy source and time of day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from solarrally.api.parameters import AnyId, Instant
from solarrally.api.schemas.bills import BillLine
from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.api.schemas.sites import Currency, PercentText, PriceText
from solarrally.domain.periods import PricedPeriod
from solarrally.domain.tariff import DAYS, TariffElement
from solarrally.storage.queries import MeasuredSession, TariffRow

MAX_ELEMENTS: Final = 50

_ELEMENT_EXAMPLE: Final[JsonDict] = {
    "day_of_week": ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"],
    "start_time": "17:00",
    "end_time": "21:00",
    "price_solar_per_kwh": "10.00",
    "price_grid_per_kwh": "80.00",
}
_PRICES_EXAMPLE: Final[JsonDict] = {
    "price_solar_per_kwh": "10.00",
    "price_grid_per_kwh": "50.00",
    "vat_percent": "15",
    "elements": [_ELEMENT_EXAMPLE],
}
_TARIFF_EXAMPLE: Final[JsonDict] = {
    "id": 12,
    "site_id": 1,
    "valid_from": "2026-12-01T05:00:00Z",
    "is_current": False,
    "currency": "JMD",
    "price_solar_per_kwh": "10.0000",
    "price_grid_per_kwh": "50.0000",
    "vat_percent": "15.00",
    "elements": [_ELEMENT_EXAMPLE],
    "timezone": "America/Jamaica",
    "created_at": "2026-11-21T07:00:00Z",
}


def _each_once(days: Sequence[str]) -> Sequence[str]:
    if len(set(days)) != len(days):
        raise ValueError("names a day twice")
    return days


DayOfWeek = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
assert DayOfWeek.__args__ == DAYS  # type: ignore[attr-defined]
StartTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):(00|15|30|45)$")]
EndTime = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):(00|15|30|45)|24:00)$")]
Days = Annotated[
    list[DayOfWeek],
    Field(max_length=len(DAYS), json_schema_extra={"uniqueItems": True}),
    AfterValidator(_each_once),
]


class ElementAsked(BaseModel):
    """Prices at a time of day."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [_ELEMENT_EXAMPLE]})

    day_of_week: Days = Field(
        default=[],
        description="OCPI's words; empty: every day. Of one that goes over midnight, the day it starts on.",
    )
    start_time: StartTime = Field(
        default="00:00", description="By the site's clocks, on a quarter of an hour."
    )
    end_time: EndTime = Field(
        default="24:00", description="An end that is not after the start is on the next day."
    )
    price_solar_per_kwh: PriceText
    price_grid_per_kwh: PriceText

    def element(self) -> TariffElement:
        return TariffElement(
            day_of_week=tuple(self.day_of_week),
            start_time=self.start_time,
            end_time=self.end_time,
            price_solar_per_kwh=Decimal(self.price_solar_per_kwh),
            price_grid_per_kwh=Decimal(self.price_grid_per_kwh),
        )


class PricesAsked(BaseModel):
    """Prices without VAT. The first element that holds at a time counts, else the base prices."""

    model_config = ConfigDict(extra="forbid", strict=True)

    price_solar_per_kwh: PriceText
    price_grid_per_kwh: PriceText = Field(description="Also of energy that cannot be attributed.")
    vat_percent: PercentText = "0"
    elements: list[ElementAsked] = Field(default=[], max_length=MAX_ELEMENTS)

    def values(self) -> dict[str, Any]:
        """The prices as exact decimals, by the names of `Tariff`."""
        return {
            "price_solar_per_kwh": Decimal(self.price_solar_per_kwh),
            "price_grid_per_kwh": Decimal(self.price_grid_per_kwh),
            "vat_percent": Decimal(self.vat_percent),
            "elements": tuple(element.element() for element in self.elements),
        }


class NewTariff(PricesAsked):
    """A version of a site's prices, to come into force."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"site_id": 1, **_PRICES_EXAMPLE}]})

    site_id: Annotated[int, Field(ge=1, le=2**31 - 1)]
    valid_from: Annotated[Instant, Field(strict=False)] | None = Field(
        default=None,
        description="Sessions that start from then on have it. At least two minutes ahead; null: just that.",
    )
    currency: Currency | None = Field(default=None, description="ISO 4217; the site's, which it must be.")


class PreviewAsked(PricesAsked):
    """Prices to try on a session."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"session_id": "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77", **_PRICES_EXAMPLE}]
        }
    )

    session_id: AnyId


class Element(Answer):
    """Prices at a time of day, by the clocks of `timezone`."""

    day_of_week: list[str] = Field(description="Empty: every day.")
    start_time: str
    end_time: str
    price_solar_per_kwh: Decimal
    price_grid_per_kwh: Decimal

    @classmethod
    def of(cls, element: TariffElement) -> Element:
        return cls(
            day_of_week=list(element.day_of_week),
            start_time=element.start_time,
            end_time=element.end_time,
            price_solar_per_kwh=element.price_solar_per_kwh,
            price_grid_per_kwh=element.price_grid_per_kwh,
        )


class Tariff(Answer):
    """One version of a site's prices. It never changes: other prices are another version."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TARIFF_EXAMPLE]})

    id: int
    site_id: int
    valid_from: datetime
    is_current: bool = Field(description="Whether a session that starts now has it.")
    currency: str
    price_solar_per_kwh: Decimal = Field(description="Decimal as text, without VAT.")
    price_grid_per_kwh: Decimal = Field(description="Also of energy that cannot be attributed.")
    vat_percent: Decimal
    elements: list[Element] = Field(description="The first that holds at a time counts.")
    timezone: str = Field(description="IANA; whose clocks the elements go by.")
    created_at: datetime

    @classmethod
    def of(cls, row: TariffRow) -> Tariff:
        return cls(
            id=row.id,
            site_id=row.site_id,
            valid_from=row.valid_from,
            is_current=row.is_current,
            currency=row.currency,
            price_solar_per_kwh=row.price_solar_per_kwh,
            price_grid_per_kwh=row.price_grid_per_kwh,
            vat_percent=row.vat_percent,
            elements=[Element.of(element) for element in row.elements],
            timezone=row.timezone,
            created_at=row.created_at,
        )


class TariffPage(PageAnswer):
    """Tariffs."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_TARIFF_EXAMPLE], "next_cursor": None}]}
    )

    items: list[Tariff]


class Preview(Answer):
    """What a session would cost under the prices, beside what it costs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_id": "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
                    "currency": "JMD",
                    "lines": [
                        {
                            "started_at": "2026-11-21T06:00:00Z",
                            "ended_at": "2026-11-21T07:00:00Z",
                            "energy_solar_wh": 5000,
                            "energy_grid_wh": 2200,
                            "energy_unattributed_wh": 0,
                            "price_solar_per_kwh": "10.0000",
                            "price_grid_per_kwh": "80.0000",
                            "cost": "226.0000",
                        }
                    ],
                    "total": "226.00",
                    "vat": "33.90",
                    "total_incl_vat": "259.90",
                    "present_total": "160.00",
                    "present_total_incl_vat": "184.00",
                }
            ]
        }
    )

    session_id: UUID
    currency: str
    lines: list[BillLine]
    total: Decimal = Field(description="Without VAT. Decimal as text.")
    vat: Decimal
    total_incl_vat: Decimal
    present_total: Decimal = Field(description="Under the tariff it has, without VAT.")
    present_total_incl_vat: Decimal

    @classmethod
    def of(
        cls,
        measured: MeasuredSession,
        lines: Sequence[PricedPeriod],
        *,
        total: Decimal,
        vat: Decimal,
        present_vat: Decimal,
    ) -> Preview:
        return cls(
            session_id=measured.session_id,
            currency=measured.currency,
            lines=[BillLine.of(line) for line in lines],
            total=total,
            vat=vat,
            total_incl_vat=total + vat,
            present_total=measured.cost,
            present_total_incl_vat=measured.cost + present_vat,
        )
