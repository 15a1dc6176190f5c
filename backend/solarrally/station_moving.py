"""A station's dialect and base topic, changed in the registry and at the broker as one.

A password's rights at the broker are to literal topics. A certificate's come from its name, and stay.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.provisioning.access import administration
from solarrally.provisioning.passwords import check_username
from solarrally.provisioning.pki_folder import PkiFolder
from solarrally.provisioning.station_topics import (
    NATIVE,
    StationTopics,
    check_apart,
    default_base_topic,
    topics_of,
)
from solarrally.station_registering import CLI, Applicant, registered
from solarrally.storage.edits.credentials import alone_at_the_broker, alone_with
from solarrally.storage.edits.editing import editing
from solarrally.storage.edits.evses import change_evse_in
from solarrally.storage.queries.credentials import foreign_stations
from solarrally.terminal import say


async def set_base_topic(
    engine: AsyncEngine,
    pki: PkiFolder,
    via: str | None,
    evse_uid: str,
    dialect: str | None,
    base_topic: str | None,
) -> str:
    """What holds from now on, in words. None: as it is; the base topic of another dialect is by its family.

    Raises `SolarRallyError`, and then the registry is as it was. Repeating it brings the broker to what the
    registry says. Ingestion waits for the station's row, so nobody holds that while the broker is asked.
    """
    is_asked = False
    try:
        async with editing(engine) as connection:
            await alone_with(connection, evse_uid)
            station = await registered(connection, evse_uid)
            speaks = dialect or station.dialect
            if base_topic is None and speaks == station.dialect:
                base_topic = station.base_topic
            if base_topic is None and speaks != NATIVE:
                base_topic = default_base_topic(speaks, evse_uid)
            topics = await _free_topics(connection, speaks, evse_uid, base_topic)
            changes = {"dialect": speaks, "base_topic": base_topic}
            if all(one.kind != "password" for one in station.held):
                await change_evse_in(connection, CLI, evse_uid, changes)
            else:
                check_username(speaks, evse_uid)
                await alone_at_the_broker(connection)
                async with connection.begin_nested() as attempt:  # what the registry refuses, it refuses here
                    await change_evse_in(connection, CLI, evse_uid, changes, rights_follow=True)
                    await attempt.rollback()
                async with administration(pki, via) as broker:
                    is_asked = True
                    await broker.set_topics(evse_uid, topics)
                await change_evse_in(connection, CLI, evse_uid, changes, rights_follow=True)
    except BaseException:
        if is_asked:
            say("The broker may have done it, and the registry not: repeat this command.")
        raise
    return _in_words(station, speaks, base_topic or f"evse/{evse_uid}")


def _in_words(station: Applicant, dialect: str, place: str) -> str:
    kinds = {one.kind for one in station.held}
    if "password" in kinds:
        return f"{station.evse_uid} may publish below {place}: the device must be set to it too"
    said = f"{station.evse_uid} is listened for below {place}: the device must be set to it too"
    if kinds and dialect != NATIVE:
        said += (
            f"\nIts certificate lets it publish below evse/{station.evse_uid} only. Most such devices want"
            f" `solarrally stations provision {station.evse_uid} --password`"
        )
    return said


async def _free_topics(
    connection: AsyncConnection, dialect: str, evse_uid: str, base_topic: str | None
) -> StationTopics:
    """Raises `NoBaseTopic` when they are another station's as well."""
    topics = topics_of(dialect, evse_uid, base_topic)
    if dialect != NATIVE:
        check_apart(dialect, evse_uid, base_topic, await foreign_stations(connection, evse_uid))
    return topics
