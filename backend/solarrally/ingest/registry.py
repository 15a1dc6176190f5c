"""The stations and tariffs this process knows, loaded from the store when first needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from solarrally.domain.bill import Account
from solarrally.domain.fleet import Station
from solarrally.domain.session import Session
from solarrally.domain.tariff import Tariff, tariff_at
from solarrally.errors import StoreUnavailable
from solarrally.ingest.ports import Store


class Registry:
    """A cache that may be dropped at any time: the database holds everything needed to go on."""

    def __init__(self, store: Store, *, register_unknown: bool) -> None:
        self._store = store
        self._register_unknown = register_unknown
        self._stations: dict[str, Station] = {}
        self._tariffs: dict[int, list[Tariff]] = {}

    async def start(self) -> None:
        """Load what silence may change, and the prices."""
        await self.read_tariffs()
        self._stations = await self._store.load_live_stations()

    async def read_tariffs(self) -> None:
        self._tariffs = await self._store.load_tariffs()

    async def require(self, evse_uids: Collection[str]) -> None:
        """Make sure that these are known, registering new ones where that is allowed."""
        if not self._tariffs:
            await self.read_tariffs()
        missing = sorted(uid for uid in evse_uids if uid not in self._stations)
        if not missing:
            return
        found = await self._store.load_stations(missing)
        unknown = [uid for uid in missing if uid not in found]
        if unknown and self._register_unknown:
            await self._store.register_stations(unknown)
            found |= await self._store.load_stations(unknown)
        self._stations |= found

    def get(self, evse_uid: str) -> Station | None:
        return self._stations.get(evse_uid)

    def forget(self, evse_uids: Iterable[str]) -> None:
        """Drop what may no longer agree with the database; it is loaded again when needed."""
        for uid in evse_uids:
            self._stations.pop(uid, None)

    def account(self, station: Station, connector_id: int, session: Session) -> Account:
        """The session's figures under the tariff that was in force when it started.

        A site without a tariff is a gap in the database: `StoreUnavailable`, so that ingestion waits until it
        is filled, and says so, and nothing is lost.
        """
        versions = self._tariffs.get(station.site_id)
        if not versions:
            self._tariffs = {}  # to be read again before the next attempt
            raise StoreUnavailable(f"site {station.site_id} of station {station.evse_uid} has no tariff")
        tariff = tariff_at(versions, session.started_at)
        return Account(session, station.evse_uid, connector_id, session.energy.figures(), tariff)

    def __iter__(self) -> Iterator[Station]:
        return iter(list(self._stations.values()))

    def __len__(self) -> int:
        return len(self._stations)
