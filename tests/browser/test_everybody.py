"""Every view can be used by everybody: no serious finding of axe in both themes, no sideways scrolling."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import contrast_violations, serious_violations
from tests.browser.conftest import Tab
from tests.browser.screenshots import VIEWS, View, places_of
from tests.browser.stack import Stack
from tests.browser.windows import DEVICES, ColorScheme, Windows

WAITING = re.compile("^(Loading|Starting)")
ROLES = tuple(dict.fromkeys(view.role for view in VIEWS))
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
IS_DARK = "matchMedia('(prefers-color-scheme: dark)').matches"
REPAINTED = """async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await frame();
  for (const animation of document.getAnimations()) animation.finish();
  await frame();
}"""
"""Colours that change slowly would be taken for those between."""


def troubles_of(page: Page, name: str, *, is_phone: bool) -> list[str]:
    """What somebody could not use of what is shown now.

    In both themes on a desktop; a phone has the same colours, and another arrangement.
    """
    both: tuple[ColorScheme, ColorScheme] = ("dark", "light") if page.evaluate(IS_DARK) else ("light", "dark")
    now, then = both
    found = [f"{name}, {now}: {violation}" for violation in serious_violations(page)]
    if is_phone:
        too_wide_px = page.evaluate(TOO_WIDE)
        return found if too_wide_px <= 0 else [*found, f"{name}: {too_wide_px} px wider than the screen"]
    page.emulate_media(color_scheme=then)
    page.evaluate(REPAINTED)
    return found + [f"{name}, {then}: {violation}" for violation in contrast_violations(page)]


def show(page: Page, view: View, places: dict[str, str]) -> None:
    """Open it, and wait until nothing is waited for."""
    page.goto(view.path.format(**places))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("heading", level=1, name="Loading")).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text=WAITING)).to_have_count(0)
    if view.prepare is not None:
        view.prepare(page)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("device", DEVICES)
def test_every_view_can_be_used_by_everybody(
    tab: Tab, windows: Windows, stack: Stack, device: str, role: str | None
) -> None:
    size = DEVICES[device]
    page = windows.open(size) if role is None else tab(role, device=size)
    places = places_of(stack)
    found: list[str] = []
    for view in VIEWS:
        if view.role == role:
            show(page, view, places)
            found += troubles_of(page, view.name, is_phone=size.is_phone)

    assert found == []
