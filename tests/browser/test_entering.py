"""The first minute on the page: it loads, it lets in whoever may, and says why it does not let in others."""

from __future__ import annotations

import re
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious_violations
from tests.browser.conftest import LoggedIn
from tests.browser.people import ROLES
from tests.browser.watched import Watched
from tests.browser.windows import send_login

FIRST_PAINT_MS = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def test_the_first_picture_comes_and_is_a_login(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.goto("/")

    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    first_paint_ms = page.wait_for_function(FIRST_PAINT_MS).json_value()
    with capsys.disabled():
        sys.stdout.write(f"\nfirst contentful paint after {first_paint_ms:.0f} ms\n")
    assert first_paint_ms > 0


@pytest.mark.parametrize("role", ROLES)
def test_everybody_with_an_account_gets_in(logged_in: LoggedIn, role: str) -> None:
    page = logged_in(role)

    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_an_operator_comes_to_the_overview(logged_in: LoggedIn) -> None:
    page = logged_in("operator")

    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()


def test_a_wrong_password_is_said_and_the_name_stays(page: Page, watched: Watched) -> None:
    watched.allow("status of 401")
    page.goto("/")

    send_login(page, "olga", "not the password")

    expect(page.get_by_role("alert")).to_have_text(re.compile("wrong", re.IGNORECASE))
    expect(page.get_by_label("Username")).to_have_value("olga")


def test_the_login_stays_when_the_page_is_loaded_again(logged_in: LoggedIn) -> None:
    page = logged_in("operator")

    page.reload()

    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_the_login_can_be_used_by_everybody(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()

    assert serious_violations(page) == []
