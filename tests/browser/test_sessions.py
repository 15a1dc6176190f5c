"""Sessions: one with its energy and its bill, in the zone and money of its site; all of them as a file."""

from __future__ import annotations

import csv
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.stack import Stack


def shown_time(stack: Stack, session: dict[str, Any], at: str) -> str:
    """An instant as the clock of the session's site says it; the browser is in another zone."""
    site = stack.get(f"/sites/{session['site_id']}")
    assert site["timezone"] == "America/Jamaica"
    return f"{datetime.fromisoformat(at).astimezone(ZoneInfo(site['timezone'])):%-d %b %Y, %H:%M}"


def shown_money(amount: str, currency: str) -> str:
    """As an English reader expects it."""
    return f"{currency}\N{NO-BREAK SPACE}{Decimal(amount).quantize(Decimal('0.01')):,}"


def shown_energy(energy_wh: float) -> str:
    """As the page says it below 1 MWh."""
    if energy_wh < 1000:
        return f"{energy_wh:.0f}\N{NO-BREAK SPACE}Wh"
    return f"{energy_wh / 1000:,.2f}\N{NO-BREAK SPACE}kWh"


def test_a_session_is_opened_from_the_list_with_its_energy_and_bill(tab: Tab, stack: Stack) -> None:
    session, bill = stack.newest_bill()
    page = tab("operator")
    page.goto(f"/sessions?station={session['evse_uid']}&status=COMPLETED")
    started = shown_time(stack, session, session["started_at"])

    rows = page.get_by_role("table", name="Sessions").get_by_role("row")
    rows.filter(has_text=session["evse_uid"]).get_by_role("link", name=started).first.click()

    expect(page.get_by_role("heading", level=1, name=f"Session on {session['evse_uid']}")).to_be_visible()
    expect(
        page.get_by_role("definition").filter(has_text=shown_energy(session["energy_wh"])).first
    ).to_be_visible()
    expect(page.get_by_role("heading", name=f"Invoice no. {bill['number']}")).to_be_visible()
    total = shown_money(bill["total_incl_vat"], bill["currency"])
    expect(page.get_by_role("definition").filter(has_text=total).last).to_be_visible()


def test_a_session_has_the_zone_and_the_money_of_its_site(tab: Tab, stack: Stack) -> None:
    session, _ = stack.newest_bill()
    page = tab("operator")
    page.goto(f"/sessions/{session['id']}")
    assert page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone") == "Europe/Zurich"

    expect(page.get_by_text("times in America/Jamaica (GMT-5)")).to_be_visible()
    started = f"{shown_time(stack, session, session['started_at'])}"
    expect(page.get_by_role("time").filter(has_text=started).filter(has_text="GMT-5").first).to_be_visible()
    cost = shown_money(session["cost"], "JMD")
    expect(page.get_by_role("definition").filter(has_text=cost).first).to_be_visible()


def test_a_bill_is_downloaded_as_pdf(tab: Tab, stack: Stack) -> None:
    session, bill = stack.newest_bill()
    page = tab("operator")
    page.goto(f"/sessions/{session['id']}")

    with page.expect_download() as download:
        page.get_by_role("button", name="PDF").click()

    assert download.value.suggested_filename == f"invoice-{bill['number']}.pdf"
    assert download.value.path().read_bytes().startswith(b"%PDF-")


def test_the_sessions_of_a_list_are_exported(tab: Tab, stack: Stack) -> None:
    session, _ = stack.newest_bill()
    page = tab("operator")
    page.goto(f"/sessions?range=7d&station={session['evse_uid']}")

    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog", name="Export")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export").click()

    assert download.value.suggested_filename.endswith(".csv")
    rows = list(csv.DictReader(download.value.path().read_text(encoding="utf-8-sig").splitlines()))
    assert {row["evse_uid"] for row in rows} == {session["evse_uid"]}
    assert session["id"] in str(rows)
    expect(page.get_by_role("status").filter(has_text="in your downloads")).to_be_visible()
