"""The session rules: one connector's readings, in order, folded into its sessions.

`observe` is the only place where sessions open, go on and end. It is a pure function of what it is given:
feeding a connector's readings in `order_key` order to a fresh state always gives the same sessions. Late
readings are therefore handled by folding again from stored readings (`ingest.late`), never by patching.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from solarrally.domain.energy import (
    JITTER_WH,
    LEAST_WS_PER_WH,
    IdleCounters,
    deliverable_wh,
    unseen_for_s,
)
from solarrally.domain.reading import (
    NEVER_BILLED,
    UNDATED,
    ConnectorStatus,
    OrderKey,
    Quality,
    Reading,
    TransactionEvent,
)
from solarrally.domain.session import EndReason, Session, session_id

_GONE = {ConnectorStatus.AVAILABLE, ConnectorStatus.UNAVAILABLE, ConnectorStatus.RESERVED}
_NO_IDLE_COUNTERS = IdleCounters()
_NEGATIVE = int(Quality.NEGATIVE)
_ABOVE_MAXIMUM = int(Quality.ABOVE_MAXIMUM)
_POWER_MISMATCH = int(Quality.POWER_MISMATCH)
_END_REASON_OF_FAULT = {
    "GroundFailure": EndReason.GROUND_FAULT,
    "OverCurrentFailure": EndReason.OVERCURRENT_FAULT,
}


@dataclass(slots=True, frozen=True, kw_only=True)
class SessionRules:
    """The numbers in the rules."""

    charging_threshold_w: float = 100.0
    """Power above it is charging. Idle electronics show tens of watts, a vehicle takes 1.4 kW and more."""
    silence_timeout_s: float = 1800.0
    """Longer silence ends a session, and makes what was last known unknown."""
    gap_cap_s: float = 300.0
    """Power is integrated over at most so much of a gap."""
    id_reuse_s: float = 86_400.0
    """A device session id that comes back later than this with its counter restarted is another session."""


class Evidence(Enum):
    """What one reading says about the vehicle."""

    GONE = "gone"
    NOTHING = "nothing"
    UNKNOWN = "unknown"
    PLUGGED = "plugged"
    CHARGING = "charging"
    ENDED = "ended"


@dataclass(slots=True)
class Known:
    """A counter value, when it was seen, and under which device session id."""

    value_wh: float
    at: datetime
    session_id: str | None = None


@dataclass(slots=True)
class Held:
    """What was last said of the counters. Older than the silence timeout, it counts as unknown."""

    register: Known | None = None
    counter: Known | None = None
    solar: Known | None = None
    grid: Known | None = None
    undated_at: datetime | None = None
    """Receipt of the newest undated reading."""
    lag_s: float = 0.0
    """It may be so much older than that."""

    def hear(self, undated_at: datetime, rules: SessionRules) -> None:
        """Note the receipt of an undated reading. After a gap it may be as old as the gap was long, and so
        may what follows, for as long as the gap was.

        Gaps of more than half the silence timeout do not count: what the lag depends on is then always within
        one silence timeout, and known when history is folded again.
        """
        if self.undated_at is not None:
            gap_s = (undated_at - self.undated_at).total_seconds()
            counts = gap_s <= rules.silence_timeout_s / 2
            self.lag_s = max(gap_s if counts else 0.0, self.lag_s - gap_s)
        self.undated_at = undated_at

    def lag_of(self, reading: Reading) -> float:
        """How much older than its receipt a reading may be that was just heard, in seconds."""
        return self.lag_s if reading.quality & UNDATED else 0.0

    def take(self, reading: Reading, rules: SessionRules, max_power_w: float) -> None:
        """Keep what the counters of a reading show that was heard, and take off the lag what they used."""
        if reading.quality & NEVER_BILLED:
            return
        ts, name = reading.ts, reading.session_id
        if self.lag_s and reading.quality & UNDATED:
            used_s = self._risen_wh(reading, rules) * LEAST_WS_PER_WH / max_power_w
            self.lag_s = max(0.0, self.lag_s - used_s)
        if reading.energy_register_wh is not None:
            self.register = _noted(self.register, reading.energy_register_wh, ts, None)
        if reading.session_energy_wh is not None:
            self.counter = _noted(self.counter, reading.session_energy_wh, ts, name)
        if reading.session_energy_solar_wh is not None:
            self.solar = _noted(self.solar, reading.session_energy_solar_wh, ts, name)
        if reading.session_energy_grid_wh is not None:
            self.grid = _noted(self.grid, reading.session_energy_grid_wh, ts, name)

    def _risen_wh(self, reading: Reading, rules: SessionRules) -> float:
        """What the counters of a reading show beyond what was last known, if that was known as lately as a
        gap may be long that counts; all of a session counter that is another session's.
        """

        def rise_wh(known: Known | None, value_wh: float | None, *, starts_at_zero: bool) -> float:
            if known is None or value_wh is None:
                return 0.0
            if (reading.ts - known.at).total_seconds() > rules.silence_timeout_s / 2:
                return 0.0
            if starts_at_zero and (known.session_id != reading.session_id or value_wh < known.value_wh):
                return value_wh
            return value_wh - known.value_wh

        return max(
            0.0,
            rise_wh(self.register, reading.energy_register_wh, starts_at_zero=False),
            rise_wh(self.counter, reading.session_energy_wh, starts_at_zero=True),
        )

    def idle_counters(self, reading: Reading, rules: SessionRules) -> IdleCounters:
        """What to compare the counters of a reading with that was just heard."""

        def recent(known: Known | None) -> tuple[float, datetime] | None:
            if known is None or (reading.ts - known.at).total_seconds() > rules.silence_timeout_s:
                return None
            return known.value_wh, known.at

        return IdleCounters(
            recent(self.register),
            recent(self.counter),
            recent(self.solar),
            recent(self.grid),
            self.lag_of(reading),
        )


def _noted(known: Known | None, value_wh: float, at: datetime, session_id: str | None) -> Known:
    """`known`, brought up to date: a new object for every value would cost more than the rest."""
    if known is None:
        return Known(value_wh, at, session_id)
    known.value_wh, known.at, known.session_id = value_wh, at, session_id
    return known


@dataclass(slots=True, kw_only=True)
class ConnectorState:
    """Everything the fold remembers of a connector: the newest reading, the counters, the last session."""

    evse_uid: str
    connector_id: int
    newest: OrderKey | None = None
    newest_digests: list[int] = field(default_factory=list)
    """The readings at the newest instant: one of them that comes again is no news, however it is received."""
    held: Held = field(default_factory=Held)
    session: Session | None = None

    @property
    def active_session(self) -> Session | None:
        return self.session if self.session is not None and self.session.is_active else None


def observe(
    state: ConnectorState, reading: Reading, rules: SessionRules, max_power_w: float
) -> list[Session]:
    """Fold one reading, newer than every one before it, into `state`; the sessions it changed."""
    changed: list[Session] = []
    session = state.session
    if session is not None and not session.is_active and not session.is_final:
        session.go_on()  # it only fell silent: judge again with what is known now
        changed.append(session)
    if reading.quality & UNDATED:
        state.held.hear(reading.ts, rules)
    evidence = _evidence(state, reading, rules, max_power_w)
    if session is not None and session.is_active:
        silence_s = (reading.ts - session.last_reading_at).total_seconds()
        if silence_s > rules.silence_timeout_s and not _continues(
            session, reading, evidence, rules, max_power_w
        ):
            session.end(session.last_reading_at, EndReason.TIMEOUT, final=True)
            session.is_vacated = True
            changed.append(session)
    _note_newest(state, reading)
    if evidence is Evidence.NOTHING:
        return changed
    if session is not None and session.is_active and _names_another_session(session, reading, evidence):
        session.end(reading.ts, EndReason.OTHER, final=True)
        changed.append(session)
    if session is not None and session.is_active:
        _go_on(session, reading, evidence, state.held, rules, max_power_w)
        changed.append(session)
    elif session is not None and _resumes(session, reading, evidence, rules, max_power_w):
        session.go_on()
        _add(session, reading, _NO_IDLE_COUNTERS, rules, max_power_w)
        changed.append(session)
    elif _opens(session, reading, evidence):
        session = _open(state, reading, evidence, rules, max_power_w)
        changed.append(session)
    elif session is not None and evidence is Evidence.GONE and not session.is_vacated:
        session.is_vacated = True
        changed.append(session)
    state.held.take(reading, rules, max_power_w)
    return changed if len(changed) < 2 else list({id(session): session for session in changed}.values())


def expire(
    state: ConnectorState, silent_since: datetime, now: datetime, rules: SessionRules
) -> Session | None:
    """End a session whose station has been silent for too long; it goes on if the station comes back with it.

    `silent_since` is the last receipt from the connector. The end is the last reading, as it would be
    concluded from the next reading after the gap: the view is provisional, and no later conclusion depends on
    it.
    """
    session = state.active_session
    if session is None or (now - silent_since).total_seconds() <= rules.silence_timeout_s:
        return None
    session.end(session.last_reading_at, EndReason.TIMEOUT, final=False)
    return session


def effective_status(reading: Reading, rules: SessionRules) -> ConnectorStatus | None:
    """What the connector does: the device's word, unless power contradicts it (`preparing` through a whole
    charge).
    """
    power_w = reading.power_w
    if power_w is not None and power_w > rules.charging_threshold_w and not reading.quality & NEVER_BILLED:
        return ConnectorStatus.CHARGING
    return reading.status


def judged_quality(reading: Reading, max_power_w: float) -> int:
    """Marks of physical impossibility (rule 6). Such a reading is stored and never billed.

    Voltage times current is compared with power widely enough for one to three phases, line or phase voltage
    and a poor power factor: what it catches is a wrong unit. Where each phase is measured, the sum of the
    phases is, and the bounds are narrower.
    """
    quality = 0
    power_w, current_a = reading.power_w, reading.current_a
    if (
        (power_w is not None and power_w < 0)
        or (current_a is not None and current_a < 0)
        or (reading.energy_register_wh is not None and reading.energy_register_wh < 0)
        or (reading.session_energy_wh is not None and reading.session_energy_wh < 0)
        or (reading.session_energy_solar_wh is not None and reading.session_energy_solar_wh < 0)
        or (reading.session_energy_grid_wh is not None and reading.session_energy_grid_wh < 0)
    ):
        quality |= _NEGATIVE
    if power_w is not None:
        if power_w > max_power_w * 1.25 + 500:
            quality |= _ABOVE_MAXIMUM
        if reading.voltage_l1_v is not None and reading.current_l1_a is not None:
            apparent_va = _apparent_va(reading)
            if not 0.4 * apparent_va - 500 <= abs(power_w) <= 1.5 * apparent_va + 500:
                quality |= _POWER_MISMATCH
        elif reading.voltage_v and current_a is not None:
            apparent_va = abs(reading.voltage_v * current_a)
            if not 0.4 * apparent_va - 500 <= abs(power_w) <= 3.75 * apparent_va + 500:
                quality |= _POWER_MISMATCH
    return quality


def _apparent_va(reading: Reading) -> float:
    """Of all phases together. A neutral wire's voltage is none of theirs."""
    pairs = (
        (reading.voltage_l1_v, reading.current_l1_a),
        (reading.voltage_l2_v, reading.current_l2_a),
        (reading.voltage_l3_v, reading.current_l3_a),
    )
    return sum(abs(volts * amperes) for volts, amperes in pairs if volts is not None and amperes is not None)


