"""One station: reached from its tile, with its chart and its running session; what it is told, it does."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.stack import Stack


def test_a_tile_leads_to_the_station(tab: Tab, stack: Stack) -> None:
    evse_uid = stack.charging_station()
    page = tab("operator")
    page.goto("/")

    page.get_by_role("link", name=evse_uid, exact=True).click()

    expect(page).to_have_url(re.compile(rf"/stations/{evse_uid}$"))
    expect(page.get_by_role("heading", level=1, name=evse_uid)).to_be_visible()
    expect(page.get_by_role("heading", name="Running session")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Energy\s?[\d.,]+\sk?Wh"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile(r"Power from .* kW"))).to_be_visible()


def test_a_range_is_kept_in_the_address(tab: Tab, stack: Stack) -> None:
    page = tab("operator")
    page.goto(f"/stations/{stack.connectors()[0]['evse_uid']}")

    page.get_by_role("button", name="24 h").click()
    expect(page).to_have_url(re.compile(r"range=24h"))
    page.reload()

    expect(page.get_by_role("button", name="24 h", pressed=True)).to_be_visible()
    expect(page.get_by_role("img", name=re.compile(r"Power from .* kW"))).to_be_visible()


def test_a_stopped_charge_is_seen_to_stop(tab: Tab, stack: Stack) -> None:
    evse_uid = stack.charging_station()
    page = tab("operator")
    page.goto(f"/stations/{evse_uid}")
    session = page.get_by_role("link", name="All about it").get_attribute("href")
    assert session is not None

    page.get_by_role("button", name="Stop", exact=True).click()
    dialog = page.get_by_role("dialog", name=re.compile("^Stop charging"))
    expect(dialog).to_contain_text("The running session ends, and is billed.")
    dialog.get_by_role("button", name="Stop charging").click()

    expect(dialog).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="Stop: The station did it.")).to_be_visible()
    expect(page.get_by_role("link", name="All about it")).to_have_count(0)
    expect(page.get_by_role("region", name="Now")).to_contain_text(re.compile(r"Power\s*(0\sW|–)"))
    page.get_by_text("Recent commands").click()
    newest = page.get_by_role("table", name="Recent commands").get_by_role("row").nth(1)
    expect(newest).to_contain_text(re.compile("by .*Stop.*Completed", re.DOTALL))
    page.goto(session)
    expect(page.get_by_role("main")).to_contain_text("Ended remotely")
    assert stack.get(f"/sessions/{session.rsplit('/', 1)[1]}")["status"] == "COMPLETED"
