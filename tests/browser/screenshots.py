"""Pictures of every view, light and dark, on a desktop and on a phone, of a stack that it starts itself.

    python -m tests.browser.screenshots DIR [VIEW ...]

Without names of views: all of them. The files are `DIR/{view}-{desktop|phone}-{light|dark}.png`, whole pages.
What the console complained of is said, and makes the exit code 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page

from tests.browser.stack import Stack, running_stack
from tests.browser.watched import Watched
from tests.browser.windows import DEVICES, ColorScheme, Device, Windows, log_in, running_browser
from tests.support.dashboard_sources import load_build

SETTLED_MS: Final = 1500
"""Lists are asked for, charts drawn, and every station has spoken once more."""
COLOR_SCHEMES: Final[tuple[ColorScheme, ...]] = ("light", "dark")


@dataclass(slots=True, frozen=True)
class View:
    """One picture's subject: what it is called, where it is, and who looks at it (None: nobody known)."""

    name: str
    path: str
    """`{station}`, `{session}` and `{own_session}` stand for one that runs."""
    role: str | None = "admin"
    prepare: Callable[[Page], None] | None = None
    """What is done before the picture: a dialog opened, a tab chosen."""


def open_dialog(page: Page) -> None:
    """That which asks before a station is told something."""
    page.get_by_role("button", name="Limit current").click()
    page.get_by_role("dialog").wait_for()


VIEWS: Final = (
    View("login", "/", None),
    View("status", "/status", None),
    View("register", "/register", None),
    View("forgot-password", "/forgot-password", None),
    View("overview", "/", "operator"),
    View("station", "/stations/{station}", "operator"),
    View("command", "/stations/{station}", "operator", prepare=open_dialog),
    View("sessions", "/sessions", "operator"),
    View("session", "/sessions/{session}", "operator"),
    View("energy", "/energy", "operator"),
    View("alerts", "/alerts", "operator"),
    View("driver", "/my", "user"),
    View("driver-session", "/sessions/{own_session}", "user"),
    View("guest", "/free", "guest"),
    View("stations", "/admin/stations"),
    View("sites", "/admin/sites"),
    View("tariffs", "/admin/tariffs"),
    View("users", "/admin/users"),
    View("roles", "/admin/roles"),
    View("api-keys", "/admin/api-keys"),
    View("imports", "/admin/imports"),
    View("rejected", "/admin/rejected"),
    View("audit", "/admin/audit"),
    View("account", "/account", "operator"),
)


def take_all(folder: Path, views: tuple[View, ...] = VIEWS) -> list[str]:
    """Take the pictures; what went wrong behind the pages, one line each."""
    folder.mkdir(parents=True, exist_ok=True)
    load_build().build()
    troubles: list[str] = []
    with running_browser() as browser, running_stack() as stack:
        places = places_of(stack)
        for device_name, device in DEVICES.items():
            for scheme in COLOR_SCHEMES:
                suffix = f"{device_name}-{scheme}"
                troubles += take(browser, stack, places, views, folder, suffix, device, scheme)
    return troubles


def take(
    browser: Browser,
    stack: Stack,
    places: dict[str, str],
    views: tuple[View, ...],
    folder: Path,
    suffix: str,
    device: Device,
    scheme: ColorScheme,
) -> list[str]:
    """The pictures of one kind of window. One login a role serves all of its views."""
    troubles: list[str] = []
    for role in dict.fromkeys(view.role for view in views):
        watched = Watched()
        windows = Windows(browser, stack.url, watched)
        page = windows.open(device, scheme)
        if role is not None:
            log_in(page, stack.people[role])
        for view in (view for view in views if view.role == role):
            page.goto(view.path.format(**places))
            page.wait_for_timeout(SETTLED_MS)
            if view.prepare is not None:
                view.prepare(page)
            page.screenshot(path=folder / f"{view.name}-{suffix}.png", full_page=True)
            troubles += [f"{view.name}-{suffix}: {trouble}" for trouble in watched.forget()]
            sys.stderr.write(f"{view.name}-{suffix}\n")
        windows.close()
    return troubles


def places_of(stack: Stack) -> dict[str, str]:
    """What stands in the addresses: a station that charges, a session that ended, the driver's own."""
    own = stack.session_of_driver()
    charging = stack.get("/sessions?status=ACTIVE&limit=1")["items"][0]
    ended = stack.get("/sessions?status=COMPLETED&limit=1")["items"][0]
    return {"station": charging["evse_uid"], "session": ended["id"], "own_session": own}


def main(arguments: list[str]) -> int:
    """Take them all, or those named; 1 when a page complained."""
    folder, *names = arguments or ["--help"]
    unknown = set(names) - {view.name for view in VIEWS}
    if unknown or folder.startswith("-"):
        sys.stderr.write(f"{__doc__}\nViews: {', '.join(view.name for view in VIEWS)}\n")
        return 2
    troubles = take_all(Path(folder), tuple(view for view in VIEWS if not names or view.name in names))
    sys.stderr.write("".join(f"{trouble}\n" for trouble in troubles))
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
