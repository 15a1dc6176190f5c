"""A server that is away, a machine that slept: the page says so, and comes back by itself."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import LoggedIn, Tab
from tests.browser.stack import Stack
from tests.browser.test_overview import expect_other_figures, figures_of, tile_of
from tests.browser.watched import Watched

UNREACHABLE = "Failed to load resource|WebSocket connection to"
BACK_MS = 60_000
"""A server that starts, and the longest pause between two attempts."""


def expect_live(page: Page) -> None:
    """The connection is up, and has brought a picture."""
    expect(page.get_by_role("banner").get_by_role("status")).to_have_text("Live", timeout=BACK_MS)


def test_a_lost_server_is_told_and_found_again_by_itself(tab: Tab, stack: Stack, watched: Watched) -> None:
    watched.allow(UNREACHABLE)
    evse_uid = stack.charging_station()
    page = tab("operator")
    page.goto("/")
    expect_live(page)
    page.evaluate("window.neverLoadedAgain = true")

    with stack.api_away():
        expect(page.get_by_text("Not live.")).to_be_visible()
        expect(page.get_by_text(re.compile(r"Next attempt in \d+ s"))).to_be_visible()
        expect(page.get_by_role("button", name="Try now")).to_be_visible()
        expect(page.get_by_role("banner").get_by_role("status")).to_have_text("Reconnecting")
        before = figures_of(tile_of(page, evse_uid))
        assert before, "what was known last stays in sight"

    expect_live(page)
    expect(page.get_by_text("Not live.")).to_have_count(0)
    expect_other_figures(tile_of(page, evse_uid), before)
    assert page.evaluate("window.neverLoadedAgain")


def test_a_machine_that_slept_gets_a_fresh_picture_once_it_has_a_network(
    logged_in: LoggedIn, watched: Watched
) -> None:
    watched.allow(UNREACHABLE)
    page = logged_in("operator")
    page.clock.install()
    page.reload()
    expect_live(page)
    connections: list[str] = []
    page.on("websocket", lambda opened: connections.append(opened.url))

    page.context.set_offline(True)
    page.clock.fast_forward("01:00:00")
    expect(page.get_by_text("Not live.")).to_be_visible()
    page.context.set_offline(False)

    expect_live(page)
    expect(page.get_by_text("Not live.")).to_have_count(0)
    assert len(connections) == 1


def test_two_tabs_of_one_login_both_stay_in_when_both_renew_it(logged_in: LoggedIn) -> None:
    first = logged_in("operator")
    second = first.context.new_page()
    for page in (first, second):
        page.clock.install()
        page.goto("/sessions")
        expect(page.get_by_role("heading", level=1, name="Sessions")).to_be_visible()

    for page in (first, second):  # longer than an access token holds
        page.clock.fast_forward("16:00")

    for page in (first, second):
        expect_live(page)
        page.reload()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
    expect(first.get_by_role("dialog")).to_have_count(0)
