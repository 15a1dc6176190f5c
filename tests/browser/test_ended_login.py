"""Without a login, or when it ends: the way back leads to where somebody was."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import LoggedIn
from tests.browser.stack import Stack
from tests.browser.watched import Watched
from tests.browser.windows import Windows, log_in, send_login

TOLD_MS = 45_000
"""An ended login is refused within 30 s everywhere."""


def test_an_ended_login_leads_back_to_the_same_place(
    windows: Windows, stack: Stack, watched: Watched
) -> None:
    watched.allow("status of 401|status of 403|WebSocket connection to")
    person = stack.newcomer("operator")
    page = windows.open()
    log_in(page, person)
    page.goto("/sessions?range=30d")
    expect(page.get_by_role("table", name="Sessions").get_by_role("row").nth(1)).to_be_visible()

    stack.end_logins_of(person)
    page.get_by_label("State").select_option("Ended")
    dialog = page.get_by_role("dialog", name="Your login has ended")
    expect(dialog).to_be_visible(timeout=TOLD_MS)
    expect(dialog.get_by_label("Username")).to_have_value(person.username)
    dialog.get_by_label("Password", exact=True).fill(person.password)
    dialog.get_by_role("button", name="Log in").click()

    expect(dialog).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/sessions\?range=30d&status=COMPLETED$"))
    expect(page.get_by_label("State")).to_have_value("COMPLETED")
    expect(page.get_by_role("table", name="Sessions").get_by_role("row").nth(1)).to_be_visible()
    expect(page.get_by_role("banner").get_by_role("status")).to_have_text("Live")


def test_a_link_leads_to_its_place_after_the_login(page: Page, stack: Stack) -> None:
    operator = stack.people["operator"]
    page.goto("/energy?range=week")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()

    send_login(page, operator.username, operator.password)

    expect(page.get_by_role("heading", level=1, name="Energy & money")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/energy\?range=week$"))


def test_who_logs_out_is_out(logged_in: LoggedIn) -> None:
    page = logged_in("operator")

    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.goto("/sessions")

    expect(page.get_by_role("button", name="Log in")).to_be_visible()
