"""Simulated devices with the oddities that users reported of them are billed for what really flowed."""

from __future__ import annotations

import pytest

from solarrally.domain.fleet import StationRoute
from solarrally.ingest.fates import Fate
from tests.support.vendor_replay import replay

STATIONS = {"openevse": [StationRoute("box", "openevse", "openevse-0001")]}
"""Heard from the first message on, not only once the announcement was."""


@pytest.mark.parametrize(
    ("family", "quirk"),
    [
        ("goe", "leading-slash"),
        ("goe", "no-nrg"),
        ("goe_v1", "nrg-in-w"),
        ("goe_v1", "eto-in-wh"),
        ("goe_v1", "eto-whole-kwh"),
        ("openevse", "trailing-slash"),
        ("openevse", "retained"),
        ("openevse", "old-names"),
        ("openevse", "no-temperature"),
        ("openevse", "stale-flash"),
    ],
)
def test_a_device_with_a_known_oddity_is_billed_for_what_flowed(family: str, quirk: str) -> None:
    replayed = replay(family, "000001", STATIONS.get(family, ()), cycles=1, seed=5, quirks=(quirk,))

    [account], [truth] = replayed.accounts, replayed.truth["sessions"]
    assert account.figures.energy_wh == pytest.approx(truth["energy_wh"], abs=2)
    assert not replayed.pipeline.counts.fates[Fate.REJECTED]
    assert replayed.pipeline.counts.unknown_fields == 0
    assert replayed.pipeline.counts.readings_implausible == 0
