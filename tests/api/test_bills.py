"""Bills over the API: as JSON, as OCPI's CDR and as a PDF."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from pypdf import PdfReader

from solarrally.api.bill_rules import BillRules
from solarrally.domain.periods import PricedPeriod
from solarrally.storage.rows import lines_json
from tests.api.conftest import AppMaker, running
from tests.api.world import DORA_TOKEN, ERIC_TOKEN, T0, World, bill_id, session_id

LINES = (
    PricedPeriod(
        started_at=T0,
        ended_at=T0 + timedelta(minutes=45),
        energy_solar_wh=1000,
        energy_grid_wh=400,
        energy_unattributed_wh=0,
        price_solar_per_kwh=Decimal("10.0000"),
        price_grid_per_kwh=Decimal("50.0000"),
    ),
    PricedPeriod(
        started_at=T0 + timedelta(minutes=45),
        ended_at=T0 + timedelta(hours=1),
        energy_solar_wh=0,
        energy_grid_wh=0,
        energy_unattributed_wh=100,
        price_solar_per_kwh=Decimal("10.0000"),
        price_grid_per_kwh=Decimal("80.2500"),
    ),
)
ISSUER = {
    "name": "North",
    "address": "12 Main Street",
    "city": "Ocho Rios",
    "postal_code": None,
    "country": "JAM",
    "operator_name": "SolarRally Ltd",
    "operator_tax_id": "001-234-567",
    "timezone": "America/Jamaica",
}
FULL: dict[str, Any] = {
    "lines": lines_json(LINES),
    "issuer": json.dumps(ISSUER),
    "total": Decimal("38.03"),
    "vat_percent": Decimal(15),
    "vat": Decimal("5.70"),
}


async def add_with_credit(world: World) -> tuple[UUID, UUID]:
    invoice = await world.add_bill("full", **FULL)
    taken_back = {**FULL, "total": -FULL["total"], "vat": -FULL["vat"]}
    credit = await world.add_bill(
        "credit",
        **taken_back,
        session_id=session_id("full"),
        revision=2,
        kind="credit",
        credits_bill_id=invoice,
    )
    return invoice, credit


async def got(client: httpx.AsyncClient, world: World, path: str, who: str = "user") -> Any:
    answer = await client.get(f"/api/v1/bills{path}", headers=world.headers(who))
    assert answer.status_code == 200, answer.text
    return answer.json()


def pages_of(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


async def pdf_of(client: httpx.AsyncClient, world: World, bill: UUID) -> bytes:
    answer = await client.get(f"/api/v1/bills/{bill}/pdf", headers=world.headers("user"))
    assert answer.status_code == 200, answer.text
    return answer.content


# -- JSON ------------------------------------------------------------------------------------------------


async def test_a_bill_says_by_price_what_was_taken(client: httpx.AsyncClient, world: World) -> None:
    invoice, _ = await add_with_credit(world)

    body = await got(client, world, f"/{invoice}")

    assert [(line["energy_grid_wh"], line["price_grid_per_kwh"], line["cost"]) for line in body["lines"]] == [
        (400, "50.0000", "30.0000"),
        (0, "80.2500", "8.0250"),
    ]
    assert (body["total"], body["vat_percent"], body["vat"], body["total_incl_vat"]) == (
        "38.0300",
        "15.00",
        "5.7000",
        "43.7300",
    )
    assert body["issuer"] == ISSUER
    assert (body["site_id"], body["kind"], body["credits_bill_id"]) == (1, "invoice", None)


async def test_a_bill_of_before_there_were_times_of_day_has_one_line(
    client: httpx.AsyncClient, world: World
) -> None:
    body = await got(client, world, f"/{await world.add_bill('old')}")

    [line] = body["lines"]
    assert (line["started_at"], line["ended_at"]) == (body["started_at"], body["ended_at"])
    assert (line["energy_solar_wh"], line["energy_grid_wh"], line["energy_unattributed_wh"]) == (
        1000,
        400,
        100,
    )
    assert (body["vat"], body["total_incl_vat"]) == ("0.0000", "35.0000")
    assert body["issuer"]["operator_name"] is None


async def test_a_credit_takes_back_what_it_names(client: httpx.AsyncClient, world: World) -> None:
    invoice, credit = await add_with_credit(world)

    body = await got(client, world, f"/{credit}")

    assert (body["kind"], body["credits_bill_id"]) == ("credit", str(invoice))
    assert (body["total"], body["vat"], body["total_incl_vat"]) == ("-38.0300", "-5.7000", "-43.7300")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"d1", "d2", "e1"}),
        ("site_id=2", {"e1"}),
        ("evse_uid=CP-1", {"d1", "d2"}),
        (f"session_id={session_id('d1')}", {"d1"}),
        (f"id_token={ERIC_TOKEN}", {"e1"}),
        ("kind=invoice", {"d1", "d2", "e1"}),
        ("kind=credit", set()),
        ("date_from=2026-03-10T12:00:00Z", {"d2", "e1"}),
        ("date_to=2026-03-10T12:00:00Z", {"d1"}),
        ("site_id=1&date_from=2026-03-10T12:00:00Z", {"d2"}),
    ],
)
async def test_bills_are_listed_by_what_is_asked(
    client: httpx.AsyncClient, world: World, query: str, found: set[str]
) -> None:
    await world.add_bill("d1", issued_at=T0)
    await world.add_bill("d2", issued_at=T0 + timedelta(days=1))
    await world.add_bill(
        "e1", evse_uid="CP-3", id_token=ERIC_TOKEN, tariff_id=2, issued_at=T0 + timedelta(days=2)
    )

    items: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        after = f"&cursor={cursor}" if cursor else ""
        page = await got(client, world, f"?limit=1&{query}{after}", "operator")
        items += page["items"]
        cursor = page["next_cursor"]

    assert [item["id"] for item in items] == [
        str(bill_id(name)) for name in ("e1", "d2", "d1") if name in found
    ]


async def test_a_driver_lists_own_bills_only(client: httpx.AsyncClient, world: World) -> None:
    await world.add_bill("own")
    await world.add_bill("erics", id_token=ERIC_TOKEN)
    await world.add_bill("nobodys", id_token=None)

    for query in ("", f"?id_token={ERIC_TOKEN}", f"?session_id={session_id('erics')}"):
        items = (await got(client, world, f"{query}"))["items"]
        assert {item["id_token"] for item in items} <= {DORA_TOKEN}
        assert bool(items) == (query == "")


@pytest.mark.parametrize("below", ["", "/cdr", "/pdf"])
async def test_anothers_bill_is_as_absent_as_one_that_does_not_exist(
    client: httpx.AsyncClient, world: World, below: str
) -> None:
    await world.add_bill("erics", id_token=ERIC_TOKEN)
    await world.add_bill("nobodys", id_token=None)
    answers = [
        await client.get(f"/api/v1/bills/{bill_id(name)}{below}", headers=world.headers("user"))
        for name in ("erics", "nobodys", "absent")
    ]

    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[2].content)}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE"])
async def test_a_bill_never_changes(client: httpx.AsyncClient, world: World, method: str) -> None:
    bill = await world.add_bill("own")

    answer = await client.request(
        method, f"/api/v1/bills/{bill}", json={"total": "0"}, headers=world.headers("admin")
    )

    assert answer.status_code == 405


async def test_the_bills_of_a_session_have_the_same_shape(client: httpx.AsyncClient, world: World) -> None:
    await world.add_session("full")
    invoice, _ = await add_with_credit(world)

    answer = await client.get(f"/api/v1/sessions/{session_id('full')}/bills", headers=world.headers("user"))

    assert answer.json()["items"][0] == await got(client, world, f"/{invoice}")
    assert [item["kind"] for item in answer.json()["items"]] == ["invoice", "credit"]


# -- CDR -------------------------------------------------------------------------------------------------


async def test_a_bill_is_an_ocpi_cdr(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute("UPDATE site SET latitude_deg = 18.4, longitude_deg = -77.1")
    await world.connection.execute(
        "UPDATE connector SET standard = 'IEC_62196_T2', format = 'SOCKET', power_type = 'AC_3_PHASE'"
    )
    invoice, _ = await add_with_credit(world)
    number = await world.connection.fetchval("SELECT number FROM bill WHERE id = $1", invoice)

    cdr = await got(client, world, f"/{invoice}/cdr")

    assert cdr.pop("tariffs")[0]["id"] == "1-solar"
    assert cdr == {
        "country_code": "JM",
        "party_id": "SRY",
        "id": str(invoice),
        "start_date_time": "2026-03-09T12:00:00Z",
        "end_date_time": "2026-03-09T13:00:00Z",
        "session_id": str(session_id("full")),
        "cdr_token": {
            "country_code": "JM",
            "party_id": "SRY",
            "uid": DORA_TOKEN,
            "type": "OTHER",
            "contract_id": DORA_TOKEN,
        },
        "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "1",
            "name": "North",
            "address": "12 Main Street",
            "city": "Ocho Rios",
            "country": "JAM",
            "coordinates": {"latitude": "18.400000", "longitude": "-77.100000"},
            "evse_uid": "CP-1",
            "evse_id": "CP-1",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        },
        "currency": "JMD",
        "charging_periods": [
            {
                "start_date_time": "2026-03-09T12:00:00Z",
                "dimensions": [{"type": "ENERGY", "volume": 1}],
                "tariff_id": "1-solar",
            },
            {
                "start_date_time": "2026-03-09T12:00:00Z",
                "dimensions": [{"type": "ENERGY", "volume": 0.4}],
                "tariff_id": "1-grid",
            },
            {
                "start_date_time": "2026-03-09T12:45:00Z",
                "dimensions": [{"type": "ENERGY", "volume": 0.1}],
                "tariff_id": "1-grid",
            },
        ],
        "total_cost": {"excl_vat": 38.03, "incl_vat": 43.73},
        "total_energy": 1.5,
        "total_time": 1,
        "invoice_reference_id": str(number),
        "last_updated": "2026-03-09T13:00:00Z",
    }


async def test_the_tariffs_of_a_cdr_tell_how_it_was_priced(client: httpx.AsyncClient, world: World) -> None:
    evening = {
        "day_of_week": ["MONDAY"],
        "start_time": "21:00",
        "end_time": "24:00",
        "price_solar_per_kwh": "10",
        "price_grid_per_kwh": "80.25",
    }
    await world.connection.execute("UPDATE tariff SET elements = $1 WHERE id = 1", json.dumps([evening]))
    bill = await world.add_bill("full", **FULL)

    solar, grid = (await got(client, world, f"/{bill}/cdr"))["tariffs"]

    assert (solar["id"], grid["id"]) == ("1-solar", "1-grid")
    assert solar["energy_mix"]["is_green_energy"] is True
    assert grid["elements"] == [
        {
            "price_components": [{"type": "ENERGY", "price": 80.25, "vat": 15, "step_size": 1}],
            "restrictions": {"start_time": "21:00", "end_time": "00:00", "day_of_week": ["MONDAY"]},
        },
        {"price_components": [{"type": "ENERGY", "price": 50, "vat": 15, "step_size": 1}]},
    ]


async def test_the_cdr_of_a_credit_names_the_one_it_takes_back(
    client: httpx.AsyncClient, world: World
) -> None:
    invoice, credit = await add_with_credit(world)

    cdr = await got(client, world, f"/{credit}/cdr")

    assert (cdr["credit"], cdr["credit_reference_id"]) == (True, str(invoice))
    assert cdr["total_cost"] == {"excl_vat": -38.03, "incl_vat": -43.73}


async def test_the_amounts_of_a_cdr_are_written_with_their_exact_digits(
    client: httpx.AsyncClient, world: World
) -> None:
    bill = await world.add_bill("dear", total=Decimal("1234567890.1200"))

    answer = await client.get(f"/api/v1/bills/{bill}/cdr", headers=world.headers("user"))

    assert b'"excl_vat":1234567890.1200' in answer.content


async def test_between_the_lines_of_a_cdr_nothing_flowed(client: httpx.AsyncClient, world: World) -> None:
    bill = await world.add_bill("gap", **{**FULL, "lines": lines_json(LINES[1:])}, id_token=None)

    cdr = await got(client, world, f"/{bill}/cdr", "operator")

    assert cdr["charging_periods"][0] == {
        "start_date_time": "2026-03-09T12:00:00Z",
        "dimensions": [{"type": "PARKING_TIME", "volume": 0.75}],
    }
    assert cdr["cdr_token"]["type"] == "AD_HOC_USER"


async def test_the_operators_name_in_ocpi_is_a_setting(make_app: AppMaker, world: World) -> None:
    bill = await world.add_bill("own")
    async with running(make_app(bill_rules=BillRules(country_code="NO", party_id="ABC"))) as client:
        cdr = await got(client, world, f"/{bill}/cdr")

    assert (cdr["country_code"], cdr["party_id"], cdr["tariffs"][0]["party_id"]) == ("NO", "ABC", "ABC")


# -- PDF -------------------------------------------------------------------------------------------------


async def test_a_bill_is_a_pdf_of_one_page(client: httpx.AsyncClient, world: World) -> None:
    invoice, _ = await add_with_credit(world)
    number = await world.connection.fetchval("SELECT number FROM bill WHERE id = $1", invoice)

    answer = await client.get(f"/api/v1/bills/{invoice}/pdf", headers=world.headers("user"))

    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="invoice-{number}.pdf"'
    [text] = pages_of(answer.content)
    for part in (
        "Invoice",
        f"No. {number}",
        "SolarRally Ltd",
        "12 Main Street",
        "Tax no. 001-234-567",
        "2026-03-09 07:00:00 (UTC-05:00)",
        "America/Jamaica",
        "CP-1, connector 1",
        "03-09 07:45 - 03-09 08:00",
        "80.25",
        "8.025",
        "38.03 JMD",
        "VAT 15 %",
        "5.70 JMD",
        "43.73 JMD",
    ):
        assert part in text
    assert PdfReader(io.BytesIO(answer.content)).metadata.creation_date == datetime(  # type: ignore[union-attr]
        2026, 3, 9, 13, tzinfo=UTC
    )


async def test_the_pdf_of_a_credit_says_what_it_takes_back(client: httpx.AsyncClient, world: World) -> None:
    invoice, credit = await add_with_credit(world)
    number = await world.connection.fetchval("SELECT number FROM bill WHERE id = $1", invoice)

    [text] = pages_of(await pdf_of(client, world, credit))

    assert "Credit note" in text
    assert f"invoice no. {number}, in full" in text
    assert "-43.73 JMD" in text
    assert "-8.025" in text


async def test_names_of_any_length_and_script_make_a_pdf(client: httpx.AsyncClient, world: World) -> None:
    strange = {name: "日本語 \u202e\u0000 \n" * 30 + "X" * 300 for name in ISSUER if name != "timezone"}
    issuer = json.dumps({**strange, "timezone": "Nowhere/Atall"}).replace("\\u0000", "")
    bill = await world.add_bill(
        "strange", **{**FULL, "issuer": issuer}, evse_uid="Ω" * 255, id_token=DORA_TOKEN
    )

    [text] = pages_of(await pdf_of(client, world, bill))

    assert "??? ?" in text
    assert "(UTC+00:00" in text


async def test_a_font_writes_what_latin_1_cannot(make_app: AppMaker, world: World, a_font: Path) -> None:
    issuer = json.dumps({**ISSUER, "operator_name": "Зарядка 日本 Ελλάς"})
    bill = await world.add_bill("greek", **{**FULL, "issuer": issuer})
    async with running(make_app(bill_rules=BillRules(font_file=a_font))) as client:
        [text] = pages_of(await pdf_of(client, world, bill))

    assert "Зарядка ?? Ελλάς" in text


async def test_a_bill_of_many_periods_stays_one_page(client: httpx.AsyncClient, world: World) -> None:
    many = [
        PricedPeriod(
            started_at=T0 + timedelta(hours=n),
            ended_at=T0 + timedelta(hours=n + 1),
            energy_solar_wh=1000,
            energy_grid_wh=10,
            energy_unattributed_wh=0,
            price_solar_per_kwh=Decimal(10),
            price_grid_per_kwh=Decimal(50 + n % 2),
        )
        for n in range(200)
    ]
    bill = await world.add_bill("many", **{**FULL, "lines": lines_json(many)})

    [text] = pages_of(await pdf_of(client, world, bill))

    assert text.count("in 100 periods") == 4
    assert "100.000" in text


async def test_the_same_bill_makes_the_same_pdf(client: httpx.AsyncClient, world: World) -> None:
    bill = await world.add_bill("own", **FULL)

    assert await pdf_of(client, world, bill) == await pdf_of(client, world, bill)


@pytest.fixture
def a_font() -> Path:
    """A TTF font with Greek and Cyrillic letters, and without Chinese ones."""
    font = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    if not font.exists():
        pytest.skip("needs the font DejaVu Sans (Debian: apt install fonts-dejavu-core)")
    return font
