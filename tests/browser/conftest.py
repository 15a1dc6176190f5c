"""One real stack and one browser for all tests here; windows, watched, for each of them.

Run alone and not in parallel: `./run test browser`. A test fails when a page of it has an uncaught error,
breaks its own content security policy, or complains in the console (`watched.allow` names what is expected).
Pictures and console of a failure are kept in `.cache/browser/`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.entered import Entered
from tests.browser.stack import Stack, running_stack
from tests.browser.watched import Watched
from tests.browser.windows import DESKTOP, PHONE, Device, Windows, log_in, running_browser
from tests.support.dashboard_sources import load_build
from tests.support.fetch_chromium import NoChromium

KEPT: Final = Path(__file__).parents[2] / ".cache" / "browser"

LoggedIn = Callable[..., Page]
Tab = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium. Without one the tests are skipped, but not where changes are judged."""
    try:
        with running_browser() as running:
            yield running
    except NoChromium as missing:
        if "CI" in os.environ:
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def stack(browser: Browser) -> Iterator[Stack]:
    """SolarRally, whole, with six stations that speak every second. Tests share it: leave it running."""
    load_build().build()  # else the tests would look at the page of yesterday
    shutil.rmtree(KEPT, ignore_errors=True)  # what is there afterwards is of this run
    with running_stack() as running:
        yield running


@pytest.fixture
def watched() -> Watched:
    """What goes wrong behind the pages of this test."""
    return Watched()


@pytest.fixture
def windows(
    browser: Browser, stack: Stack, watched: Watched, request: pytest.FixtureRequest
) -> Iterator[Windows]:
    """Opens windows; all are closed after the test."""
    opened = Windows(browser, stack.url, watched)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def page(windows: Windows) -> Page:
    """An empty page on a desktop, of somebody who is not logged in."""
    return windows.open(DESKTOP)


@pytest.fixture
def phone_page(windows: Windows) -> Page:
    """The same on a phone."""
    return windows.open(PHONE)


@pytest.fixture
def logged_in(windows: Windows, stack: Stack) -> LoggedIn:
    """Opens a window in which somebody of that role is logged in: `logged_in("operator", device=PHONE)`."""

    def open_as(role: str, *, device: Device = DESKTOP) -> Page:
        opened = windows.open(device)
        log_in(opened, stack.people[role])
        return opened

    return open_as


@pytest.fixture(scope="session")
def entered(browser: Browser, stack: Stack) -> Iterator[Entered]:
    """Browsers in which somebody has logged in, one for each role and device."""
    contexts = Entered(browser, stack)
    try:
        yield contexts
    finally:
        contexts.close()


@pytest.fixture
def tab(windows: Windows, entered: Entered) -> Tab:
    """Opens a page in a browser that has a login already: `tab("operator")`. For what is not about logins."""

    def open_tab(role: str, *, device: Device = DESKTOP) -> Page:
        return windows.tab(entered.context_of(role, device))

    return open_tab


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fail for what the pages kept to themselves, and keep what shows why, while the windows are open."""
    windows, watched = pyfuncitem.funcargs.get("windows"), pyfuncitem.funcargs.get("watched")
    try:
        outcome = yield
        if isinstance(watched, Watched) and watched.troubles:
            pytest.fail("the page had troubles:\n" + "\n".join(watched.troubles), pytrace=False)
    except BaseException:
        if isinstance(windows, Windows):
            windows.keep(KEPT, pyfuncitem.nodeid.removeprefix("tests/browser/"))
        raise
    return outcome