def _note_newest(state: ConnectorState, reading: Reading) -> None:
    if state.newest is None or state.newest.ts != reading.ts:
        state.newest_digests = [reading.digest]
    else:
        state.newest_digests.append(reading.digest)
    state.newest = reading.order_key


def _evidence(state: ConnectorState, reading: Reading, rules: SessionRules, max_power_w: float) -> Evidence:
    if reading.transaction_event is TransactionEvent.ENDED:
        return _evidence_of_end(state.session, reading)
    power_w = reading.power_w
    if power_w is not None and power_w > rules.charging_threshold_w and not reading.quality & NEVER_BILLED:
        return Evidence.CHARGING
    session = state.active_session
    says_gone = reading.status in _GONE
    if says_gone and session is not None and not session.ignores_status:
        return Evidence.GONE
    if _energy_rises(state.held, reading, rules, max_power_w):
        return Evidence.CHARGING
    if says_gone:
        return Evidence.GONE
    if reading.transaction_event is TransactionEvent.STARTED:
        return Evidence.PLUGGED
    if reading.status is None or reading.status is ConnectorStatus.FAULTED:
        return Evidence.PLUGGED if reading.session_id is not None else Evidence.UNKNOWN
    return Evidence.PLUGGED


def _evidence_of_end(session: Session | None, reading: Reading) -> Evidence:
    """The end of some other session than the one we know says nothing about this one."""
    names_other = (
        session is not None
        and reading.session_id is not None
        and session.device_session_id is not None
        and reading.session_id != session.device_session_id
    )
    return Evidence.NOTHING if names_other else Evidence.ENDED


