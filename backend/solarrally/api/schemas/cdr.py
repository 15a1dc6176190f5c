"""A bill as an OCPI 2.2.1 Charge Detail Record (`mod_cdrs.asciidoc`, `mod_tariffs.asciidoc`).

OCPI has one price of energy at a time and we have one for each source, so a tariff is two OCPI tariffs
(`12-solar` and `12-grid`), and a period with energy of both is two charging periods that begin together.
What OCPI requires and nobody told us (a country, the kind of a connector) is left out, not invented.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from pydantic import ConfigDict, Field, WithJsonSchema

from solarrally.api.bill_rules import BillRules
from solarrally.api.schemas.common import Answer
from solarrally.domain.periods import PricedPeriod
from solarrally.domain.tariff import TariffElement
from solarrally.storage.queries import BillContext, BillRow

Number = Annotated[Decimal, WithJsonSchema({"type": "number"})]
"""OCPI's number: exact decimals, written as JSON numbers."""
_WH_A_KWH: Final = 1000
_S_AN_HOUR: Final = 3600
_encoder: Final = msgspec.json.Encoder(decimal_format="number")


class CdrPrice(Answer):
    """OCPI's Price."""

    excl_vat: Number
    incl_vat: Number


class CdrDimension(Answer):
    """Energy in kWh, or time without any in hours."""

    type: Literal["ENERGY", "PARKING_TIME"]
    volume: Number


class CdrPeriod(Answer):
    """From its start to that of the next."""

    start_date_time: datetime
    dimensions: list[CdrDimension]
    tariff_id: str | None = None


class CdrToken(Answer):
    """Who charged."""

    country_code: str
    party_id: str
    uid: str
    type: Literal["OTHER", "AD_HOC_USER"]
    """Devices do not say what kind of token they read; without one nobody was asked."""
    contract_id: str


class CdrCoordinates(Answer):
    """Degrees, as OCPI writes them: text."""

    latitude: str
    longitude: str


class CdrLocation(Answer):
    """Where it was charged; the site as it was when the bill was issued."""

    id: str
    name: str | None = None
    address: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None
    coordinates: CdrCoordinates | None = None
    evse_uid: str
    evse_id: str
    connector_id: str
    connector_standard: str | None = None
    connector_format: str | None = None
    connector_power_type: str | None = None


class CdrPriceComponent(Answer):
    """Without VAT, a kWh."""

    type: Literal["ENERGY"] = "ENERGY"
    price: Number
    vat: Number
    step_size: int = 1


class CdrRestrictions(Answer):
    """By the clocks of the site."""

    start_time: str
    end_time: str
    day_of_week: list[str] | None = None


class CdrTariffElement(Answer):
    """A price, and when it holds."""

    price_components: list[CdrPriceComponent]
    restrictions: CdrRestrictions | None = None


class CdrEnergySource(Answer):
    """A share of the energy."""

    source: Literal["SOLAR"] = "SOLAR"
    percentage: int = 100


class CdrEnergyMix(Answer):
    """What the energy is made of."""

    is_green_energy: bool = True
    energy_sources: list[CdrEnergySource] = Field(default_factory=lambda: [CdrEnergySource()])


class CdrTariff(Answer):
    """The prices of one energy source."""

    country_code: str
    party_id: str
    id: str
    currency: str
    elements: list[CdrTariffElement]
    energy_mix: CdrEnergyMix | None = None
    last_updated: datetime


