"""Late readings: the sessions they touch are derived again from stored readings (rule 8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from solarrally.domain.fleet import Connector, Station
from solarrally.domain.reading import UNDATED
from solarrally.domain.refold import fold_again, keep_identities, natural_ids
from solarrally.domain.session import Session
from solarrally.domain.station import ConnectorState, SessionRules
from solarrally.ingest.ports import Transaction


@dataclass(slots=True)
class Refolded:
    """What a second fold changed."""

    sessions: list[Session]
    dissolved: list[Session]
    converged: bool
    """Later sessions were found unchanged: the connector's state stands, and has not seen the batch's new
    readings.
    """


async def refold(
    tx: Transaction,
    station: Station,
    connector: Connector,
    *,
    oldest: datetime,
    settled_after: datetime,
    rules: SessionRules,
    max_power_w: float,
) -> Refolded | None:
    """Fold the connector again from the session that `oldest` falls into, and put its state right.

    `oldest` and `settled_after` are the first and the last of the late readings; all new readings of the
    batch are stored already, and are folded along. None: it would need readings that were dropped, so what
    was concluded from them stands.
    """
    connector_id = connector.latest.connector_id
    before, stored = await tx.sessions_around(station, connector_id, oldest)
    while before is not None and stored and before.reaches >= stored[0].started_at:
        # The cut must not fall inside an instant: readings of one instant may belong to both sessions.
        before, stored = await tx.sessions_around(station, connector_id, stored[0].started_at)
    first = oldest if not stored else min(oldest, stored[0].started_at)
    needed = first - timedelta(seconds=rules.silence_timeout_s)
    newest = connector.state.newest
    if not await tx.raw_is_complete(needed, settled_after if newest is None else newest.ts):
        return None
    state = ConnectorState(evse_uid=station.evse_uid, connector_id=connector_id, session=before)
    readings = []
    async for reading in tx.readings_since(station, connector_id, needed):
        if reading.ts < first:
            if reading.quality & UNDATED:
                state.held.hear(reading.ts, rules)
            state.held.take(reading, rules, max_power_w)
        else:
            readings.append(reading)
    starts = {(session.started_at, session.opening_digest): session for session in stored}
    derived, converged = fold_again(
        state,
        readings,
        rules,
        max_power_w,
        settled_after=settled_after,
        known_starts=frozenset(starts),
    )
    if converged and state.session is not None:
        unchanged_from = stored.index(starts[state.session.started_at, state.session.opening_digest])
        stored = stored[:unchanged_from]
    else:
        connector.state = state
    news = [session for session in derived if session is not before]
    held_ids = await tx.held_session_ids(natural_ids(news))
    dissolved = keep_identities(stored, news, held_ids)
    return Refolded(derived, dissolved, converged)
