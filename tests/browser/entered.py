"""Logins that tests share: a browser for each role and device, entered when it is first asked for."""

from __future__ import annotations

from playwright.sync_api import Browser, BrowserContext

from tests.browser.stack import Stack
from tests.browser.windows import Device, log_in, new_context


class Entered:
    """Logging in costs seconds, so a test that is about something else opens a tab where somebody is in."""

    def __init__(self, browser: Browser, stack: Stack) -> None:
        self._browser = browser
        self._stack = stack
        self._contexts: dict[tuple[str, Device], BrowserContext] = {}

    def context_of(self, role: str, device: Device) -> BrowserContext:
        """The browser of that role and device, with no page open."""
        known = self._contexts.get((role, device))
        if known is not None:
            return known
        context = new_context(self._browser, self._stack.url, device)
        page = context.new_page()
        log_in(page, self._stack.people[role])
        page.close()
        self._contexts[role, device] = context
        return context

    def close(self) -> None:
        """Close them all."""
        for context in self._contexts.values():
            context.close()
