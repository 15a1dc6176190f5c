"""What a watcher asked for, and what it may see."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from solarrally.domain.update import AlertUpdate, CommandUpdate, ConnectorUpdate, SessionUpdate
from solarrally.hub.events import Record


@dataclass(slots=True, frozen=True, kw_only=True)
class Audience:
    """What a watcher may see beyond whether a connector is online and free."""

    sees_all_sessions: bool
    sees_alerts: bool = False
    sees_all_commands: bool = False
    id_token: str | None = None
    """The token whose sessions are the watcher's own."""
    user_id: int | None = None
    """The user whose commands are the watcher's own."""

    def may_see(self, record: Record | None) -> bool:
        match record:
            case SessionUpdate():
                return self.sees_all_sessions or (
                    self.id_token is not None and record.id_token == self.id_token
                )
            case AlertUpdate():
                return self.sees_alerts
            case CommandUpdate():
                return self.sees_all_commands or (
                    self.user_id is not None and record.requested_by_user_id == self.user_id
                )
            case None:
                return False


@dataclass(slots=True, frozen=True, kw_only=True)
class Interest:
    """What a watcher asked for: everything, or the union of the lists."""

    everything: bool = False
    evses: frozenset[str] = frozenset()
    sites: frozenset[int] = frozenset()
    sessions: frozenset[UUID] = frozenset()

    def matches(self, update: ConnectorUpdate, audience: Audience) -> bool:
        if self.everything or update.evse_uid in self.evses or update.site_id in self.sites:
            return True
        session = update.session
        return session is not None and session.id in self.sessions and audience.may_see(session)

    def matches_record(self, record: AlertUpdate | CommandUpdate) -> bool:
        if self.everything or record.evse_uid in self.evses or record.site_id in self.sites:
            return True
        return isinstance(record, AlertUpdate) and record.session_id in self.sessions
