"""Without a mouse: from the login to a station, into a dialog and out again."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Tab
from tests.browser.stack import Stack

MOST_STEPS = 60


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until it has the focus."""
    expect(target).to_be_visible()
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{MOST_STEPS} times Tab do not lead to {target}")


def test_keys_alone_lead_from_the_login_to_a_station(page: Page, stack: Stack) -> None:
    operator = stack.people["operator"]
    evse_uid = stack.connectors()[0]["evse_uid"]
    page.goto("/")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type(operator.username)
    tab_to(page, page.get_by_label("Password", exact=True))
    page.keyboard.type(operator.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()

    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.keyboard.type(evse_uid)
    tab_to(page, page.get_by_role("link", name=evse_uid, exact=True))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1, name=evse_uid)).to_be_visible()


def test_escape_closes_a_dialog_and_gives_the_focus_back(tab: Tab, stack: Stack) -> None:
    page = tab("operator")
    page.goto(f"/stations/{stack.connectors()[0]['evse_uid']}")
    reset = page.get_by_role("button", name="Reset", exact=True)
    tab_to(page, reset)

    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=re.compile("^Reset station"))
    expect(dialog.get_by_label("Kind of reset")).to_be_focused()
    page.keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    expect(reset).to_be_focused()


def test_the_menu_can_be_skipped(tab: Tab) -> None:
    page = tab("operator")
    page.goto("/")
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("main")).to_be_focused()
