"""An API for the page's benchmark alone: it answers from memory and says frames that were made before.

It serves the built page too, and runs in a thread of its own on a free port of 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.benchmarks._stack import Failed

FrameKind = Literal["hundred", "all"]

FRAME_HZ = 10
FRAMES_MADE = 30
"""Different frames of a kind, said in turn, so that the figures on the page keep changing."""
PART = 100
START_TIMEOUT_S = 10.0
PERMISSIONS = ("account:read_own", "alert:read", "evse:read", "session:read", "site:read", "stats:read")
STATES = ("charging",) * 8 + ("available",) * 6 + ("preparing", "finishing", "suspendedev")
FAULTED_EVERY = 101
OFFLINE_EVERY = 97
NOW = "@now@"
"""Where a frame says when it is said."""


class FakeApi:
    """Entered, it answers; `say` chooses what the live connections are told."""

    def __init__(self, connectors: int, page: Path) -> None:
        self.frames_said = 0
        self._kind: FrameKind | None = None
        self._connectors = connectors
        self._frames: Mapping[FrameKind, list[str]] = {
            "hundred": [frame(connectors, number, PART) for number in range(FRAMES_MADE)],
            "all": [frame(connectors, number, connectors) for number in range(FRAMES_MADE)],
        }
        config = uvicorn.Config(self._app(page), port=0, log_level="warning", ws="websockets-sansio")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="fake-api", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self._server.started:
            if time.monotonic() > deadline_s or not self._thread.is_alive():
                raise Failed("the API of the benchmark did not start")
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(START_TIMEOUT_S)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def say(self, kind: FrameKind | None) -> None:
        """From now on these frames; None: none."""
        self._kind = kind

    def _app(self, page: Path) -> Starlette:
        answers: dict[str, Any] = {
            "/api/v1/auth/refresh": {"access_token": "t", "token_type": "bearer", "expires_in_s": 3600},
            "/api/v1/auth/me": {"user": {"id": 1, "username": "olivia"}, "permissions": PERMISSIONS},
            "/api/v1/sites": {"items": [site(1), site(2)], "next_cursor": None},
            "/api/v1/evses": {
                "items": [evse(number) for number in range(self._connectors)],
                "next_cursor": None,
            },
            "/api/v1/stats/now": stats(),
            "/config.json": {"api_url": ""},
        }

        async def answer(request: Request) -> Response:
            return JSONResponse(answers[request.url.path])

        async def ticket(request: Request) -> Response:
            expires_at = datetime.now(UTC) + timedelta(seconds=30)
            return JSONResponse({"ticket": "t", "expires_at": expires_at.isoformat(), "expires_in_s": 30})

        return Starlette(
            routes=[
                *(Route(path, answer, methods=["GET", "POST"]) for path in answers),
                Route("/api/v1/live/tickets", ticket, methods=["POST"]),
                WebSocketRoute("/api/v1/live", self._live),
                Mount("/", StaticFiles(directory=page, html=True)),
            ]
        )

    async def _live(self, socket: WebSocket) -> None:
        await socket.accept(subprotocol="solarrally.v1")
        await socket.receive_json()  # what it wants: everything
        updates = [update(number, 0) for number in range(self._connectors)]
        await socket.send_text(said_now(json.dumps({"type": "snapshot", "updates": updates})))
        due_s = time.monotonic()
        with suppress(WebSocketDisconnect, asyncio.CancelledError):
            for turn in range(2**31):
                due_s = max(due_s + 1 / FRAME_HZ, time.monotonic() - 1)
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                if self._kind is not None:
                    await socket.send_text(said_now(self._frames[self._kind][turn % FRAMES_MADE]))
                    self.frames_said += 1
                elif turn % (15 * FRAME_HZ) == 0:
                    await socket.send_text('{"type":"ping"}')


def said_now(text: str) -> str:
    return text.replace(NOW, datetime.now(UTC).isoformat())


def frame(connectors: int, number: int, part: int) -> str:
    """Of so many connectors: the next ones each time, all over again after the last."""
    told = [(number * part + offset) % connectors for offset in range(min(part, connectors))]
    return json.dumps({"type": "frame", "updates": [update(each, number + 1) for each in told]})


def update(connector: int, turn: int) -> dict[str, Any]:
    """What a connector says. Its state stays, but for one in 500 at each turn."""
    chance = random.Random(connector * 1000 + turn)
    status = STATES[(connector + (connector % 500 == turn)) % len(STATES)]
    if connector % FAULTED_EVERY == 0:
        status = "faulted"
    uid = f"CP-{connector:04}"
    return {
        "evse_uid": uid,
        "site_id": 1 + connector % 2,
        "connector_id": 1,
        "is_online": connector % OFFLINE_EVERY != 1,
        "ts": NOW,
        "received_at": NOW,
        "status": status,
        "reported_status": status,
        "power_w": 7000 + chance.random() * 400 if status == "charging" else 0,
        "voltage_v": 230 + chance.random(),
        "current_a": 30 + chance.random(),
        "temperature_c": 30 + chance.random() * 10,
        "soc_percent": None,
        "energy_source": chance.choice(("solar", "grid")) if status == "charging" else "none",
        "error_code": "GroundFailure" if status == "faulted" else None,
        "quality": [],
        "session": session(uid, turn, chance) if status == "charging" else None,
    }


def session(uid: str, turn: int, chance: random.Random) -> dict[str, Any]:
    energy_wh = 1000 + turn * 20 + chance.randrange(10)
    return {
        "id": f"7f0c1c1e-5d3a-4b7e-9d0a-{int(uid[3:]):012}",
        "evse_uid": uid,
        "connector_id": 1,
        "device_session_id": "4711",
        "id_token": "04A2B3C4",
        "status": "ACTIVE",
        "started_at": "2026-11-21T06:00:00Z",
        "ended_at": None,
        "end_reason": None,
        "energy_wh": energy_wh,
        "energy_solar_wh": energy_wh // 2,
        "energy_grid_wh": energy_wh - energy_wh // 2,
        "energy_unattributed_wh": 0,
        "peak_power_w": 7341.0,
        "cost": f"{energy_wh * 0.05:.4f}",
        "currency": "JMD",
    }


def evse(number: int) -> dict[str, Any]:
    return {
        "evse_uid": f"CP-{number:04}",
        "site_id": 1 + number % 2,
        "name": f"Bay {number + 1}",
        "dialect": "native",
        "vendor": "SolarRally",
        "model": "SR-7",
        "firmware": "1.4.2",
        "max_power_w": 7400.0,
        "is_enabled": True,
        "is_online": True,
        "online_changed_at": "2026-11-21T05:12:09Z",
        "credentials_ref": None,
        "created_at": "2026-11-01T08:00:00Z",
        "edited_at": None,
        "connectors": [],
    }


def site(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"Site {number}", "timezone": "America/Jamaica", "currency": "JMD"}


def stats() -> dict[str, Any]:
    energy = {
        "energy_wh": 182400,
        "energy_solar_wh": 121000,
        "energy_grid_wh": 60900,
        "energy_unattributed_wh": 500,
        "solar_share": 0.6634,
    }
    return {
        "ts": "2026-11-21T07:21:09Z",
        "power_w": 64200,
        "active_session_count": 9,
        "energy_today": energy,
        "session_count_today": 31,
        "money_today": [{"currency": "JMD", "cost": "5120.5000"}],
        "evse_count_by_state": {},
        "connector_count_by_status": {},
        "complete_until": "2026-11-21T07:15:00Z",
    }
