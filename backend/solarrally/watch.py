"""A live table of all connectors in the terminal: a client of the API like any other."""

from __future__ import annotations

import asyncio
import json
import random
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from rich.console import Console, JustifyMethod
from rich.live import Live
from rich.table import Table
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from solarrally.errors import SolarRallyError

TIMEOUT_S = 10.0
RETRY_S = 3.0
_COLOUR = {"charging": "green", "faulted": "bold red", "available": "dim"}


class WatchRefused(SolarRallyError):
    """The API refused the login or the connection; the text says why."""


async def watch(url: str, username: str, password: str, *, max_rate_hz: float) -> None:
    """Show the live picture until cancelled; a lost connection is said and taken up again."""
    picture = Picture()
    with Live(picture.table(), console=Console(), refresh_per_second=10) as live:
        while True:
            token = await asyncio.to_thread(log_in, url, username, password)
            try:
                await _follow(url, token, max_rate_hz, picture, lambda: live.update(picture.table()))
            except (ConnectionClosed, OSError, TimeoutError) as error:
                picture.state = f"reconnecting: {error}"
                live.update(picture.table())
                await asyncio.sleep(RETRY_S * random.uniform(0.5, 1.0))


def log_in(url: str, username: str, password: str) -> str:
    """An access token, or `WatchRefused`."""
    form = urllib.parse.urlencode({"username": username, "password": password}).encode()
    try:
        with urllib.request.urlopen(f"{url}/api/v1/auth/login", form, timeout=TIMEOUT_S) as answer:
            return str(json.load(answer)["access_token"])
    except urllib.error.HTTPError as error:
        raise WatchRefused(f"{url} refused the login of {username}: {error.code} {error.reason}") from error
    except (OSError, ValueError) as error:
        raise WatchRefused(f"no answer from {url}: {error}; is `./run up` running?") from error


async def _follow(
    url: str, token: str, max_rate_hz: float, picture: Picture, changed: Callable[[], None]
) -> None:
    address = url.replace("http", "ws", 1) + "/api/v1/live"
    try:
        connection = await connect(
            address,
            subprotocols=["solarrally.v1"],  # type: ignore[list-item]
            additional_headers={"Authorization": f"Bearer {token}"},
            open_timeout=TIMEOUT_S,
            max_size=2**24,
        )
    except InvalidStatus as error:
        raise WatchRefused(f"{url} refused the live connection: {error}") from error
    async with connection:
        await connection.send(json.dumps({"type": "subscribe", "all": True, "max_rate_hz": max_rate_hz}))
        async for text in connection:
            message = json.loads(text)
            if message["type"] == "ping":
                await connection.send('{"type":"pong"}')
            else:
                picture.take(message)
                changed()


class Picture:
    """The newest of every connector, as the protocol tells it (docs/live-protocol.md)."""

    def __init__(self) -> None:
        self.state = "connecting"
        self.connectors: dict[tuple[str, int], dict[str, Any]] = {}
        self.sessions_ended = 0

    def take(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "snapshot":
            self.connectors.clear()
            self.state = "live"
        elif kind in ("stale", "bye"):
            self.state = f"{kind}: {message.get('reason', 'the server has lost its database')}"
        for update in message.get("updates", ()):
            self.connectors[update["evse_uid"], update["connector_id"]] = update
        self.sessions_ended += sum(one["status"] == "COMPLETED" for one in message.get("sessions", ()))

    def table(self) -> Table:
        """What there is to see, one row a connector, faults first."""
        table = Table(
            title=f"SolarRally, {self.state}", caption=f"{self.sessions_ended} sessions ended meanwhile"
        )
        for heading in ("station", "status", "power", "source", "energy", "cost", "°C", "at (UTC)"):
            side: JustifyMethod = "left" if heading in ("station", "status", "source") else "right"
            table.add_column(heading, justify=side, no_wrap=True)
        for key in sorted(
            self.connectors, key=lambda key: (self.connectors[key].get("status") != "faulted", key)
        ):
            table.add_row(*_row(self.connectors[key]))
        return table


def _row(update: dict[str, Any]) -> list[str]:
    status = (update.get("status") or "unknown") if update["is_online"] else "offline"
    session = update.get("session")
    number = update["connector_id"]
    return [
        update["evse_uid"] + ("" if number == 1 else f"/{number}"),
        f"[{_COLOUR.get(status, 'yellow')}]{status}[/]",
        _number(update.get("power_w"), " W"),
        update.get("energy_source") or "",
        "" if session is None else f"{session['energy_wh']:,} Wh",
        "" if session is None else f"{float(session['cost']):,.2f} {session['currency']}",
        _number(update.get("temperature_c"), ""),
        "" if update.get("ts") is None else update["ts"][11:19],
    ]


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:,.0f}{unit}"