def _energy_rises(held: Held, reading: Reading, rules: SessionRules, max_power_w: float) -> bool:
    """Whether a counter rose, since it was last seen, faster than the charging threshold and no faster than
    possible.
    """
    if reading.quality & NEVER_BILLED:
        return False
    lag_s = held.lag_of(reading)
    pairs = [(held.register, reading.energy_register_wh, False)]
    if held.counter is not None and held.counter.session_id == reading.session_id:
        pairs.append((held.counter, reading.session_energy_wh, True))
    for known, value_wh, starts_at_zero in pairs:
        if known is None or value_wh is None:
            continue
        elapsed_s = (reading.ts - known.at).total_seconds()
        rise_wh = value_wh - known.value_wh
        if 0 < elapsed_s <= rules.silence_timeout_s and rise_wh > max(
            JITTER_WH, rules.charging_threshold_w * elapsed_s / 3600
        ):
            unseen_s = unseen_for_s(
                known.value_wh, known.at, reading.ts, lag_s, starts_at_zero=starts_at_zero
            )
            if rise_wh <= deliverable_wh(max_power_w, known.at, reading.ts, unseen_s):
                return True
    return False


def _counter_goes_on(session: Session, reading: Reading, max_power_w: float) -> bool | None:
    """Whether the device's session counter continues this session's; None where it says nothing."""
    last_wh, last_at = session.energy.counter.last_wh, session.energy.counter.last_at
    if last_wh is None or last_at is None or reading.session_energy_wh is None:
        return None
    rise_wh = reading.session_energy_wh - last_wh
    lag_s = session.energy.counter.lag_s
    return -JITTER_WH <= rise_wh <= deliverable_wh(max_power_w, last_at, reading.ts, lag_s)


