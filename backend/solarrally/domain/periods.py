"""When a session took its energy, as far as prices depend on it, and what each part of it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil, floor
from typing import Final, NamedTuple

from solarrally.domain.bucket import BUCKET_S
from solarrally.domain.tariff import Tariff

LONGEST_IDLE_S: Final = 86_400
"""Where nothing was taken for longer than a day a period ends, whatever the prices in between."""


Taken = tuple[float, float, float]
"""Solar, grid and unattributed energy since a session started, in Wh."""


class Mark(NamedTuple):
    """What a session had taken when a quarter of an hour began, in Wh."""

    quarter: int
    """Since 1970, in UTC."""
    basis: int
    """How it was measured (`SessionEnergy.basis`): only marks of one basis can be compared."""
    taken: Taken


@dataclass(slots=True, frozen=True, kw_only=True)
class PricedPeriod:
    """A part of a session at one price: a line of its bill. Energies in whole Wh, without VAT."""

    started_at: datetime
    ended_at: datetime
    energy_solar_wh: int
    energy_grid_wh: int
    energy_unattributed_wh: int
    price_solar_per_kwh: Decimal
    price_grid_per_kwh: Decimal

    @property
    def cost(self) -> Decimal:
        """Exact, not rounded: only their sum is."""
        return (
            self.energy_solar_wh * self.price_solar_per_kwh
            + (self.energy_grid_wh + self.energy_unattributed_wh) * self.price_grid_per_kwh
        ) / 1000


def priced_periods(
    tariff: Tariff,
    *,
    started_at: datetime,
    ended_at: datetime,
    solar_wh: int,
    grid_wh: int,
    unattributed_wh: int,
    marks: Sequence[Mark],
) -> tuple[PricedPeriod, ...]:
    """The session cut where its price changes, in order; at least one. Their energies add up to the figures,
    to the Wh and source by source.

    `marks` are those of the basis that the figures are of, in order. Between two of them, and between them
    and the session's ends, energy is taken to have flowed evenly: without marks over the whole session.
    """
    start_s, end_s = started_at.timestamp(), ended_at.timestamp()
    figures = solar_wh, grid_wh, unattributed_wh
    if not tariff.elements:
        return (_period(tariff, 0, start_s, end_s, figures),)
    runs = _runs(tariff, start_s, end_s, figures, marks)
    solar, grid, unattributed = (
        _whole([run.taken[source] for run in runs], total_wh) for source, total_wh in enumerate(figures)
    )
    found = list(zip(runs, zip(solar, grid, unattributed, strict=True), strict=True))
    shown = [entry for entry in found if any(entry[1])] or found[:1]
    return tuple(_period(tariff, run.place, run.start_s, run.end_s, energies) for run, energies in shown)


class _Run:
    """A stretch of time at one price, and what was taken in it."""

    __slots__ = ("end_s", "place", "start_s", "taken")

    def __init__(self, place: int, start_s: float) -> None:
        self.place = place
        self.start_s = self.end_s = start_s
        self.taken = (0.0, 0.0, 0.0)


class _Runs:
    """Runs that are made one after the other.

    Figures that were corrected later may be less than a mark says: no source ever falls, or exceeds what it
    is in the end.
    """

    __slots__ = ("done", "figures", "open", "so_far")

    def __init__(self, first: _Run, figures: Taken) -> None:
        self.done: list[_Run] = []
        self.open = first
        self.figures = figures
        self.so_far: Taken = (0.0, 0.0, 0.0)

    def close(self, at_s: float, taken: Taken) -> None:
        """What is open ends, when so much had been taken."""
        (solar, grid, unattributed), before, most = taken, self.so_far, self.figures
        solar = min(max(solar, before[0]), most[0])
        grid = min(max(grid, before[1]), most[1])
        unattributed = min(max(unattributed, before[2]), most[2])
        self.open.taken = solar - before[0], grid - before[1], unattributed - before[2]
        self.open.end_s = at_s
        self.so_far = solar, grid, unattributed
        self.done.append(self.open)


def _runs(tariff: Tariff, start_s: float, end_s: float, figures: Taken, marks: Sequence[Mark]) -> list[_Run]:
    """The session cut where another price begins, and around what is idle for long.

    Only quarters are looked up, and what was taken matters only where the price changes: a running session is
    priced again and again.
    """
    place_of = tariff.place_of
    place = place_of(floor(start_s / BUCKET_S))
    runs = _Runs(_Run(place, start_s), figures)
    at_s, taken, quarter = start_s, runs.so_far, ceil(start_s / BUCKET_S)
    for mark in (*marks, None):
        if mark is None:
            next_s, next_taken, next_quarter = end_s, figures, ceil(end_s / BUCKET_S)
        else:
            next_s, next_taken, next_quarter = float(mark.quarter * BUCKET_S), mark.taken, mark.quarter
            if not at_s < next_s < end_s:
                continue
        if next_s - at_s > LONGEST_IDLE_S and next_taken == taken:
            runs.close(at_s, taken)
            place = place_of(floor(next_s / BUCKET_S))
            runs.open = _Run(place, next_s)
        else:
            for begun in range(quarter, next_quarter):
                if place_of(begun) == place:
                    continue
                place = place_of(begun)
                boundary_s = float(begun * BUCKET_S)
                share = (boundary_s - at_s) / (next_s - at_s)
                runs.close(boundary_s, part_way(taken, next_taken, share))
                runs.open = _Run(place, boundary_s)
        at_s, taken, quarter = next_s, next_taken, next_quarter
    runs.close(max(at_s, end_s), figures)
    return runs.done


def part_way(earlier: Taken, later: Taken, share: float) -> Taken:
    """What had been taken at a share of the time between two instants, by an even flow."""
    return (
        earlier[0] + (later[0] - earlier[0]) * share,
        earlier[1] + (later[1] - earlier[1]) * share,
        earlier[2] + (later[2] - earlier[2]) * share,
    )


def _whole(parts_wh: Sequence[float], total_wh: int) -> list[int]:
    """The parts in whole Wh that add up to the total: those with the largest remainders are rounded up."""
    if not total_wh:
        return [0] * len(parts_wh)
    whole = [floor(part_wh) for part_wh in parts_wh]
    missing_wh = total_wh - sum(whole)
    if missing_wh:
        for n in sorted(range(len(whole)), key=lambda n: whole[n] - parts_wh[n])[:missing_wh]:
            whole[n] += 1
    return whole


def _period(
    tariff: Tariff, place: int, start_s: float, end_s: float, energies_wh: tuple[int, int, int]
) -> PricedPeriod:
    price_solar, price_grid = tariff.prices_at(place)
    solar_wh, grid_wh, unattributed_wh = energies_wh
    return PricedPeriod(
        started_at=datetime.fromtimestamp(start_s, UTC),
        ended_at=datetime.fromtimestamp(end_s, UTC),
        energy_solar_wh=solar_wh,
        energy_grid_wh=grid_wh,
        energy_unattributed_wh=unattributed_wh,
        price_solar_per_kwh=price_solar,
        price_grid_per_kwh=price_grid,
    )
