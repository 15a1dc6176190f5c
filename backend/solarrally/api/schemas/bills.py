"""Bills, and their lines."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.domain.periods import PricedPeriod
from solarrally.storage.queries import BillRow, Issuer

_LINE_EXAMPLE: Final[JsonDict] = {
    "started_at": "2026-11-21T06:00:00Z",
    "ended_at": "2026-11-21T07:00:00Z",
    "energy_solar_wh": 5000,
    "energy_grid_wh": 2200,
    "energy_unattributed_wh": 0,
    "price_solar_per_kwh": "10.0000",
    "price_grid_per_kwh": "50.0000",
    "cost": "160.0000",
}
_BILL_EXAMPLE: Final[JsonDict] = {
    "id": "0a4f7f0e-8f3b-4f0d-8a51-7b9d4a1e2c33",
    "number": 1042,
    "session_id": "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
    "revision": 1,
    "kind": "invoice",
    "credits_bill_id": None,
    "site_id": 1,
    "evse_uid": "CP-0001",
    "connector_id": 1,
    "id_token": "04A2B3C4",
    "started_at": "2026-11-21T06:00:00Z",
    "ended_at": "2026-11-21T07:00:00Z",
    "energy_solar_wh": 5000,
    "energy_grid_wh": 2200,
    "energy_unattributed_wh": 0,
    "tariff_id": 1,
    "price_solar_per_kwh": "10.0000",
    "price_grid_per_kwh": "50.0000",
    "currency": "JMD",
    "lines": [_LINE_EXAMPLE],
    "total": "160.0000",
    "vat_percent": "15.00",
    "vat": "24.0000",
    "total_incl_vat": "184.0000",
    "issuer": {
        "name": "Ocho Rios",
        "address": "12 Main Street",
        "city": "Ocho Rios",
        "postal_code": None,
        "country": "JAM",
        "operator_name": "SolarRally Ltd",
        "operator_tax_id": "001-234-567",
        "timezone": "America/Jamaica",
    },
    "issued_at": "2026-11-21T07:00:00.052Z",
}


class BillLine(Answer):
    """A part of a session at one price."""

    started_at: datetime
    ended_at: datetime
    energy_solar_wh: int
    energy_grid_wh: int
    energy_unattributed_wh: int = Field(description="Energy whose source nobody said; billed as grid.")
    price_solar_per_kwh: Decimal = Field(description="Decimal as text, without VAT.")
    price_grid_per_kwh: Decimal
    cost: Decimal = Field(description="Exact, without VAT: only the total is rounded.")

    @classmethod
    def of(cls, line: PricedPeriod) -> BillLine:
        return cls(
            started_at=line.started_at,
            ended_at=line.ended_at,
            energy_solar_wh=line.energy_solar_wh,
            energy_grid_wh=line.energy_grid_wh,
            energy_unattributed_wh=line.energy_unattributed_wh,
            price_solar_per_kwh=line.price_solar_per_kwh,
            price_grid_per_kwh=line.price_grid_per_kwh,
            cost=line.cost,
        )


class BillIssuer(Answer):
    """The site and its operator, as they were when the bill was issued. null is unknown."""

    name: str | None
    address: str | None
    city: str | None
    postal_code: str | None
    country: str | None = Field(description="ISO 3166-1 alpha-3.")
    operator_name: str | None
    operator_tax_id: str | None
    timezone: str | None = Field(description="IANA.")

    @classmethod
    def of(cls, issuer: Issuer) -> BillIssuer:
        return cls(
            name=issuer.name,
            address=issuer.address,
            city=issuer.city,
            postal_code=issuer.postal_code,
            country=issuer.country,
            operator_name=issuer.operator_name,
            operator_tax_id=issuer.operator_tax_id,
            timezone=issuer.timezone,
        )


class Bill(Answer):
    """One bill. It never changes: a correction is a credit (negative total) and a new invoice."""

    model_config = ConfigDict(json_schema_extra={"examples": [_BILL_EXAMPLE]})

    id: UUID
    number: int
    session_id: UUID
    revision: int
    kind: Literal["invoice", "credit"]
    credits_bill_id: UUID | None = Field(description="The invoice that a credit takes back.")
    site_id: int
    evse_uid: str
    connector_id: int
    id_token: str | None
    started_at: datetime
    ended_at: datetime
    energy_solar_wh: int
    energy_grid_wh: int
    energy_unattributed_wh: int
    tariff_id: int
    price_solar_per_kwh: Decimal = Field(description="The base price; `lines` has those that applied.")
    price_grid_per_kwh: Decimal
    currency: str
    lines: list[BillLine] = Field(description="By price and time, in order; they add up to the figures.")
    total: Decimal = Field(description="Without VAT. Decimal as text, never a float; in `currency`.")
    vat_percent: Decimal
    vat: Decimal = Field(description="On the total, rounded half up to the currency's minor unit.")
    total_incl_vat: Decimal
    issuer: BillIssuer
    issued_at: datetime

    @classmethod
    def of(cls, row: BillRow) -> Bill:
        return cls(
            id=row.id,
            number=row.number,
            session_id=row.session_id,
            revision=row.revision,
            kind="credit" if row.kind == "credit" else "invoice",
            credits_bill_id=row.credits_bill_id,
            site_id=row.site_id,
            evse_uid=row.evse_uid,
            connector_id=row.connector_id,
            id_token=row.id_token,
            started_at=row.started_at,
            ended_at=row.ended_at,
            energy_solar_wh=row.energy_solar_wh,
            energy_grid_wh=row.energy_grid_wh,
            energy_unattributed_wh=row.energy_unattributed_wh,
            tariff_id=row.tariff_id,
            price_solar_per_kwh=row.price_solar_per_kwh,
            price_grid_per_kwh=row.price_grid_per_kwh,
            currency=row.currency,
            lines=[BillLine.of(line) for line in row.lines],
            total=row.total,
            vat_percent=row.vat_percent,
            vat=row.vat,
            total_incl_vat=row.total + row.vat,
            issuer=BillIssuer.of(row.issuer),
            issued_at=row.issued_at,
        )


class BillPage(PageAnswer):
    """Bills, newest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_BILL_EXAMPLE], "next_cursor": None}]}
    )

    items: list[Bill]


class BillList(Answer):
    """All bills of one session, in the order they were issued."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_BILL_EXAMPLE]}]})

    items: list[Bill]
