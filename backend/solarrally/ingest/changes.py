"""What one transaction changes beyond readings: sessions, bills, newest values, events, and what watchers
are told.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from solarrally.domain.bill import Account, Bill, dissolve, settle
from solarrally.domain.fleet import Station, session_update
from solarrally.domain.session import Session
from solarrally.domain.station import SessionRules
from solarrally.domain.update import ConnectorUpdate, SessionUpdate
from solarrally.ingest.ports import RejectedPart, StationEvent, Transaction
from solarrally.ingest.registry import Registry


class Changes:
    """Gathered while a batch is folded, written once at its end."""

    def __init__(self) -> None:
        self.events: list[StationEvent] = []
        self.rejected: list[RejectedPart] = []
        self._sessions: dict[UUID, tuple[Station, int, Session]] = {}
        self._dissolved: list[tuple[Station, int, Session]] = []
        self._connectors: dict[tuple[str, int], Station] = {}
        self._announced: set[UUID] = set()

    def connector(self, station: Station, connector_id: int) -> None:
        """Its newest values or its fold changed."""
        self._connectors[station.evse_uid, connector_id] = station

    def session(
        self, station: Station, connector_id: int, session: Session, *, corrected: bool = False
    ) -> None:
        """It was opened, went on, ended, or was `corrected` by late data. The last word on a session counts:
        one that was found after a crash may be derived again in the same batch.
        """
        self._sessions[session.id] = (station, connector_id, session)
        if corrected or not session.is_active:
            self._announced.add(session.id)
        self.connector(station, connector_id)

    def dissolved(self, station: Station, connector_id: int, session: Session) -> None:
        """Late data showed that it never was."""
        self._dissolved.append((station, connector_id, session))
        self.connector(station, connector_id)

    @property
    def stations(self) -> set[str]:
        """Whose rows are written: to be forgotten when that fails."""
        return {evse_uid for evse_uid, _ in self._connectors}

    def __bool__(self) -> bool:
        return bool(self._connectors or self.events or self.rejected)

    async def write(self, tx: Transaction, registry: Registry, rules: SessionRules) -> None:
        """Store it all, and tell watchers when `tx` commits. A connector is written with its running
        session.
        """
        for (_, number), station in self._connectors.items():
            active = station.connectors[number].state.active_session
            if active is not None:
                self._sessions[active.id] = (station, number, active)
        for _, _, session in self._dissolved:
            self._sessions.pop(session.id, None)
        accounts = {key: registry.account(*place) for key, place in self._sessions.items()}
        if self._dissolved:
            await tx.delete_sessions([session.id for _, _, session in self._dissolved])
        if accounts:
            await tx.save_accounts([(self._sessions[key][0], account) for key, account in accounts.items()])
        bills = await self._bills(tx, list(accounts.values()))
        if bills:
            await tx.add_bills(bills)
        latest, announced = self._show(registry, accounts, rules)
        if self._connectors:
            await tx.save_connectors([(station, number) for (_, number), station in self._connectors.items()])
        if self.events:
            await tx.add_events(self.events)
        if self.rejected:
            await tx.add_rejected(self.rejected)
        if latest or announced:
            await tx.notify(latest, announced)

    async def _bills(self, tx: Transaction, accounts: list[Account]) -> list[Bill]:
        ended = [account for account in accounts if not account.session.is_active]
        gone = [session for _, _, session in self._dissolved]
        ids: list[UUID] = [account.session.id for account in ended] + [session.id for session in gone]
        if not ids:
            return []
        billed = await tx.newest_bills(ids)
        bills: list[Bill] = []
        for account in ended:
            bills += settle(account, billed.get(account.session.id))
        for session in gone:
            bills += dissolve(billed.get(session.id))
        return bills

    def _show(
        self,
        registry: Registry,
        accounts: dict[UUID, Account],
        rules: SessionRules,
    ) -> tuple[list[ConnectorUpdate], list[SessionUpdate]]:
        """Each connector's newest with its running session; the session updates worth announcing."""
        shown = []
        for (_, number), station in self._connectors.items():
            connector = station.connectors[number]
            latest, active = connector.up_to_date(rules), connector.state.active_session
            running = None
            if active is not None:
                running = session_update(accounts[active.id])
                if latest.session is None or latest.session.id != active.id:
                    self._announced.add(active.id)
            connector.latest = replace(latest, session=running)
            connector.is_behind = False
            shown.append(connector.latest)
        announced = [session_update(account) for key, account in accounts.items() if key in self._announced]
        for station, number, session in self._dissolved:
            announced.append(session_update(registry.account(station, number, session), status="INVALID"))
        return shown, announced
