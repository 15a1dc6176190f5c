"""The overview: tiles that change by themselves, and filters that stay in the address."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Tab
from tests.browser.stack import STATIONS, Stack

POWER_AND_ENERGY = re.compile(r"[\d.,]+\s(?:kWh|Wh|kW|W)\b")


def tiles_of(page: Page) -> Locator:
    """All that are drawn."""
    return page.get_by_role("list", name="Stations").get_by_role("listitem")


def tile_of(page: Page, evse_uid: str) -> Locator:
    """That of one station."""
    return tiles_of(page).filter(has=page.get_by_role("link", name=evse_uid, exact=True))


def figures_of(tile: Locator) -> str:
    """Its power and its energy as one text. The clock and the age of the reading are no news."""
    return " ".join(POWER_AND_ENERGY.findall(tile.inner_text()))


def expect_other_figures(tile: Locator, before: str) -> None:
    """Wait until the tile shows another power or energy."""
    figures = [figure.split() for figure in POWER_AND_ENERGY.findall(before)]
    shown = r"\D.*".join(rf"{re.escape(value)}\s+{unit}" for value, unit in figures)
    expect(tile).not_to_have_text(re.compile(shown, re.DOTALL), use_inner_text=True)


def test_a_tile_changes_by_itself(tab: Tab, stack: Stack) -> None:
    evse_uid = stack.charging_station()
    page = tab("operator")
    page.goto("/")
    tile = tile_of(page, evse_uid)
    expect(tile).to_contain_text(POWER_AND_ENERGY, use_inner_text=True)

    expect_other_figures(tile, figures_of(tile))


def test_a_search_is_kept_in_the_address(tab: Tab, stack: Stack) -> None:
    evse_uid = stack.connectors()[0]["evse_uid"]
    page = tab("operator")
    page.goto("/")
    expect(tiles_of(page).nth(STATIONS - 1)).to_be_visible()

    page.get_by_role("searchbox", name="Search").fill(evse_uid)
    expect(tiles_of(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(rf"q={evse_uid}"))
    page.reload()

    expect(page.get_by_role("searchbox", name="Search")).to_have_value(evse_uid)
    expect(tiles_of(page)).to_have_count(1)
    expect(tile_of(page, evse_uid)).to_be_visible()


def test_a_state_is_kept_in_the_address(tab: Tab, stack: Stack) -> None:
    evse_uid = stack.charging_station()
    page = tab("operator")
    page.goto("/")

    page.get_by_role("button", name=re.compile(r"^\d+ Charging$")).click()
    expect(page).to_have_url(re.compile(r"state=charging"))
    page.reload()

    chosen = page.get_by_role("button", name=re.compile(r"^\d+ Charging$"), pressed=True)
    expect(chosen).to_be_visible()
    expect(tile_of(page, evse_uid)).to_contain_text("Charging")
    expect(tiles_of(page).filter(has_not_text="Charging")).to_have_count(0)


def test_a_search_without_a_find_leads_back_to_all(tab: Tab) -> None:
    page = tab("operator")
    page.goto("/?q=no-such-station")
    expect(page.get_by_text("No station is like that.")).to_be_visible()

    page.get_by_role("button", name="Show all stations").click()

    expect(tiles_of(page).nth(STATIONS - 1)).to_be_visible()
    expect(page).not_to_have_url(re.compile("no-such-station"))
