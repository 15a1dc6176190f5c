"""A live table of all connectors in the terminal: a client of the API like any other."""

from __future__ import annotations

import asyncio
from typing import Any

from rich.console import Console, JustifyMethod
from rich.live import Live
from rich.table import Table

from solarrally.live_client import (
    Bearer,
    Event,
    Frame,
    LiveClient,
    Lost,
    Picture,
    Snapshot,
    Stale,
    log_in,
)

_COLOUR = {"charging": "green", "faulted": "bold red", "available": "dim"}


async def watch(url: str, username: str, password: str, *, max_rate_hz: float) -> None:
    """Show the live picture until cancelled; a lost connection is said and taken up again."""

    async def credential() -> Bearer:
        return Bearer(await asyncio.to_thread(log_in, url, username, password))

    subscription = {"all": True, "max_rate_hz": max_rate_hz}
    async with LiveClient(url, credential, subscription=subscription) as client:
        board = Board(client.picture)
        with Live(board.table(), console=Console(), refresh_per_second=10) as live:
            async for event in client:
                board.note(event)
                live.update(board.table())


class Board:
    """The picture as a table."""

    def __init__(self, picture: Picture) -> None:
        self.state = "connecting"
        self.sessions_ended = 0
        self._picture = picture

    def note(self, event: Event) -> None:
        match event:
            case Snapshot():
                self.state = "live"
            case Stale():
                self.state = "out of date: the server has lost its database"
            case Lost():
                self.state = f"out of date, reconnecting: {event.reason}"
            case Frame():
                self.sessions_ended += sum(one["status"] == "COMPLETED" for one in event.sessions)

    def table(self) -> Table:
        """What there is to see, one row a connector, faults first."""
        table = Table(
            title=f"SolarRally, {self.state}",
            caption=f"{self.sessions_ended} sessions ended meanwhile; {len(self._picture.alerts)} alerts",
        )
        connectors = self._picture.connectors
        for heading in ("station", "status", "power", "source", "energy", "cost", "°C", "at (UTC)"):
            side: JustifyMethod = "left" if heading in ("station", "status", "source") else "right"
            table.add_column(heading, justify=side, no_wrap=True)
        for key in sorted(connectors, key=lambda key: (connectors[key].get("status") != "faulted", key)):
            table.add_row(*_row(connectors[key]))
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
