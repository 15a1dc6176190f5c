"""The stations and tariffs this process knows, loaded from the store when first needed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from solarrally.domain.bill import Account
from solarrally.domain.fleet import Station
from solarrally.domain.session import Session
from solarrally.domain.station import observe
from solarrally.domain.tariff import Tariff, tariff_at
from solarrally.errors import SiteWithoutTariff
from solarrally.ingest.ports import Store
from solarrally.ingest.rules import IngestRules

EDITS_OVERLAP: Final = timedelta(minutes=5)
"""Longer than an edit takes to be committed, and than our clock and the database's may differ."""
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Registry:
    """A cache that may be dropped at any time: the database holds everything needed to go on."""

    def __init__(
        self, store: Store, rules: IngestRules, dialect_of: Callable[[str], str] = lambda evse_uid: "native"
    ) -> None:
        """`dialect_of` tells what a station that nobody registered speaks."""
        self._dialect_of = dialect_of
        self._store = store
        self._rules = rules
        self._stations: dict[str, Station] = {}
        self._lost: set[str] = set()
        """Forgotten, with something unwritten perhaps: to be loaded again without waiting for a message."""
        self._recovered: list[tuple[Station, int, list[Session]]] = []
        self._tariffs: dict[int, list[Tariff]] = {}
        self._newcomers: list[Station] = []
        self._edits_known_at = EARLIEST

    async def start(self) -> None:
        """Load what silence may change, and the prices."""
        self._stations.clear()
        self._lost.clear()
        self._recovered.clear()
        self._newcomers.clear()
        await self.read_tariffs()
        await self._add(await self._store.load_live_stations())

    async def read_tariffs(self) -> None:
        self._tariffs = await self._store.load_tariffs()

    async def learn_edits(self, now: datetime) -> None:
        """Forget stations whose entry somebody changed since they were loaded: they are loaded again.

        Looks back further than the last time, for what was committed late.
        """
        edited = await self._store.edited_stations(self._edits_known_at - EDITS_OVERLAP)
        self._edits_known_at = now
        self.forget(
            evse_uid
            for evse_uid, edited_at in edited.items()
            if evse_uid in self._stations and self._stations[evse_uid].edited_at != edited_at
        )

    async def require(self, evse_uids: Collection[str]) -> None:
        """Make sure that these are known, registering new ones where that is allowed."""
        if not self._tariffs:
            await self.read_tariffs()
        missing = self._lost | {uid for uid in evse_uids if uid not in self._stations}
        if not missing:
            return
        found = await self._store.load_stations(sorted(missing))
        unknown = sorted(uid for uid in missing if uid not in found)
        if unknown and self._rules.register_unknown_stations:
            await self._store.register_stations(unknown, {uid: self._dialect_of(uid) for uid in unknown})
            found |= await self._store.load_stations(unknown)
        await self._add(found)
        self._lost.clear()

    async def _add(self, stations: dict[str, Station]) -> None:
        """Take in loaded stations, after folding what was stored since their state was written."""
        sessions: dict[tuple[str, int], dict[int, Session]] = {}
        rules = self._rules.session
        async for station, reading in self._store.readings_beyond(stations.values()):
            connector = station.connector(reading.connector_id)
            max_power_w = station.max_power_w or self._rules.default_max_power_w
            changed = sessions.setdefault((station.evse_uid, reading.connector_id), {})
            for session in observe(connector.state, reading, rules, max_power_w):
                changed[id(session)] = session
            connector.take(reading, rules)
        for (evse_uid, number), by_id in sessions.items():
            self._recovered.append((stations[evse_uid], number, list(by_id.values())))
        self._stations |= stations
        self._newcomers += stations.values()
        if any(site_id not in self._tariffs for station in stations.values() for site_id in station.sites()):
            await self.read_tariffs()  # the site is younger than what we know of prices

    @property
    def has_recovered(self) -> bool:
        """Whether `take_recovered` has something to give."""
        return bool(self._recovered)

    def take_recovered(self) -> list[tuple[Station, int, list[Session]]]:
        """Connectors whose written state was behind their readings, with the sessions that changed since."""
        recovered, self._recovered = self._recovered, []
        return [entry for entry in recovered if self._stations.get(entry[0].evse_uid) is entry[0]]

    def take_newcomers(self) -> list[Station]:
        """Stations loaded since this was last asked."""
        newcomers, self._newcomers = self._newcomers, []
        return newcomers

    def get(self, evse_uid: str) -> Station | None:
        return self._stations.get(evse_uid)

    def forget(self, evse_uids: Iterable[str]) -> None:
        """Drop what may no longer agree with the database; it is loaded again soon."""
        for uid in evse_uids:
            if self._stations.pop(uid, None) is not None:
                self._lost.add(uid)

    def account(self, station: Station, connector_id: int, session: Session) -> Account:
        """The session's figures under the tariff that was in force when it started.

        Raises `SiteWithoutTariff`: ingestion waits until the gap is filled, and says so, and nothing is lost.
        """
        site_id = station.site_at(session.started_at)
        versions = self._tariffs.get(site_id)
        if not versions:
            self._tariffs = {}  # to be read again before the next attempt
            raise SiteWithoutTariff(site_id, station.evse_uid)
        tariff = tariff_at(versions, session.started_at)
        return Account(session, station.evse_uid, connector_id, session.energy.figures(), tariff)

    def __len__(self) -> int:
        return len(self._stations)
