"""How much energy a session took, from counters that are compared and never simply trusted.

Three ways of measuring run side by side: the lifetime register, the device's session counter, and the
integral of power. The best one present is billed; the others are cross-checks (`SessionQuality`).
What goes wrong in the field, and why each rule is here: baselines of 0 followed by the true register
(citrineos-core #1060, SteVe #2058), registers that fall or jump at a reboot (evcc #29654, OpenEVSE #321,
lbbrhzn/ocpp #1989), single zeros in between (go-eCharger-API-v2 #321).

A reading without a time of its own may be older than its receipt, by its lag at most: what waited while
nobody listened is read all at once (docs/decisions/0016).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntFlag, StrEnum
from typing import NamedTuple

from solarrally.domain.bucket import BUCKET, BUCKET_S, bucket_start
from solarrally.domain.periods import Mark, Taken, part_way
from solarrally.domain.reading import CLOCK_DISTRUSTED, NEVER_BILLED, UNDATED, EnergySource, Reading

POWER_MARGIN = 1.25
"""A meter and a nameplate disagree by a few percent; a wrong unit by a factor of ten and more."""
CLOCK_SLACK_S = 5.0
"""Whole-second timestamps and uneven sampling make an interval look shorter than it was."""
JITTER_WH = 2.0
"""Rounding noise of counters: a fall this small is not a reset."""
DISAGREEMENT_SHARE = 0.05
DISAGREEMENT_WH = 100.0
JOINED_LATE_LIMIT_S = 86_400.0
"""A counter first seen in mid-session may hold at most a day at full power."""
MAX_MARKS = 384
"""Of quarters in which energy flowed, four days; of a longer session every second mark is dropped, again and
again, which makes the times of its older energy coarser and changes none of its energy.
"""


class SessionQuality(IntFlag):
    """What is doubtful about a session's figures."""

    GOOD = 0
    ENERGY_DISAGREES = 1
    """Two ways of measuring differ by more than 5 % and 100 Wh."""
    BASELINE_CORRECTED = 2
    """The register started at 0 and then showed its true value."""
    COUNTER_FELL = 4
    """A counter fell: a new segment was started."""
    COUNTER_JUMPED = 8
    """A counter rose by more than the station can deliver: the jump is not billed."""
    SPLIT_SCALED = 16
    """The device's solar and grid counters exceed its total: they were scaled down."""
    GAP = 32
    """Readings were missing for longer than integration bridges."""
    IMPLAUSIBLE_READINGS = 64
    """Some readings were physically impossible and added nothing."""
    CLOCK_DISTRUSTED = 128
    """Some readings carry the receipt time instead of the device's."""


_GOOD = int(SessionQuality.GOOD)
_AT_ONCE_WH_PER_W = POWER_MARGIN * CLOCK_SLACK_S / 3600
"""What a station can deliver in no time, by `deliverable_wh`."""
LEAST_WS_PER_WH = 3600 / POWER_MARGIN
"""Divided by a station's maximum power: in how many seconds it can deliver a Wh."""


class EnergyMethod(StrEnum):
    """Which measurement the session's energy comes from, best first."""

    REGISTER = "register"
    SESSION_COUNTER = "session_counter"
    POWER = "power"


@dataclass(slots=True)
class Split:
    """Energy by source, in Wh."""

    solar_wh: float = 0.0
    grid_wh: float = 0.0
    unattributed_wh: float = 0.0

    def add(self, energy_wh: float, source: EnergySource | None) -> None:
        if source is EnergySource.SOLAR:
            self.solar_wh += energy_wh
        elif source is EnergySource.GRID:
            self.grid_wh += energy_wh
        else:
            self.unattributed_wh += energy_wh

    @property
    def total_wh(self) -> float:
        return self.solar_wh + self.grid_wh + self.unattributed_wh


