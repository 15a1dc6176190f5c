"""A small world in the database: two sites, three EVSEs, sessions of two drivers, one user of each role."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

import asyncpg

from solarrally.api.tokens import AccessTokens
from solarrally.domain.update import AlertUpdate, CommandUpdate, ConnectorUpdate, SessionUpdate
from solarrally.storage.notice import CHANNEL, encode_notices

JWT_SECRET: Final = "a secret of the tests, long enough for every algorithm that somebody might try"
PASSWORD: Final = "correct horse"
ROLES: Final = ("admin", "operator", "user", "guest")
T0: Final = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
DORA_TOKEN, ERIC_TOKEN = "token-of-dora", "token-of-eric"
_NAMESPACE: Final = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def session_id(name: str) -> UUID:
    """The id of a session by a name that tests can read."""
    return uuid5(_NAMESPACE, name)


def login_id(username: str) -> UUID:
    """The id of the login that `World` makes for each of its users."""
    return uuid5(_NAMESPACE, f"login of {username}")


def bill_id(name: str) -> UUID:
    """The id of a bill by a name that tests can read."""
    return uuid5(_NAMESPACE, f"bill/{name}")


def a_session(name: str, **changes: Any) -> SessionUpdate:
    """A running session of Dora's on CP-1."""
    values: dict[str, Any] = {
        "id": session_id(name),
        "evse_uid": "CP-1",
        "connector_id": 1,
        "device_session_id": name,
        "id_token": DORA_TOKEN,
        "status": "ACTIVE",
        "started_at": T0,
        "ended_at": None,
        "end_reason": None,
        "energy_wh": 1500,
        "energy_solar_wh": 1000,
        "energy_grid_wh": 400,
        "energy_unattributed_wh": 100,
        "peak_power_w": 7200.0,
        "cost": Decimal("35.0000"),
        "currency": "JMD",
    }
    return SessionUpdate(**{**values, **changes})


def an_update(evse_uid: str = "CP-1", *, seconds: float = 60, **changes: Any) -> ConnectorUpdate:
    """A connector that charges, so many seconds after T0."""
    values: dict[str, Any] = {
        "evse_uid": evse_uid,
        "site_id": 1,
        "connector_id": 1,
        "is_online": True,
        "ts": T0 + timedelta(seconds=seconds),
        "received_at": T0 + timedelta(seconds=seconds),
        "status": "charging",
        "reported_status": "preparing",
        "power_w": 7000.0,
        "voltage_v": 230.0,
        "current_a": 30.4,
        "temperature_c": None,
        "soc_percent": None,
        "energy_source": "solar",
        "error_code": None,
        "quality": 0,
        "session": None,
    }
    return ConnectorUpdate(**{**values, **changes})


def an_alert(number: int, **changes: Any) -> AlertUpdate:
    """An open alert: CP-1 has a fault."""
    values: dict[str, Any] = {
        "id": number,
        "evse_uid": "CP-1",
        "site_id": 1,
        "connector_id": 1,
        "session_id": session_id("s"),
        "kind": "fault",
        "severity": "critical",
        "status": "open",
        "detail": "GroundFailure",
        "opened_at": T0,
        "last_seen_at": T0,
        "acknowledged_at": None,
        "resolved_at": None,
    }
    return AlertUpdate(**{**values, **changes})


def a_command(name: str, **changes: Any) -> CommandUpdate:
    """An operator's command to CP-1 that is not finished."""
    values: dict[str, Any] = {
        "id": session_id(f"command {name}"),
        "evse_uid": "CP-1",
        "site_id": 1,
        "connector_id": 1,
        "command": "stop",
        "status": "pending",
        "detail": None,
        "requested_by": "operator",
        "requested_by_user_id": 2,
        "created_at": T0,
        "expires_at": T0 + timedelta(minutes=1),
        "sent_at": None,
        "answered_at": None,
        "finished_at": None,
    }
    return CommandUpdate(**{**values, **changes})


