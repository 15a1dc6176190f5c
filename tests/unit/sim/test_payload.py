"""The two kinds of device write what the recorded payloads of wire-formats.md 3(a) show."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from solarrally_sim.payload import Flavour, Source, Status, Telemetry, encode

FIELDS = [
    "timestamp",
    "session_id",
    "voltage_v",
    "current_a",
    "power_w",
    "session_energy_kwh_solar",
    "session_energy_kwh_grid",
    "session_total_energy_kwh",
    "energy_source",
    "temperature_c",
    "status",
]


def reading(**changes: object) -> Telemetry:
    values: dict = {
        "ts": datetime(2026, 11, 21, 1, 12, 33, 353554, UTC),
        "status": Status.CHARGING,
        "session_id": "sess_460dbb7b",
        "voltage_v": 235.0,
        "current_a": 31.3,
        "power_w": 7360.0,
        "solar_mwh": 445_900,
        "grid_mwh": 200_800,
        "source": Source.GRID,
        "temperature_c": 15.0,
    }
    return Telemetry(**(values | changes))


def test_the_enhanced_device_writes_the_recorded_text() -> None:
    recorded = (
        '{"timestamp": "2026-11-21T01:12:52.363554+00:00", "session_id": "sess_460dbb7b", '
        '"voltage_v": 235.0, "current_a": 31.3, "power_w": 7360, "session_energy_kwh_solar": 0.0, '
        '"session_energy_kwh_grid": 0.0102, "session_total_energy_kwh": 0.0102, "energy_source": "grid", '
        '"temperature_c": 14.8, "status": "charging"}'
    )
    ts = datetime(2026, 11, 21, 1, 12, 52, 363554, UTC)
    said = reading(ts=ts, solar_mwh=0, grid_mwh=10_200, temperature_c=14.8)
    assert encode(said, Flavour.ENHANCED).decode() == recorded


def test_the_basic_device_writes_the_recorded_text() -> None:
    recorded = (
        '{"timestamp": "2026-11-21T01:12:33Z", "session_id": "sid_2edef4c9532a", "voltage_v": 230.7, '
        '"current_a": 14.9, "power_w": 3437.43, "session_energy_kwh_solar": 0.0095, '
        '"session_energy_kwh_grid": 0.0, "session_total_energy_kwh": 0.0095, "energy_source": "solar", '
        '"temperature_c": 35.1, "status": "preparing"}'
    )
    said = reading(
        session_id="sid_2edef4c9532a",
        voltage_v=230.7,
        current_a=14.9,
        power_w=3437.43,
        solar_mwh=9_500,
        grid_mwh=0,
        source=Source.SOLAR,
        temperature_c=35.1,
    )
    assert encode(said, Flavour.BASIC).decode() == recorded


@pytest.mark.parametrize("flavour", Flavour)
def test_every_payload_has_the_native_fields_in_their_order(flavour: Flavour) -> None:
    assert list(json.loads(encode(reading(), flavour))) == FIELDS


def test_enhanced_numbers_that_are_whole_are_integers() -> None:
    text = encode(reading(), Flavour.ENHANCED).decode()
    assert '"power_w": 7360,' in text
    assert '"temperature_c": 15,' in text
    assert '"voltage_v": 235.0,' in text


def test_basic_counters_carry_the_noise_of_binary_arithmetic() -> None:
    said = json.loads(encode(reading(), Flavour.BASIC))
    assert repr(said["session_energy_kwh_solar"]) == "0.44589999999999996"
    assert said["session_total_energy_kwh"] == 0.6467


def test_a_reading_taken_elsewhere_is_written_in_utc() -> None:
    local = datetime(2026, 6, 1, 14, 0, 0, 1, timezone(timedelta(hours=2)))
    assert b"2026-06-01T12:00:00Z" in encode(reading(ts=local), Flavour.BASIC)
    assert b"2026-06-01T12:00:00.000001+00:00" in encode(reading(ts=local), Flavour.ENHANCED)


@pytest.mark.parametrize("status", [Status.CHARGING, Status.SUSPENDED_EV])
def test_the_basic_device_says_preparing_as_long_as_a_car_is_plugged_in(status: Status) -> None:
    assert json.loads(encode(reading(status=status), Flavour.BASIC))["status"] == "preparing"
    assert json.loads(encode(reading(status=status), Flavour.ENHANCED))["status"] == status
