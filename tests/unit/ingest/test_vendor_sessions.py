"""Devices of every family, simulated from their vendors' documents alone, become what really happened."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from solarrally.dialects.families import FAMILIES
from solarrally.domain.energy import SessionQuality
from solarrally.domain.fleet import StationRoute
from solarrally.ingest.fates import Fate
from tests.support.vendor_replay import BEGAN_AT, Replayed, replay

SLOWEST_S = {"smartevse": 12, "evcc": 31, "goe_v1": 6}
"""How long after it happened a family says what happened, where that is not a few seconds."""
SIMULATED = [family for family in FAMILIES if family not in ("wallbox", "tasmota")]
"""A bridge for one make of charger has none; a meter sees no vehicle, and has a test of its own."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def number_of(family: str) -> str:
    """The loadpoints of evcc are counted, the others have serial numbers."""
    return "1" if family == "evcc" else "000001"


def assert_as_it_happened(family: str, replayed: Replayed) -> None:
    slack = timedelta(seconds=SLOWEST_S.get(family, 5))
    truths = replayed.truth["sessions"]
    accounts = replayed.accounts
    assert len(accounts) == len(truths)
    for account, truth in zip(accounts, truths, strict=True):
        resolution_wh = replayed.truth["register_resolution_wh"]
        assert account.figures.energy_wh == pytest.approx(truth["energy_wh"], abs=max(resolution_wh, 20.0))
        assert abs(account.session.started_at - at(truth["started_at"])) <= slack
        assert account.session.ended_at is not None
        assert abs(account.session.ended_at - at(truth["ended_at"])) <= slack
        assert account.session.energy.peak_power_w <= truth["peak_power_w"] * 1.02 + 50


@pytest.mark.parametrize("family", SIMULATED)
def test_a_simulated_device_becomes_the_sessions_that_happened(family: str) -> None:
    replayed = replay(family, number_of(family), cycles=2, seed=7, energy_wh=500, pause_s=20)

    assert_as_it_happened(family, replayed)
    fates = replayed.pipeline.counts.fates
    assert not fates[Fate.REJECTED]
    assert replayed.pipeline.counts.unknown_fields == 0
    assert replayed.pipeline.counts.readings_implausible <= 0.02 * replayed.pipeline.counts.readings_stored


@pytest.mark.parametrize("family", SIMULATED)
def test_a_standstill_of_ours_loses_none_of_a_device_s_energy(family: str) -> None:
    """The ingestor is frozen for 150 s: after 45 s the broker gives up on it, what had been sent until then
    is in its socket, and the rest comes when it has connected again.
    """
    frozen_at = BEGAN_AT + timedelta(seconds=200)
    left_at, thawed_at = frozen_at + timedelta(seconds=45), frozen_at + timedelta(seconds=150)
    back_at = thawed_at + timedelta(seconds=3)

    def receipt(said_at: datetime) -> datetime:
        if said_at < frozen_at:
            return said_at
        return thawed_at if said_at < left_at else max(said_at, back_at)

    replayed = replay(
        family, number_of(family), receipt=receipt, cycles=1, seed=7, energy_wh=2000, pause_s=20
    )

    assert_as_it_happened(family, replayed)
    [account] = replayed.accounts
    assert account.figures.quality == SessionQuality.GOOD


def test_a_meter_knows_what_was_taken_and_no_vehicle() -> None:
    """A pause looks like an end to it. What it meters is right; its sessions are only as good as that."""
    meter = StationRoute("meter", "tasmota", "tele/000001")
    replayed = replay("tasmota", "000001", [meter], cycles=2, seed=7, interval_s=10, idle_s=120)

    metered_wh = sum(account.figures.energy_wh for account in replayed.accounts)
    assert metered_wh == pytest.approx(replayed.truth["energy_wh"], abs=20)
    assert not replayed.pipeline.counts.fates[Fate.REJECTED]