async def eventually(is_so: Callable[[], bool], *, within_s: float = 10.0) -> None:
    """Return as soon as it is so. Raises `TimeoutError` when it does not become so."""
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110  # what is waited for knows nothing of this test
            await asyncio.sleep(0.01)


@dataclass
class World:
    """What is in the database, and how to change it."""

    connection: asyncpg.Connection
    user_ids: dict[str, int] = field(default_factory=dict)
    evse_ids: dict[str, int] = field(default_factory=dict)

    def token(self, username: str) -> str:
        """An access token of the user."""
        tokens = AccessTokens(JWT_SECRET, 900)
        return tokens.issue(self.user_ids[username], login_id(username), datetime.now(UTC))

    def headers(self, username: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(username)}"}

    async def populate(self, password_hash: str) -> None:
        """Users admin, operator, user (Dora), guest and eric; EVSEs CP-1, CP-2 at site 1, CP-3 at site 2."""
        for site in ("North", "South"):
            site_id = await self.connection.fetchval(
                "INSERT INTO site (name, timezone, currency) VALUES ($1, 'America/Jamaica', 'JMD')"
                " RETURNING id",
                site,
            )
            await self.connection.execute(
                "INSERT INTO tariff (site_id, valid_from, currency, price_solar_per_kwh, price_grid_per_kwh)"
                " VALUES ($1, '2026-01-01Z', 'JMD', 10, 50)",
                site_id,
            )
        for username, role, id_token in (
            *((role, role, DORA_TOKEN if role == "user" else None) for role in ROLES),
            ("eric", "user", ERIC_TOKEN),
        ):
            self.user_ids[username] = await self.connection.fetchval(
                "INSERT INTO app_user (username, password_hash, role, id_token) VALUES ($1, $2, $3, $4)"
                " RETURNING id",
                username,
                password_hash,
                role,
                id_token,
            )
            await self.insert(
                "login_session",
                {
                    "id": login_id(username),
                    "user_id": self.user_ids[username],
                    "expires_at": datetime.now(UTC) + timedelta(days=1),
                },
            )
        for evse_uid, site_id in (("CP-1", 1), ("CP-2", 1), ("CP-3", 2)):
            await self.add_evse(evse_uid, site_id)
        await self.add_session("running", status="ACTIVE", ended_at=None, end_reason=None)
        await self.connection.execute(
            "UPDATE connector SET session_id = $1, status = 'charging', power_w = 7000 WHERE evse_id = $2",
            session_id("running"),
            self.evse_ids["CP-1"],
        )
        await self.add_session("of-eric", evse_uid="CP-2", id_token=ERIC_TOKEN)

    async def add_evse(self, evse_uid: str, site_id: int = 1) -> None:
        """An EVSE with one free connector."""
        self.evse_ids[evse_uid] = await self.connection.fetchval(
            "INSERT INTO evse (evse_uid, site_id, is_online) VALUES ($1, $2, true) RETURNING id",
            evse_uid,
            site_id,
        )
        await self.connection.execute(
            "INSERT INTO connector (evse_id, connector_id, ts, received_at, status)"
            " VALUES ($1, 1, $2, $2, 'available')",
            self.evse_ids[evse_uid],
            T0,
        )

    async def add_session(self, name: str, evse_uid: str = "CP-1", **changes: Any) -> UUID:
        """A completed session of Dora's, an hour long, unless changed."""
        started_at = changes.pop("started_at", T0)
        values: dict[str, Any] = {
            "id": session_id(name),
            "evse_id": self.evse_ids[evse_uid],
            "connector_id": 1,
            "device_session_id": name,
            "id_token": DORA_TOKEN,
            "status": "COMPLETED",
            "started_at": started_at,
            "ended_at": started_at + timedelta(hours=1),
            "end_reason": "EVDisconnected",
            "last_reading_at": started_at + timedelta(hours=1),
            "reading_count": 3600,
            "energy_wh": 1500,
            "energy_solar_wh": 1000,
            "energy_grid_wh": 400,
            "energy_unattributed_wh": 100,
            "energy_method": "register",
            "peak_power_w": 7200.0,
            "charging_s": 3500.0,
            "quality": 0,
            "tariff_id": 1,
            "currency": "JMD",
            "cost": Decimal("35.0000"),
            "fold": json.dumps({}),
        }
        await self.insert("charging_session", {**values, **changes})
        return session_id(name)

    async def add_alert(self, evse_uid: str = "CP-1", **changes: Any) -> int:
        """A fault since T0 that nobody has looked at; its id."""
        values: dict[str, Any] = {
            "evse_id": self.evse_ids[evse_uid],
            "connector_id": 1,
            "kind": "faulted",
            "severity": "critical",
            "detail": "GroundFailure",
            "opened_at": T0,
            "last_seen_at": T0,
        }
        await self.insert("alert", {**values, **changes})
        return int(await self.connection.fetchval("SELECT max(id) FROM alert"))

    async def add_bill(self, name: str, **changes: Any) -> UUID:
        """An invoice of Dora's for the hour after T0 on CP-1, issued at its end, unless changed."""
        values: dict[str, Any] = {
            "id": bill_id(name),
            "session_id": session_id(name),
            "revision": 1,
            "kind": "invoice",
            "credits_bill_id": None,
            "evse_uid": "CP-1",
            "connector_id": 1,
            "id_token": DORA_TOKEN,
            "started_at": T0,
            "ended_at": T0 + timedelta(hours=1),
            "energy_solar_wh": 1000,
            "energy_grid_wh": 400,
            "energy_unattributed_wh": 100,
            "tariff_id": 1,
            "price_solar_per_kwh": Decimal(10),
            "price_grid_per_kwh": Decimal(50),
            "currency": "JMD",
            "total": Decimal("35.00"),
            "issued_at": T0 + timedelta(hours=1),
        }
        await self.insert("bill", {**values, **changes})
        return bill_id(name)

    async def add_command(self, evse_uid: str = "CP-1", **changes: Any) -> UUID:
        """One of the operator's that waits to be sent; its id."""
        values: dict[str, Any] = {
            "id": uuid4(),
            "evse_id": self.evse_ids[evse_uid],
            "connector_id": 1,
            "command": "pause",
            "params": json.dumps({}),
            "status": "pending",
            "requested_by": "operator",
            "requested_by_user_id": self.user_ids["operator"],
            "expires_at": datetime.now(UTC) + timedelta(minutes=5),
        }
        await self.insert("command", {**values, **changes})
        return UUID(str((values | changes)["id"]))

    async def add_reading(self, seconds: float, evse_uid: str = "CP-1", **changes: Any) -> None:
        """A reading so many seconds after T0."""
        ts = T0 + timedelta(seconds=seconds)
        values: dict[str, Any] = {
            "ts": ts,
            "received_at": ts,
            "evse_id": self.evse_ids[evse_uid],
            "digest": int(seconds),
            "connector_id": 1,
            "quality": 0,
        }
        await self.insert("reading", {**values, **changes})

    async def audited(self, action: str) -> asyncpg.Record:
        """The one entry of the audit log for that action."""
        (entry,) = await self.connection.fetch("SELECT * FROM audit_log WHERE action = $1", action)
        return entry

    async def insert(self, table: str, values: dict[str, Any]) -> None:
        """One row."""
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await self.connection.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", *values.values()
        )

    async def notify(
        self,
        *connectors: ConnectorUpdate,
        sessions: tuple[SessionUpdate, ...] = (),
        alerts: tuple[AlertUpdate, ...] = (),
        commands: tuple[CommandUpdate, ...] = (),
    ) -> None:
        """What the write side does in its transaction."""
        async with self.connection.transaction():
            for text in encode_notices(connectors, sessions, alerts=alerts, commands=commands):
                await self.connection.execute("SELECT pg_notify($1, $2)", CHANNEL, text)