@dataclass(slots=True)
class Counter:
    """A cumulative counter observed through resets, jumps and single wrong values.

    A value that cannot follow from the last one is held as `suspect` until the next value says which of the
    two was wrong. `starts_at_zero` is true of session counters (after a fall the new value itself was
    delivered) and false of lifetime registers.
    """

    starts_at_zero: bool
    total_wh: float = 0.0
    last_wh: float | None = None
    last_at: datetime | None = None
    suspect_wh: float | None = None
    suspect_at: datetime | None = None
    suspect_credit_wh: float = 0.0
    """What the suspect value is worth if nothing refutes it."""
    lag_s: float = 0.0
    """The last value may be so much older than `last_at`. A lifetime register of 0 is not: it was not read
    yet, and its true value would pass for energy.
    """
    before_first_wh: float = 0.0
    """The part of the total delivered before the first value was seen: nothing else can be compared with
    it.
    """
    is_compared: bool = False
    """Two values that follow from each other were seen: a single one measures nothing."""

    @property
    def measured_wh(self) -> float:
        return self.total_wh + self.suspect_credit_wh

    def start(
        self,
        value_wh: float,
        ts: datetime,
        lag_s: float,
        idle: tuple[float, datetime] | None,
        max_power_w: float,
    ) -> SessionQuality:
        """Take the first value of a session, up to `lag_s` older than `ts`; `idle` is the value last seen
        before the session, if that is recent.
        """
        quality = SessionQuality.GOOD
        if idle is not None:
            idle_wh, idle_at = idle
            unseen_s = unseen_for_s(idle_wh, idle_at, ts, lag_s, starts_at_zero=self.starts_at_zero)
            allowance_wh = deliverable_wh(max_power_w, idle_at, ts, unseen_s)
            rise_wh = value_wh - idle_wh
            left_over = idle_wh > 0 and abs(rise_wh) <= JITTER_WH
            if self.starts_at_zero and not left_over and 0 <= value_wh <= allowance_wh:
                self.total_wh = value_wh
            elif 0 <= rise_wh <= allowance_wh:
                self.total_wh, self.is_compared = rise_wh, True
            elif idle_wh == 0 and rise_wh > 0 and not self.starts_at_zero:
                quality = SessionQuality.BASELINE_CORRECTED
            elif rise_wh > 0:
                quality = SessionQuality.COUNTER_JUMPED
        elif self.starts_at_zero:
            if value_wh <= max_power_w * POWER_MARGIN * JOINED_LATE_LIMIT_S / 3600:
                self.total_wh = value_wh
            else:
                quality = SessionQuality.COUNTER_JUMPED
        self.before_first_wh = self.total_wh
        self.last_wh, self.last_at = value_wh, ts
        if value_wh or self.starts_at_zero:
            self.lag_s = max(0.0, lag_s - self.total_wh * LEAST_WS_PER_WH / max_power_w)
        return quality

    def advance(
        self, value_wh: float, ts: datetime, max_power_w: float, *, is_undated: bool
    ) -> tuple[float, int]:
        """Take the next value: the energy it adds, in Wh, and what was odd about it."""
        assert self.last_wh is not None
        assert self.last_at is not None
        rise_wh = value_wh - self.last_wh
        if rise_wh >= 0 and (
            rise_wh <= max_power_w * _AT_ONCE_WH_PER_W  # spares the arithmetic with instants
            or rise_wh <= deliverable_wh(max_power_w, self.last_at, ts, self.lag_s)
        ):
            if is_undated and (value_wh or self.starts_at_zero):
                elapsed_s = (ts - self.last_at).total_seconds()
                used_s = rise_wh * LEAST_WS_PER_WH / max_power_w
                left_s = self.lag_s - (elapsed_s if elapsed_s > used_s else used_s)
                self.lag_s = max(elapsed_s - used_s, left_s, 0.0)
            else:
                self.lag_s = 0.0
            self.last_wh, self.last_at = value_wh, ts
            self.is_compared = True
            if self.suspect_wh is not None:
                self.suspect_wh = self.suspect_at = None
                self.suspect_credit_wh = 0.0
            self.total_wh += rise_wh
            return rise_wh, _GOOD
        if -JITTER_WH <= rise_wh < 0 and value_wh > 0:
            self.is_compared = True
            return 0.0, _GOOD
        if self.suspect_wh is not None and self.suspect_at is not None:
            rise_wh = value_wh - self.suspect_wh
            if 0 <= rise_wh <= deliverable_wh(max_power_w, self.suspect_at, ts):
                energy_wh = self.suspect_credit_wh + rise_wh
                self.last_wh, self.last_at, self.lag_s = value_wh, ts, 0.0
                self.is_compared = True
                self.suspect_wh = self.suspect_at = None
                self.suspect_credit_wh = 0.0
                self.total_wh += energy_wh
                return energy_wh, _GOOD
        self.suspect_wh, self.suspect_at, self.suspect_credit_wh = value_wh, ts, 0.0
        if value_wh > self.last_wh:
            baseline_was_zero = self.last_wh == 0 and not self.starts_at_zero
            return (
                0.0,
                SessionQuality.BASELINE_CORRECTED if baseline_was_zero else SessionQuality.COUNTER_JUMPED,
            )
        # It may have begun again in what waited and is read at once; read later, or hardly lower, it was put
        # back to what it was a while ago.
        is_in_burst = (ts - self.last_at).total_seconds() <= CLOCK_SLACK_S
        lag_s = self.lag_s if is_in_burst and 2 * value_wh < self.last_wh else 0.0
        if self.starts_at_zero and value_wh <= deliverable_wh(max_power_w, self.last_at, ts, lag_s):
            self.suspect_credit_wh = value_wh
        return 0.0, SessionQuality.COUNTER_FELL


