"""The browser's windows as tests open them: a desktop's and a phone's, light or dark, watched for errors."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.people import Person
from tests.browser.watched import Watched
from tests.support.fetch_chromium import find_chromium

ColorScheme = Literal["light", "dark"]
FLAGS: Final = (
    "--disable-gpu",
    "--disable-background-networking",  # nothing of ours, and a machine may have no network
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
PATIENCE_MS: Final = 15_000


@dataclass(slots=True, frozen=True, kw_only=True)
class Device:
    """What somebody looks at the page with; sizes in CSS pixels."""

    width: int
    height: int
    is_phone: bool = False


DESKTOP: Final = Device(width=1280, height=800)
PHONE: Final = Device(width=390, height=844, is_phone=True)
DEVICES: Final = {"desktop": DESKTOP, "phone": PHONE}


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Headless Chromium. Raises NoChromium."""
    program = find_chromium()
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(FLAGS)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield browser
        finally:
            browser.close()


class Windows:
    """Opens windows on one address, each as somebody who was never here before, and closes them all."""

    def __init__(self, browser: Browser, url: str, watched: Watched) -> None:
        self._browser = browser
        self._url = url
        self._watched = watched
        self._contexts: list[BrowserContext] = []
        self._tabs: list[Page] = []

    def open(self, device: Device = DESKTOP, color_scheme: ColorScheme = "light") -> Page:
        """An empty page, that knows our address: `page.goto("/")`."""
        context = new_context(self._browser, self._url, device, color_scheme)
        self._watched.listen_to(context)
        self._contexts.append(context)
        return context.new_page()

    def tab(self, context: BrowserContext) -> Page:
        """One more page of a context that stays when this test's windows are closed."""
        self._watched.listen_to(context)
        page = context.new_page()
        self._tabs.append(page)
        return page

    def keep(self, folder: Path, name: str) -> None:
        """Pictures of all open pages and what the console said, for whoever looks into a failure."""
        folder.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"[^\w.-]+", "-", name).strip("-")
        pages = [page for context in self._contexts for page in context.pages] + self._tabs
        for number, page in enumerate(pages, start=1):
            page.screenshot(path=folder / f"{stem}-{number}.png")
        addresses = [f"page {number}: {page.url}" for number, page in enumerate(pages, start=1)]
        (folder / f"{stem}.log").write_text("\n".join([*addresses, *self._watched.console, ""]))

    def close(self) -> None:
        """Close them all, and hear no more of those that stay."""
        while self._tabs:
            tab = self._tabs.pop()
            self._watched.leave(tab.context)
            tab.close()
        while self._contexts:
            self._contexts.pop().close()


def new_context(
    browser: Browser, url: str, device: Device, color_scheme: ColorScheme = "light"
) -> BrowserContext:
    """A browser that was never here before, far from the stations' own zone."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": device.width, "height": device.height},
        device_scale_factor=2 if device.is_phone else 1,
        has_touch=device.is_phone,
        is_mobile=device.is_phone,
        color_scheme=color_scheme,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Europe/Zurich",
    )
    context.set_default_timeout(PATIENCE_MS)
    return context


def log_in(page: Page, person: Person) -> None:
    """As a person does it: open the page, name and password, and wait until the login makes way."""
    page.goto("/")
    send_login(page, person.username, person.password)
    expect(page.get_by_label("Username")).to_have_count(0)


def send_login(page: Page, username: str, password: str) -> None:
    """Fill the form and send it."""
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in").click()