class Cdr(Answer):
    """OCPI 2.2.1's CDR. A credit has negative costs and names the CDR that it takes back."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "country_code": "JM",
                    "party_id": "SRY",
                    "id": "0a4f7f0e-8f3b-4f0d-8a51-7b9d4a1e2c33",
                    "start_date_time": "2026-11-21T06:00:00Z",
                    "end_date_time": "2026-11-21T07:00:00Z",
                    "session_id": "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
                    "cdr_token": {
                        "country_code": "JM",
                        "party_id": "SRY",
                        "uid": "04A2B3C4",
                        "type": "OTHER",
                        "contract_id": "04A2B3C4",
                    },
                    "auth_method": "WHITELIST",
                    "cdr_location": {
                        "id": "1",
                        "name": "Ocho Rios",
                        "evse_uid": "CP-0001",
                        "evse_id": "CP-0001",
                        "connector_id": "1",
                    },
                    "currency": "JMD",
                    "tariffs": [],
                    "charging_periods": [
                        {
                            "start_date_time": "2026-11-21T06:00:00Z",
                            "dimensions": [{"type": "ENERGY", "volume": 5}],
                            "tariff_id": "1-solar",
                        }
                    ],
                    "total_cost": {"excl_vat": 50.00, "incl_vat": 57.50},
                    "total_energy": 5,
                    "total_time": 1,
                    "invoice_reference_id": "1042",
                    "last_updated": "2026-11-21T07:00:00.052Z",
                }
            ]
        }
    )

    country_code: str
    party_id: str
    id: str
    start_date_time: datetime
    end_date_time: datetime
    session_id: str
    cdr_token: CdrToken
    auth_method: Literal["WHITELIST"] = "WHITELIST"
    cdr_location: CdrLocation
    currency: str
    tariffs: list[CdrTariff]
    charging_periods: list[CdrPeriod]
    total_cost: CdrPrice
    total_energy: Number
    total_time: Number
    invoice_reference_id: str
    credit: bool | None = None
    credit_reference_id: str | None = None
    last_updated: datetime

    @classmethod
    def of(cls, bill: BillRow, context: BillContext, rules: BillRules) -> Cdr:
        energy_wh = bill.energy_solar_wh + bill.energy_grid_wh + bill.energy_unattributed_wh
        is_credit = bill.kind == "credit"
        return cls(
            country_code=rules.country_code,
            party_id=rules.party_id,
            id=str(bill.id),
            start_date_time=bill.started_at,
            end_date_time=bill.ended_at,
            session_id=str(bill.session_id),
            cdr_token=_token(bill, rules),
            cdr_location=_location(bill, context),
            currency=bill.currency,
            tariffs=list(_tariffs(bill, context, rules)),
            charging_periods=list(_periods(bill)),
            total_cost=CdrPrice(excl_vat=bill.total, incl_vat=bill.total + bill.vat),
            total_energy=_kwh(energy_wh),
            total_time=_hours(bill.started_at, bill.ended_at),
            invoice_reference_id=str(bill.number),
            credit=True if is_credit else None,
            credit_reference_id=str(bill.credits_bill_id) if is_credit else None,
            last_updated=bill.issued_at,
        )

    def as_json(self) -> bytes:
        """With exact numbers, and without what is not known."""
        return _encoder.encode(self.model_dump(exclude_none=True))


def _token(bill: BillRow, rules: BillRules) -> CdrToken:
    uid = bill.id_token or str(bill.session_id)
    return CdrToken(
        country_code=rules.country_code,
        party_id=rules.party_id,
        uid=uid,
        type="AD_HOC_USER" if bill.id_token is None else "OTHER",
        contract_id=uid,
    )


def _location(bill: BillRow, context: BillContext) -> CdrLocation:
    coordinates = None
    if context.latitude_deg is not None and context.longitude_deg is not None:
        coordinates = CdrCoordinates(
            latitude=f"{context.latitude_deg:.6f}", longitude=f"{context.longitude_deg:.6f}"
        )
    issuer = bill.issuer
    return CdrLocation(
        id=str(bill.site_id),
        name=issuer.name,
        address=issuer.address,
        city=issuer.city,
        postal_code=issuer.postal_code,
        country=issuer.country,
        coordinates=coordinates,
        evse_uid=bill.evse_uid,
        evse_id=bill.evse_uid,
        connector_id=str(bill.connector_id),
        connector_standard=context.connector_standard,
        connector_format=context.connector_format,
        connector_power_type=context.connector_power_type,
    )


def _tariffs(bill: BillRow, context: BillContext, rules: BillRules) -> Iterator[CdrTariff]:
    for source, base_price in (("solar", bill.price_solar_per_kwh), ("grid", bill.price_grid_per_kwh)):
        elements = [
            CdrTariffElement(
                price_components=[
                    CdrPriceComponent(
                        price=element.price_solar_per_kwh
                        if source == "solar"
                        else element.price_grid_per_kwh,
                        vat=bill.vat_percent,
                    )
                ],
                restrictions=_restrictions(element),
            )
            for element in context.tariff_elements
        ]
        base = CdrTariffElement(price_components=[CdrPriceComponent(price=base_price, vat=bill.vat_percent)])
        yield CdrTariff(
            country_code=rules.country_code,
            party_id=rules.party_id,
            id=_tariff_id(bill, source),
            currency=bill.currency,
            elements=[*elements, base],
            energy_mix=CdrEnergyMix() if source == "solar" else None,
            last_updated=context.tariff_valid_from,
        )


def _restrictions(element: TariffElement) -> CdrRestrictions:
    return CdrRestrictions(
        start_time=element.start_time,
        end_time="00:00" if element.end_time == "24:00" else element.end_time,
        day_of_week=list(element.day_of_week) or None,
    )


def _periods(bill: BillRow) -> Iterator[CdrPeriod]:
    """Each line by source; where lines leave a gap, nothing flowed."""
    until = bill.started_at
    for line in bill.lines:
        if line.started_at > until:
            yield _idle(until, line.started_at)
        yield from _of_line(bill, line)
        until = line.ended_at
    if bill.ended_at > until:
        yield _idle(until, bill.ended_at)


def _of_line(bill: BillRow, line: PricedPeriod) -> Iterator[CdrPeriod]:
    from_grid_wh = line.energy_grid_wh + line.energy_unattributed_wh
    if line.energy_solar_wh:
        yield _charging(bill, line, "solar", line.energy_solar_wh)
    if from_grid_wh or not line.energy_solar_wh:
        yield _charging(bill, line, "grid", from_grid_wh)


def _charging(bill: BillRow, line: PricedPeriod, source: str, energy_wh: int) -> CdrPeriod:
    return CdrPeriod(
        start_date_time=line.started_at,
        dimensions=[CdrDimension(type="ENERGY", volume=_kwh(energy_wh))],
        tariff_id=_tariff_id(bill, source),
    )


def _idle(start: datetime, end: datetime) -> CdrPeriod:
    dimensions = [CdrDimension(type="PARKING_TIME", volume=_hours(start, end))]
    return CdrPeriod(start_date_time=start, dimensions=dimensions)


def _tariff_id(bill: BillRow, source: str) -> str:
    return f"{bill.tariff_id}-{source}"


def _kwh(energy_wh: int) -> Decimal:
    return Decimal(energy_wh) / _WH_A_KWH


def _hours(start: datetime, end: datetime) -> Decimal:
    seconds = Decimal((end - start) // timedelta(microseconds=1)) / 1_000_000
    return round(seconds / _S_AN_HOUR, 4)