def _continues(
    session: Session, reading: Reading, evidence: Evidence, rules: SessionRules, max_power_w: float
) -> bool:
    """Whether the reading after a long silence belongs to the same session (rules 3 and 7)."""
    if evidence is Evidence.GONE:
        return False
    if session.device_session_id is not None and reading.session_id is not None:
        if session.device_session_id != reading.session_id:
            return False
        restarted = _counter_goes_on(session, reading, max_power_w) is False
        silence_s = (reading.ts - session.last_reading_at).total_seconds()
        return not (restarted and silence_s > rules.id_reuse_s)
    goes_on = _counter_goes_on(session, reading, max_power_w)
    if goes_on is not None and session.energy.counter.last_wh:
        return goes_on
    register_wh = session.energy.register.last_wh
    if register_wh is not None and reading.energy_register_wh is not None:
        return abs(reading.energy_register_wh - register_wh) <= JITTER_WH
    return False


def _names_another_session(session: Session, reading: Reading, evidence: Evidence) -> bool:
    return (
        evidence is not Evidence.GONE
        and reading.session_id is not None
        and session.device_session_id is not None
        and reading.session_id != session.device_session_id
    )


def _go_on(
    session: Session,
    reading: Reading,
    evidence: Evidence,
    held: Held,
    rules: SessionRules,
    max_power_w: float,
) -> None:
    same_name = reading.session_id is not None and reading.session_id == session.device_session_id
    if evidence is Evidence.GONE:
        session.energy.add_final(
            reading,
            held.idle_counters(reading, rules),
            max_power_w=max_power_w,
            gap_cap_s=rules.gap_cap_s,
            charging_threshold_w=rules.charging_threshold_w,
            same_session=same_name,
        )
        session.end(reading.ts, _reason_for_gone(session), final=True)
        session.is_vacated = True
        return
    known = session.energy.knows_counters_of(reading)
    idle = _NO_IDLE_COUNTERS if known else held.idle_counters(reading, rules)
    _add(session, reading, idle, rules, max_power_w)
    if evidence is Evidence.CHARGING and reading.status in _GONE:
        session.ignores_status = True
    if evidence is Evidence.ENDED:
        session.end(reading.ts, reading.stop_reason or EndReason.LOCAL, final=True)


