"""The certificates and passwords of a station, as operators see them."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from solarrally.storage.audit import Actor
from solarrally.storage.edits.credentials import note_credential, revoke_credentials
from solarrally.storage.edits.editing import EditConflict, editing
from solarrally.storage.engine import create_engine
from tests.api.world import T0, World

CLI = Actor(user_id=None, name="cli")


async def given_two_certificates_and_a_password(database_url: str) -> None:
    """The older certificate is revoked."""
    engine = create_engine(database_url)
    try:
        async with editing(engine) as connection:
            ids = [
                await note_credential(
                    connection,
                    CLI,
                    "CP-1",
                    kind="certificate",
                    reference=name * 32,
                    serial_hex=name.upper(),
                    not_before=T0,
                    not_after=T0 + timedelta(days=365),
                    now=T0 + timedelta(seconds=number),
                    is_rotation=number > 0,
                )
                for number, name in enumerate(("aa", "bb"))
            ]
            await note_credential(
                connection, CLI, "CP-1", kind="password", reference="CP-1", now=T0 + timedelta(seconds=9)
            )
            assert await revoke_credentials(connection, CLI, "CP-1", ids[:1], now=T0) == 1
            assert await revoke_credentials(connection, CLI, "CP-1", ids[:1], now=T0) == 0
    finally:
        await engine.dispose()


async def test_credentials_are_listed_newest_first_and_hold_no_secret(
    client: httpx.AsyncClient, world: World, database_url: str
) -> None:
    await given_two_certificates_and_a_password(database_url)

    url: str | None = "/api/v1/evses/CP-1/credentials?limit=2"
    items = []
    while url:
        answer = (await client.get(url, headers=world.headers("operator"))).json()
        items += answer["items"]
        cursor = answer["next_cursor"]
        url = f"/api/v1/evses/CP-1/credentials?limit=2&cursor={cursor}" if cursor else None

    assert [(one["kind"], one["reference"], one["revoked_by"]) for one in items] == [
        ("password", "CP-1", None),
        ("certificate", "bb" * 32, None),
        ("certificate", "aa" * 32, "cli"),
    ]
    assert items[0].keys() == {
        *("id", "kind", "reference", "serial_hex", "not_before", "not_after"),
        *("created_at", "created_by", "revoked_at", "revoked_by"),
    }


async def test_every_credential_made_rotated_and_revoked_is_in_the_audit_log(
    world: World, database_url: str
) -> None:
    await given_two_certificates_and_a_password(database_url)

    entries = await world.connection.fetch("SELECT action, object_id FROM audit_log ORDER BY id")

    assert [tuple(entry) for entry in entries] == [
        ("evse_credential.create", "CP-1"),
        ("evse_credential.rotate", "CP-1"),
        ("evse_credential.create", "CP-1"),
        ("evse_credential.revoke", "CP-1"),
    ]


async def test_a_new_password_takes_the_place_of_the_old_one(world: World, database_url: str) -> None:
    await given_two_certificates_and_a_password(database_url)
    engine = create_engine(database_url)
    try:
        async with editing(engine) as connection:
            await note_credential(connection, CLI, "CP-1", kind="password", reference="CP-1", now=T0)
    finally:
        await engine.dispose()

    rows = await world.connection.fetch(
        "SELECT created_at, revoked_at FROM evse_credential WHERE kind = 'password'"
    )
    assert [tuple(row) for row in rows] == [(T0, None)]


async def test_where_a_station_with_a_password_publishes_is_changed_where_the_broker_is_changed_too(
    client: httpx.AsyncClient, world: World, database_url: str
) -> None:
    async def changed(**changes: object) -> httpx.Response:
        return await client.patch("/api/v1/evses/CP-1", json=changes, headers=world.headers("admin"))

    assert (await changed(dialect="goe", base_topic="home/left")).status_code == 200
    engine = create_engine(database_url)
    try:
        async with editing(engine) as connection:
            made = await note_credential(connection, CLI, "CP-1", kind="password", reference="CP-1", now=T0)
        for field, value in (("base_topic", "home/right"), ("dialect", "openevse")):
            refused = await changed(**{field: value})

            assert refused.status_code == 409
            [error] = refused.json()["errors"]
            assert error["field"] == field
            assert "solarrally stations set-base-topic CP-1" in error["message"]
        assert (await changed(base_topic="home/left", name="Left")).status_code == 200
        async with editing(engine) as connection:
            assert await revoke_credentials(connection, CLI, "CP-1", [made], now=T0) == 1
        assert (await changed(base_topic="home/right")).json()["base_topic"] == "home/right"
    finally:
        await engine.dispose()


async def test_a_station_that_is_not_registered_has_no_credentials(
    client: httpx.AsyncClient, world: World, database_url: str
) -> None:
    answer = await client.get("/api/v1/evses/NOBODY/credentials", headers=world.headers("operator"))
    assert answer.status_code == 404
    engine = create_engine(database_url)
    try:
        async with editing(engine) as connection:
            with pytest.raises(EditConflict, match="no station NOBODY"):
                await note_credential(connection, CLI, "NOBODY", kind="password", reference="NOBODY", now=T0)
    finally:
        await engine.dispose()
