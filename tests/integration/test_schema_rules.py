"""Rules that the database itself keeps: bills never change, energies add up, words are known ones."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

INVOICE_ID, CREDIT_ID, SECOND_ID = (UUID(int=number) for number in (1, 2, 3))
SESSION_ID = UUID(int=9)


@pytest.fixture
async def station(connection: asyncpg.Connection) -> asyncpg.Connection:
    """A connection to a database with one site, tariff, station and session; each has the number 1."""
    await connection.execute(
        """
        INSERT INTO site (name, timezone, currency) VALUES ('Depot', 'America/Jamaica', 'JMD');
        INSERT INTO tariff (site_id, valid_from, currency, price_solar_per_kwh, price_grid_per_kwh)
        VALUES (1, '2026-01-01Z', 'JMD', 10, 50);
        INSERT INTO evse (evse_uid, site_id) VALUES ('CP-1', 1);
        """
    )
    await connection.execute(
        """
        INSERT INTO charging_session (id, evse_id, connector_id, status, started_at, ended_at,
            last_reading_at, reading_count, energy_wh, energy_solar_wh, energy_grid_wh,
            energy_unattributed_wh, energy_method, charging_s, quality, tariff_id, currency, cost, fold)
        VALUES ($1, 1, 1, 'COMPLETED', '2026-03-09 10:00Z', '2026-03-09 11:00Z', '2026-03-09 11:00Z',
            60, 7000, 4000, 2000, 1000, 'register', 3600, 0, 1, 'JMD', 190, '{}')
        """,
        SESSION_ID,
    )
    return connection


async def issue(
    connection: asyncpg.Connection,
    bill_id: UUID,
    revision: int,
    kind: str = "invoice",
    credits: UUID | None = None,
    total: Decimal | None = None,
) -> None:
    await connection.execute(
        """
        INSERT INTO bill (id, session_id, revision, kind, credits_bill_id, evse_uid, connector_id, started_at,
            ended_at, energy_solar_wh, energy_grid_wh, energy_unattributed_wh, tariff_id, price_solar_per_kwh,
            price_grid_per_kwh, currency, total)
        VALUES ($1, $2, $3, $4, $5, 'CP-1', 1, '2026-03-09 10:00Z', '2026-03-09 11:00Z',
            4000, 2000, 1000, 1, 10, 50, 'JMD', $6)
        """,
        bill_id,
        SESSION_ID,
        revision,
        kind,
        credits,
        Decimal(-190 if kind == "credit" else 190) if total is None else total,
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bill SET total = 0",
        "DELETE FROM bill",
        "TRUNCATE bill",
        "TRUNCATE bill, tariff CASCADE",
        "UPDATE bill SET total = 0 WHERE false",
        "INSERT INTO bill SELECT * FROM bill ON CONFLICT (id) DO UPDATE SET total = 0",
    ],
)
async def test_a_bill_is_never_changed_or_lost(station: asyncpg.Connection, statement: str) -> None:
    await issue(station, INVOICE_ID, revision=1)
    before = await station.fetch("SELECT * FROM bill")

    with pytest.raises(asyncpg.RestrictViolationError, match="bills are immutable") as refused:
        await station.execute(
            statement.replace("INTO bill SELECT", "INTO bill OVERRIDING SYSTEM VALUE SELECT")
        )

    assert "credit" in refused.value.as_dict()["hint"]
    assert await station.fetch("SELECT * FROM bill") == before


async def test_a_bill_is_corrected_by_a_credit_and_a_new_one(station: asyncpg.Connection) -> None:
    await issue(station, INVOICE_ID, revision=1)
    await issue(station, CREDIT_ID, revision=2, kind="credit", credits=INVOICE_ID)
    await issue(station, SECOND_ID, revision=3)

    assert await station.fetchval("SELECT array_agg(number ORDER BY revision) FROM bill") == [1, 2, 3]


async def test_no_bill_is_credited_twice(station: asyncpg.Connection) -> None:
    await issue(station, INVOICE_ID, revision=1)
    await issue(station, CREDIT_ID, revision=2, kind="credit", credits=INVOICE_ID)

    with pytest.raises(asyncpg.UniqueViolationError, match="uq_bill_credits_bill_id"):
        await issue(station, SECOND_ID, revision=3, kind="credit", credits=INVOICE_ID)


async def test_no_session_has_two_bills_of_one_revision(station: asyncpg.Connection) -> None:
    await issue(station, INVOICE_ID, revision=1)

    with pytest.raises(asyncpg.UniqueViolationError, match="uq_bill_session_id_revision"):
        await issue(station, SECOND_ID, revision=1)


@pytest.mark.parametrize(
    ("kind", "credits", "constraint"),
    [
        ("credit", None, "ck_bill_credit_says_of_what"),
        ("invoice", INVOICE_ID, "ck_bill_credit_says_of_what"),
        ("refund", None, "ck_bill_kind_is_known"),
    ],
)
async def test_a_credit_names_its_bill_and_nothing_else_does(
    station: asyncpg.Connection, kind: str, credits: UUID | None, constraint: str
) -> None:
    await issue(station, INVOICE_ID, revision=1)

    with pytest.raises(asyncpg.CheckViolationError, match=constraint):
        await issue(station, SECOND_ID, revision=2, kind=kind, credits=credits)


@pytest.mark.parametrize(("kind", "total"), [("invoice", -1), ("credit", 1)])
async def test_the_sign_of_a_bill_fits_its_kind(station: asyncpg.Connection, kind: str, total: int) -> None:
    await issue(station, INVOICE_ID, revision=1)
    credits = INVOICE_ID if kind == "credit" else None

    with pytest.raises(asyncpg.CheckViolationError, match="ck_bill_sign_fits_kind"):
        await issue(station, SECOND_ID, revision=2, kind=kind, credits=credits, total=Decimal(total))


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE charging_session SET energy_wh = 7001", "ck_charging_session_energy_split_adds_up"),
        ("UPDATE charging_session SET status = 'DONE'", "ck_charging_session_status_is_ocpi"),
        (
            "UPDATE charging_session SET ended_at = started_at - interval '1 second'",
            "ck_charging_session_ends_after_start",
        ),
        ("UPDATE site SET currency = 'jmd'", "ck_site_currency_is_iso4217"),
        ("UPDATE tariff SET price_grid_per_kwh = -0.0001", "ck_tariff_prices_not_negative"),
        (
            "INSERT INTO audit_log (actor_name, action, object_type, outcome) VALUES ('a', 'b', 'c', 'd')",
            "ck_audit_log_outcome_is_known",
        ),
    ],
)
async def test_a_value_that_cannot_be_is_refused(
    station: asyncpg.Connection, statement: str, constraint: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match=constraint):
        await station.execute(statement)