def _reason_for_gone(session: Session) -> str:
    if session.fault_code is not None:
        return _END_REASON_OF_FAULT.get(session.fault_code, EndReason.OTHER)
    return EndReason.EV_DISCONNECTED


def _resumes(
    session: Session, reading: Reading, evidence: Evidence, rules: SessionRules, max_power_w: float
) -> bool:
    """Whether an ended session goes on: the device names it again, energy flows, and its counter was not
    restarted.
    """
    return (
        evidence is Evidence.CHARGING
        and session.ended_at is not None
        and session.device_session_id is not None
        and session.device_session_id == reading.session_id
        and (reading.ts - session.ended_at).total_seconds() <= rules.silence_timeout_s
        and _counter_goes_on(session, reading, max_power_w) is not False
    )


def _opens(session: Session | None, reading: Reading, evidence: Evidence) -> bool:
    if evidence is Evidence.CHARGING:
        return True
    if evidence is not Evidence.PLUGGED:
        return False
    if session is None:
        return True
    names_dead_session = reading.session_id is not None and reading.session_id == session.device_session_id
    if names_dead_session:
        return False
    return session.is_vacated or (
        reading.session_id is not None and reading.session_id != session.device_session_id
    )


def _open(
    state: ConnectorState, reading: Reading, evidence: Evidence, rules: SessionRules, max_power_w: float
) -> Session:
    before = state.session
    session = Session(
        id=session_id(state.evse_uid, state.connector_id, reading.ts, reading.digest),
        started_at=reading.ts,
        opening_digest=reading.digest,
        start_rank=0 if before is None or before.started_at != reading.ts else before.start_rank + 1,
        last_reading_at=reading.ts,
        ignores_status=evidence is Evidence.CHARGING and reading.status in _GONE,
    )
    _add(session, reading, state.held.idle_counters(reading, rules), rules, max_power_w)
    state.session = session
    return session


def _add(
    session: Session, reading: Reading, idle: IdleCounters, rules: SessionRules, max_power_w: float
) -> None:
    session.last_reading_at = reading.ts
    session.reading_count += 1
    if session.device_session_id is None:
        session.device_session_id = reading.session_id
    if session.id_token is None:
        session.id_token = reading.id_token
    if reading.status is ConnectorStatus.FAULTED:
        session.fault_code = reading.error_code or session.fault_code or "OtherError"
    elif reading.status is not None:
        session.fault_code = None
    session.energy.add(
        reading,
        idle,
        max_power_w=max_power_w,
        gap_cap_s=rules.gap_cap_s,
        charging_threshold_w=rules.charging_threshold_w,
    )
