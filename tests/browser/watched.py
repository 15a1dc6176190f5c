"""What goes wrong behind a page's back: uncaught errors, violated policies, complaints in the console."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from playwright.sync_api import BrowserContext, ConsoleMessage, WebError

# A violation is an event of the page; Chromium's own line in the console tells it too, in words that change.
TELL_VIOLATIONS: Final = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`content security policy: ${event.effectiveDirective} forbids ${event.blockedURI}`);
});
"""


@dataclass  # without slots: Playwright notes on the object that it listens
class Watched:
    """Listens to the pages of one test. What is allowed must have been expected by the test itself."""

    console: list[str] = field(default_factory=list)
    """Every line, with its kind: for the log that is kept of a failure."""
    _troubles: list[str] = field(default_factory=list)
    _allowed: list[str] = field(default_factory=list)

    def listen_to(self, context: BrowserContext) -> None:
        """Hear all pages of that context, from their first script on."""
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)

    def leave(self, context: BrowserContext) -> None:
        """Hear them no more: the context outlives the test."""
        context.remove_listener("console", self._on_console)
        context.remove_listener("weberror", self._on_error)

    def allow(self, pattern: str) -> None:
        """Expect errors in the console that this regular expression finds; before or after they come."""
        self._allowed.append(pattern)

    @property
    def troubles(self) -> list[str]:
        """What the test did not expect."""
        return [
            line for line in self._troubles if not any(re.search(pattern, line) for pattern in self._allowed)
        ]

    def forget(self) -> list[str]:
        """The troubles so far, which are not told again."""
        told = self.troubles
        self._troubles.clear()
        return told

    def _on_console(self, message: ConsoleMessage) -> None:
        place = message.location.get("url", "")
        line = f"{message.type}: {message.text} ({place})"
        self.console.append(line)
        if message.type in ("error", "assert"):
            self._troubles.append(line)

    def _on_error(self, error: WebError) -> None:
        said = error.error
        line = f"uncaught: {said.name}: {said.message}\n{said.stack}"
        self.console.append(line)
        self._troubles.append(line)
