"""The tests' own eyes: what goes wrong behind a page's back does not pass unseen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious_violations
from tests.browser.watched import Watched

UNCAUGHT = "() => { setTimeout(() => { throw new TypeError('nobody catches this'); }) }"
COMPLAINT = "() => { console.error('this is a complaint') }"
FORBIDDEN = """() => {
  const script = document.createElement("script");
  script.textContent = "window.wasRun = true";
  document.head.append(script);
}"""
UNREADABLE = """() => {
  const text = document.createElement("p");
  text.textContent = "hardly to be read";
  text.style.setProperty("color", "#aaa");
  text.style.setProperty("background", "#fff");
  document.querySelector("main").append(text);
}"""


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (UNCAUGHT, "TypeError: nobody catches this"),
        (COMPLAINT, "this is a complaint"),
        (FORBIDDEN, "content security policy: script-src-elem forbids inline"),
    ],
)
def test_a_trouble_of_the_page_is_told(page: Page, watched: Watched, script: str, told: str) -> None:
    page.goto("/")
    page.evaluate(script)
    page.wait_for_timeout(200)  # what is thrown later comes as an event

    assert any(told in trouble for trouble in watched.troubles)
    watched.allow("nobody catches|a complaint|[Cc]ontent [Ss]ecurity [Pp]olicy")
    assert watched.troubles == []


def test_what_is_hard_to_read_is_told(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("main")).to_be_visible()
    page.evaluate(UNREADABLE)

    found = serious_violations(page)

    assert len(found) == 1
    assert found[0].startswith("color-contrast (serious) at main > p")
