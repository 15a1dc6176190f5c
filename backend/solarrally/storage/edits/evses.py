"""EVSEs registered, changed and removed, each with its entry in the audit log.

`edited_at` tells the ingestor, which holds stations in memory, to load this one again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.storage.audit import Actor, record
from solarrally.storage.edits.base_topics import check_apart
from solarrally.storage.edits.credentials import alone_with
from solarrally.storage.edits.editing import EditConflict, editing
from solarrally.storage.queries.evses import EvseRow, evse_in
from solarrally.storage.tables import (
    charging_session,
    connector,
    evse,
    evse_credential,
    evse_move,
    reading,
    reading_15min,
    site,
    station_event,
)

Descriptions = Sequence[Mapping[str, Any]]
"""Of connectors: `connector_id`, and what changes of its `standard`, `format` and `power_type`."""
_TOPICS: Final = frozenset({"dialect", "base_topic"})
"""What the rights of a station with a password come from."""


async def add_evse(
    engine: AsyncEngine, actor: Actor, values: Mapping[str, Any], connectors: Descriptions
) -> EvseRow:
    """Register an EVSE. Raises `EditConflict` when it is registered already, or its site does not exist."""
    async with editing(engine) as connection:
        return await add_evse_in(connection, actor, values, connectors)


async def add_evse_in(
    connection: AsyncConnection, actor: Actor, values: Mapping[str, Any], connectors: Descriptions
) -> EvseRow:
    """`add_evse` in a transaction that the caller commits."""
    await _check_site(connection, values["site_id"])
    await _check_base_topic(connection, values["evse_uid"], values["dialect"], values["base_topic"])
    try:
        evse_id = (await connection.execute(insert(evse).values(values).returning(evse.c.id))).scalar_one()
    except IntegrityError as error:
        raise _conflict_of(error) from error
    await _describe(connection, evse_id, connectors)
    after = {**values, "connectors": list(connectors)}
    await record(connection, actor, "evse.create", "evse", values["evse_uid"], after=after)
    made = await evse_in(connection, values["evse_uid"])
    assert made is not None
    return made


async def change_evse(
    engine: AsyncEngine,
    actor: Actor,
    evse_uid: str,
    changes: Mapping[str, Any],
    connectors: Descriptions,
) -> EvseRow | None:
    """The EVSE with these fields and connectors changed; None when there is none.

    At another site only new sessions are priced by its tariff. Raises `EditConflict` when there is no such
    site, and for other topics of a station whose password the broker binds to those that it has.
    """
    async with editing(engine) as connection:
        if changes.keys() & _TOPICS:
            await alone_with(connection, evse_uid)  # nobody gives it a password meanwhile
        return await change_evse_in(connection, actor, evse_uid, changes, connectors)


async def change_evse_in(
    connection: AsyncConnection,
    actor: Actor,
    evse_uid: str,
    changes: Mapping[str, Any],
    connectors: Descriptions = (),
    *,
    rights_follow: bool = False,
) -> EvseRow | None:
    """`change_evse` in a transaction that the caller commits. `rights_follow`: the caller, who is
    `alone_with` it, gives its password the rights to the new topics at the broker.
    """
    evse_id = await _locked(connection, evse_uid)
    old = None if evse_id is None else await evse_in(connection, evse_uid)
    if evse_id is None or old is None:
        return None
    values = {field: value for field, value in changes.items() if value != getattr(old, field)}
    if "site_id" in values:
        await _check_site(connection, values["site_id"])
        if await _was_heard(connection, evse_id):
            move = {"evse_id": evse_id, "moved_at": func.now(), "from_site_id": old.site_id}
            await connection.execute(insert(evse_move).values(move))
    known = {one.connector_id: one for one in old.connectors}
    described = [
        one
        for one in connectors
        if one["connector_id"] not in known
        or any(getattr(known[one["connector_id"]], name) != value for name, value in one.items())
    ]
    if not values and not described:
        return old
    if values.keys() & _TOPICS:
        if not rights_follow and await _may_connect(connection, evse_id, "password"):
            raise EditConflict(
                min(values.keys() & _TOPICS),
                "the broker lets its password use the topics that it has now: `solarrally stations"
                f" set-base-topic {evse_uid}` changes both",
            )
        speaks = values.get("dialect", old.dialect)
        await _check_base_topic(connection, evse_uid, speaks, values.get("base_topic", old.base_topic))
    try:
        await connection.execute(
            update(evse).where(evse.c.id == evse_id).values(**values, edited_at=func.now())
        )
    except IntegrityError as error:
        raise _conflict_of(error) from error
    await _describe(connection, evse_id, described)
    before: dict[str, Any] = {field: getattr(old, field) for field in values}
    after: dict[str, Any] = dict(values)
    if described:
        before["connectors"] = [
            {name: getattr(known[one["connector_id"]], name) for name in one}
            for one in described
            if one["connector_id"] in known
        ]
        after["connectors"] = described
    await record(connection, actor, "evse.update", "evse", evse_uid, before=before, after=after)
    return await evse_in(connection, evse_uid)


async def remove_evse(engine: AsyncEngine, actor: Actor, evse_uid: str) -> bool:
    """Whether there was such an EVSE. Raises `EditConflict` when it was ever heard of."""
    async with editing(engine) as connection:
        evse_id = await _locked(connection, evse_uid)
        old = None if evse_id is None else await evse_in(connection, evse_uid)
        if evse_id is None or old is None:
            return False
        if await _was_heard(connection, evse_id):
            raise EditConflict("evse_uid", "it has been heard of: disable it instead")
        if await _may_connect(connection, evse_id):
            raise EditConflict("evse_uid", "it has a certificate or a password that holds: revoke it first")
        await connection.execute(delete(connector).where(connector.c.evse_id == evse_id))
        try:
            await connection.execute(delete(evse).where(evse.c.id == evse_id))
        except IntegrityError as error:
            raise EditConflict("evse_uid", "something refers to it: disable it instead") from error
        before = {"site_id": old.site_id, "name": old.name, "dialect": old.dialect}
        await record(connection, actor, "evse.delete", "evse", evse_uid, before=before)
    return True


async def _locked(connection: AsyncConnection, evse_uid: str) -> int | None:
    return await connection.scalar(select(evse.c.id).where(evse.c.evse_uid == evse_uid).with_for_update())


def _conflict_of(error: IntegrityError) -> EditConflict:
    if "uq_evse_base_topic" in str(error.orig):
        return EditConflict("base_topic", "is another station's")
    return EditConflict("evse_uid", "is registered already")


async def _check_base_topic(
    connection: AsyncConnection, evse_uid: str, dialect: str, base_topic: str | None
) -> None:
    if base_topic is None:
        return
    if dialect == "native":
        raise EditConflict("base_topic", "a native station publishes below the topic root: name its dialect")
    await check_apart(connection, evse_uid, base_topic)


async def _check_site(connection: AsyncConnection, site_id: int) -> None:
    """Locked, so that it is not removed meanwhile."""
    found = select(site.c.id).where(site.c.id == site_id).with_for_update(read=True, key_share=True)
    if await connection.scalar(found) is None:
        raise EditConflict("site_id", "there is no such site")


async def _may_connect(connection: AsyncConnection, evse_id: int, kind: str | None = None) -> bool:
    """Whether it has a credential (of this kind) that nobody revoked: without its entry nobody could."""
    held = select(evse_credential.c.id).where(
        evse_credential.c.evse_id == evse_id, evse_credential.c.revoked_at.is_(None)
    )
    if kind is not None:
        held = held.where(evse_credential.c.kind == kind)
    return bool(await connection.scalar(select(held.exists())))


async def _was_heard(connection: AsyncConnection, evse_id: int) -> bool:
    """Whether anything ever came from it: then something is kept of it, or the ingestor may know it."""
    traces = (
        select(evse.c.id).where(evse.c.id == evse_id, evse.c.online_changed_at.is_not(None)),
        select(connector.c.evse_id).where(connector.c.evse_id == evse_id, connector.c.ts.is_not(None)),
        *(
            select(table.c.evse_id).where(table.c.evse_id == evse_id)
            for table in (charging_session, station_event, reading_15min, reading)
        ),
    )
    return bool(await connection.scalar(select(or_(*(trace.exists() for trace in traces)))))


async def _describe(connection: AsyncConnection, evse_id: int, connectors: Descriptions) -> None:
    for one in connectors:
        said = {name: value for name, value in one.items() if name != "connector_id"}
        statement = upsert(connector).values(evse_id=evse_id, **one)
        key = [connector.c.evse_id, connector.c.connector_id]
        await connection.execute(
            statement.on_conflict_do_update(index_elements=key, set_=said)
            if said
            else statement.on_conflict_do_nothing(index_elements=key)
        )