def deliverable_wh(max_power_w: float, since: datetime, until: datetime, lag_s: float = 0.0) -> float:
    """The most a station can deliver between two instants, with a margin for its clock and its nameplate;
    `since` may have been up to `lag_s` earlier.
    """
    elapsed_s = max(0.0, (until - since).total_seconds()) + lag_s + CLOCK_SLACK_S
    return max_power_w * POWER_MARGIN * elapsed_s / 3600


def unseen_for_s(value_wh: float, at: datetime, ts: datetime, lag_s: float, *, starts_at_zero: bool) -> float:
    """How much longer than from `at` to `ts` a counter may have risen since it showed `value_wh`, where the
    readings of then and now are up to `lag_s` older than their receipt.
    """
    return max(0.0, lag_s - (ts - at).total_seconds()) if value_wh or starts_at_zero else 0.0


@dataclass(slots=True)
class IdleCounters:
    """What the counters showed before the session, where that is recent enough to compare with: (Wh,
    instant).
    """

    register: tuple[float, datetime] | None = None
    session: tuple[float, datetime] | None = None
    session_solar: tuple[float, datetime] | None = None
    session_grid: tuple[float, datetime] | None = None
    lag_s: float = 0.0
    """The session's reading may be so much older than its receipt."""


@dataclass(slots=True)
class SessionEnergy:
    """The running account of one session. Feed it the session's readings in order."""

    register: Counter = field(default_factory=lambda: Counter(starts_at_zero=False))
    register_split: Split = field(default_factory=Split)
    counter: Counter = field(default_factory=lambda: Counter(starts_at_zero=True))
    counter_split: Split = field(default_factory=Split)
    solar: Counter = field(default_factory=lambda: Counter(starts_at_zero=True))
    grid: Counter = field(default_factory=lambda: Counter(starts_at_zero=True))
    integral: Split = field(default_factory=Split)
    power_w: float | None = None
    power_at: datetime | None = None
    peak_power_w: float | None = None
    charging_s: float = 0.0
    source: EnergySource | None = None
    quality: int = 0
    marks: list[Mark] = field(default_factory=list)
    """What had been taken when quarters of an hour began: it says when energy flowed. A quarter without a
    mark lies between two of which the same, or an even flow, is known.
    """
    next_mark_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    """A billed value from then on is in another quarter than the last mark."""

    def add(
        self,
        reading: Reading,
        idle: IdleCounters,
        *,
        max_power_w: float,
        gap_cap_s: float,
        charging_threshold_w: float,
    ) -> None:
        """Account for one reading of the session. An implausible one only leaves a mark."""
        is_undated = False
        if reading.quality:
            if reading.quality & NEVER_BILLED:
                self.quality |= SessionQuality.IMPLAUSIBLE_READINGS
                return
            if reading.quality & CLOCK_DISTRUSTED:
                self.quality |= SessionQuality.CLOCK_DISTRUSTED
            is_undated = reading.quality & UNDATED != 0
        ts, source = reading.ts, reading.energy_source
        if source is None or source is EnergySource.NONE:
            source = self.source
        before = self._measured() if ts >= self.next_mark_at and self._is_billed_by(reading) else None
        for counter, split, value_wh, idle_value in (
            (self.register, self.register_split, reading.energy_register_wh, idle.register),
            (self.counter, self.counter_split, reading.session_energy_wh, idle.session),
            (self.solar, None, reading.session_energy_solar_wh, idle.session_solar),
            (self.grid, None, reading.session_energy_grid_wh, idle.session_grid),
        ):
            if value_wh is not None:
                self._count(
                    counter, split, value_wh, ts, is_undated, idle_value, idle.lag_s, source, max_power_w
                )
        if reading.power_w is not None:
            self._integrate(reading.power_w, ts, source, gap_cap_s, charging_threshold_w)
        self.source = source
        if before is not None:
            self._mark(before, ts)

    def knows_counters_of(self, reading: Reading) -> bool:
        """Whether every counter that the reading shows was seen in this session before: what it showed
        earlier is then of no interest.
        """
        return not (
            (self.register.last_wh is None and reading.energy_register_wh is not None)
            or (self.counter.last_wh is None and reading.session_energy_wh is not None)
            or (self.solar.last_wh is None and reading.session_energy_solar_wh is not None)
            or (self.grid.last_wh is None and reading.session_energy_grid_wh is not None)
        )

    def add_final(
        self,
        reading: Reading,
        idle: IdleCounters,
        *,
        max_power_w: float,
        gap_cap_s: float,
        charging_threshold_w: float,
        same_session: bool,
    ) -> None:
        """Account for the interval up to the reading that shows the vehicle gone.

        The session counter counts only where the device still names this session: otherwise it is already
        the next one's, or none's.
        """
        if not reading.is_billable:
            return
        ts, source, is_undated = reading.ts, reading.energy_source, reading.quality & UNDATED != 0
        if source is None or source is EnergySource.NONE:
            source = self.source
        before = self._measured() if ts >= self.next_mark_at and self._is_billed_by(reading) else None
        if reading.energy_register_wh is not None:
            self._count(
                self.register,
                self.register_split,
                reading.energy_register_wh,
                ts,
                is_undated,
                idle.register,
                idle.lag_s,
                source,
                max_power_w,
            )
        if same_session:
            for counter, split, value in (
                (self.counter, self.counter_split, reading.session_energy_wh),
                (self.solar, None, reading.session_energy_solar_wh),
                (self.grid, None, reading.session_energy_grid_wh),
            ):
                if value is not None and counter.last_wh is not None and value >= counter.last_wh:
                    self._count(counter, split, value, ts, is_undated, None, 0.0, source, max_power_w)
        if reading.power_w is not None:
            self._integrate(reading.power_w, ts, source, gap_cap_s, charging_threshold_w)
        if before is not None:
            self._mark(before, ts)

    def _count(
        self,
        counter: Counter,
        split: Split | None,
        value_wh: float,
        ts: datetime,
        is_undated: bool,
        idle: tuple[float, datetime] | None,
        lag_s: float,
        source: EnergySource | None,
        max_power_w: float,
    ) -> None:
        if counter.last_wh is None:
            quality: int = counter.start(value_wh, ts, lag_s, idle, max_power_w)
            energy_wh = counter.total_wh
        else:
            energy_wh, quality = counter.advance(value_wh, ts, max_power_w, is_undated=is_undated)
        if quality:
            self.quality |= quality
        if split is not None and energy_wh:
            split.add(energy_wh, source)

    def _integrate(
        self,
        power_w: float,
        ts: datetime,
        source: EnergySource | None,
        gap_cap_s: float,
        charging_threshold_w: float,
    ) -> None:
        """Trapezoids between neighbouring powers; over a gap only `gap_cap_s` of it."""
        if self.power_w is not None and self.power_at is not None:
            elapsed_s = (ts - self.power_at).total_seconds()
            if elapsed_s > gap_cap_s:
                self.quality |= SessionQuality.GAP
                elapsed_s = gap_cap_s
            self.integral.add((self.power_w + power_w) / 2 * elapsed_s / 3600, source)
            if max(self.power_w, power_w) > charging_threshold_w:
                self.charging_s += elapsed_s
        self.power_w, self.power_at = power_w, ts
        if self.peak_power_w is None or power_w > self.peak_power_w:
            self.peak_power_w = power_w

    @property
    def _is_measured_otherwise(self) -> bool:
        return self.counter.last_wh is not None or self.power_at is not None

    @property
    def method(self) -> EnergyMethod:
        if self.register.last_wh and (self.register.is_compared or not self._is_measured_otherwise):
            return EnergyMethod.REGISTER
        if self.counter.last_wh is not None:
            return EnergyMethod.SESSION_COUNTER
        return EnergyMethod.POWER

    def figures(self) -> EnergyFigures:
        """The energy to bill, split by source, in whole Wh, with every doubt."""
        quality = SessionQuality(self.quality)
        method = self.method
        total_wh, solar_wh, grid_wh, is_scaled = self._split_of(method)
        if is_scaled:
            quality |= SessionQuality.SPLIT_SCALED
        if self._disagrees(method, total_wh):
            quality |= SessionQuality.ENERGY_DISAGREES
        whole_solar_wh, whole_grid_wh, whole_unattributed_wh = whole_wh(total_wh, solar_wh, grid_wh)
        return EnergyFigures(
            energy_wh=whole_solar_wh + whole_grid_wh + whole_unattributed_wh,
            solar_wh=whole_solar_wh,
            grid_wh=whole_grid_wh,
            unattributed_wh=whole_unattributed_wh,
            method=method,
            quality=quality,
        )

    def _split_of(self, method: EnergyMethod) -> tuple[float, float, float, bool]:
        """(total, solar, grid) in Wh as that method measured them, and whether the split had to be scaled."""
        if method is EnergyMethod.REGISTER:
            total_wh, split = self.register.measured_wh, self.register_split
        elif method is EnergyMethod.SESSION_COUNTER:
            total_wh, split = self.counter.measured_wh, self.counter_split
        else:
            total_wh, split = self.integral.total_wh, self.integral
        if self.solar.last_wh is None and self.grid.last_wh is None:
            return total_wh, split.solar_wh, split.grid_wh, False
        solar_wh, grid_wh = self.solar.measured_wh, self.grid.measured_wh
        if solar_wh + grid_wh <= total_wh + 1.0:
            return total_wh, solar_wh, grid_wh, False
        scale = total_wh / (solar_wh + grid_wh)
        return total_wh, solar_wh * scale, grid_wh * scale, True

    @property
    def basis(self) -> int:
        """Which values the figures are made of: the method, and whether the device splits them itself."""
        has_split = self.solar.last_wh is not None or self.grid.last_wh is not None
        return 2 * _RANK[self.method] + has_split

    @property
    def comparable_marks(self) -> list[Mark]:
        """The marks that were measured as the figures are."""
        basis = self.basis
        return [mark for mark in self.marks if mark.basis == basis]

    def _is_billed_by(self, reading: Reading) -> bool:
        """Whether the reading shows the value that is billed: the others say nothing of when it rose."""
        method = self.method
        if method is EnergyMethod.REGISTER:
            return reading.energy_register_wh is not None
        if method is EnergyMethod.SESSION_COUNTER:
            return reading.session_energy_wh is not None
        return reading.power_w is not None

    def _measured(self) -> _Measured:
        method = self.method
        if method is EnergyMethod.REGISTER:
            at = self.register.last_at
        else:
            at = self.counter.last_at if method is EnergyMethod.SESSION_COUNTER else self.power_at
        total_wh, solar_wh, grid_wh, _ = self._split_of(method)
        unattributed_wh = max(0.0, total_wh - solar_wh - grid_wh)
        return _Measured(self.basis, at, (solar_wh, grid_wh, unattributed_wh))

    def _mark(self, before: _Measured, ts: datetime) -> None:
        """Note what had been taken when quarters between two billed values began, by an even flow.

        Over a gap of several quarters only its first and its last one get a mark. A value that is not
        believed yet leaves that to the next one.
        """
        now = self._measured()
        if now.at != ts:
            return
        self.next_mark_at = bucket_start(ts) + BUCKET
        if before.at is None or before.basis != now.basis:
            return
        elapsed_s = (ts - before.at).total_seconds()
        first = bucket_start(before.at + BUCKET - timedelta(microseconds=1))
        for begin in dict.fromkeys((first, bucket_start(ts))):
            if not before.at <= begin <= ts:
                continue
            share = (begin - before.at).total_seconds() / elapsed_s if elapsed_s else 1.0
            solar_wh, grid_wh, unattributed_wh = part_way(before.taken, now.taken, share)
            taken = round(solar_wh, 3), round(grid_wh, 3), round(unattributed_wh, 3)
            self._note(Mark(int(begin.timestamp()) // BUCKET_S, now.basis, taken))

    def _note(self, mark: Mark) -> None:
        marks = self.marks
        if marks and mark.quarter <= marks[-1].quarter and mark.basis == marks[-1].basis:
            return
        if len(marks) >= 2 and marks[-2][1:] == marks[-1][1:] == mark[1:]:
            marks.pop()  # nothing between the three
        marks.append(mark)
        if len(marks) > MAX_MARKS:
            del marks[1::2]

    def _disagrees(self, method: EnergyMethod, total_wh: float) -> bool:
        """Compare what each way measured since its first value."""
        if method is EnergyMethod.POWER:
            return False
        billed = self.register if method is EnergyMethod.REGISTER else self.counter
        seen_wh = billed.measured_wh - billed.before_first_wh
        others_wh = []
        if billed is self.register and self.counter.last_wh is not None:
            others_wh.append(self.counter.measured_wh - self.counter.before_first_wh)
        if self.power_w is not None and not self.quality & SessionQuality.GAP:
            others_wh.append(self.integral.total_wh)
        limit_wh = max(DISAGREEMENT_WH, DISAGREEMENT_SHARE * total_wh)
        return any(abs(other_wh - seen_wh) > limit_wh for other_wh in others_wh)


_RANK = {method: rank for rank, method in enumerate(EnergyMethod)}


class _Measured(NamedTuple):
    """What was taken so far."""

    basis: int
    at: datetime | None
    """When the billed value was last seen."""
    taken: Taken


@dataclass(slots=True, frozen=True)
class EnergyFigures:
    """What a session took, in whole Wh. solar + grid + unattributed = energy, always."""

    energy_wh: int
    solar_wh: int
    grid_wh: int
    unattributed_wh: int
    method: EnergyMethod
    quality: SessionQuality


def whole_wh(total_wh: float, solar_wh: float, grid_wh: float) -> tuple[int, int, int]:
    """`(solar, grid, unattributed)` in whole Wh that add up to the rounded total.

    A remainder of less than 1 Wh is rounding and goes to the larger named source; more is unattributed.
    """
    total = round(total_wh)
    unattributed_wh = total_wh - solar_wh - grid_wh
    if unattributed_wh < 1.0 and solar_wh + grid_wh > 0:
        solar = min(total, round(solar_wh)) if grid_wh else total
        if solar_wh < grid_wh:
            return solar, total - solar, 0
        grid = min(total, round(grid_wh))
        return total - grid, grid, 0
    solar = min(total, round(solar_wh))
    grid = min(total - solar, round(grid_wh))
    return solar, grid, total - solar - grid
