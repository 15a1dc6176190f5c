"""What each role finds in the menu, what it is refused, and what nobody needs a login for."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Tab
from tests.browser.people import DRIVER_TOKEN
from tests.browser.stack import STATIONS, Stack
from tests.browser.watched import Watched

WATCH: Final = ["Overview", "Sessions", "Energy & money", "Alerts", "Free stations"]
MENUS: Final = {
    "admin": [
        *WATCH,
        *("Stations", "Sites", "Tariffs", "Users", "Roles", "API keys"),
        *("Imports", "Rejected messages", "Audit log"),
        "Account",
    ],
    "operator": [*WATCH, "Stations", "Sites", "Tariffs", "Imports", "Rejected messages", "Account"],
    "user": ["My charging", "Free stations", "Account"],
    "guest": ["Free stations", "Account"],
}
HOMES: Final = {"admin": "/", "operator": "/", "user": "/my", "guest": "/free"}
BEYOND: Final = {"operator": "/admin/users", "user": "/sessions", "guest": "/sessions"}


@pytest.mark.parametrize("role", MENUS)
def test_the_menu_names_what_the_role_may_see(tab: Tab, role: str) -> None:
    page = tab(role)
    page.goto("/")
    expect(page).to_have_url(re.compile(rf"{HOMES[role]}$"))
    entries = page.get_by_role("navigation", name="Views").get_by_role("link")
    expect(entries).to_have_count(len(MENUS[role]))

    # How many alerts are open is said beside their entry.
    assert [re.sub(r"\s*\d+\s+open$", "", text) for text in entries.all_inner_texts()] == MENUS[role]


@pytest.mark.parametrize("role", BEYOND)
def test_an_address_beyond_the_role_is_refused_kindly(tab: Tab, role: str) -> None:
    page = tab(role)
    page.goto(BEYOND[role])

    expect(page.get_by_role("heading", level=1, name="Nothing here")).to_be_visible()
    expect(page.get_by_text("your role may not see it")).to_be_visible()
    page.get_by_role("link", name="To the start").click()
    expect(page).to_have_url(re.compile(rf"{HOMES[role]}$"))


def test_an_operator_is_offered_no_change_of_stations(tab: Tab) -> None:
    page = tab("operator")
    page.goto("/admin/stations")

    expect(page.get_by_role("table", name="Stations").get_by_role("row").nth(STATIONS)).to_be_visible()
    expect(page.get_by_role("button", name="Add station")).to_have_count(0)


def test_a_driver_sees_own_sessions_only(tab: Tab, stack: Stack, watched: Watched) -> None:
    watched.allow("status of 40[34]")
    own = stack.session_of_driver()
    all_sessions = stack.get("/sessions?limit=100")["items"]
    somebody_elses = next(one for one in all_sessions if one["id_token"] != DRIVER_TOKEN)
    page = tab("user")
    page.goto(f"/sessions/{own}")
    expect(page.get_by_role("heading", level=1, name=re.compile("^Session on"))).to_be_visible()

    page.goto(f"/sessions/{somebody_elses['id']}")

    expect(page.get_by_text("There is no such session")).to_be_visible()
    expect(page.get_by_role("main")).not_to_contain_text(somebody_elses["evse_uid"])


def test_a_driver_stops_the_own_charge(tab: Tab, stack: Stack) -> None:
    own = stack.session_of_driver()
    page = tab("user")
    page.goto("/my")
    expect(page.get_by_role("heading", name=re.compile("^Charging at"))).to_be_visible()

    page.get_by_role("button", name="Stop charging").click()
    dialog = page.get_by_role("dialog", name=re.compile("^Stop charging"))
    dialog.get_by_role("button", name="Stop charging").click()

    expect(page.get_by_text("You are not charging")).to_be_visible()
    expect(page.get_by_role("heading", name="Start charging at a free station")).to_be_visible()
    assert stack.get(f"/sessions/{own}")["status"] == "COMPLETED"


def test_a_guest_sees_which_stations_are_free(tab: Tab, stack: Stack) -> None:
    # A station of its own: to those of the fleet a car may come at any moment.
    reading = {"timestamp": datetime.now(UTC).isoformat(), "status": "available", "power_w": 0}
    stack.publish("evse/quiet_one/telemetry", json.dumps(reading))
    page = tab("guest")
    page.goto("/")

    shown = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="quiet_one"))
    expect(shown).to_contain_text("Available")
    expect(page.get_by_role("main")).not_to_contain_text("JMD")


def test_the_public_status_needs_no_login(page: Page, stack: Stack) -> None:
    page.goto("/status")

    expect(page.get_by_role("heading", level=1, name="Charging stations")).to_be_visible()
    for one in stack.connectors():
        expect(page.get_by_role("heading", name=one["evse_uid"])).to_be_visible()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()


def test_nobody_sees_more_than_a_login(page: Page) -> None:
    for path in ("/", "/sessions", "/admin/users"):
        page.goto(path)
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        expect(page.get_by_role("navigation", name="Views")).to_have_count(0)
