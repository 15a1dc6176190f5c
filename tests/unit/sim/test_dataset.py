"""Reading the EPFL file itself and a made-up sample in the Trondheim layout."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from solarrally_sim.allotment import allot
from solarrally_sim.dataset import DatasetError, Format, RecordedSession, read_recording

EPFL = Path(__file__).parents[2] / "payloads" / "epfl_l3_sessions.csv"

TRONDHEIM_HEADER = (
    "session_ID;Garage_ID;User_ID;User_type;Shared_ID;Start_plugin;Start_plugin_hour;End_plugout;"
    "End_plugout_hour;El_kWh;Duration_hours;month_plugin;weekdays_plugin"
)
EPFL_HEADER = "Session,CCS,Arrival,Departure,Stay (min),Energy (Wh),Pmax (W)"


def trondheim(*rows: tuple[int, str, str, str, str, str]) -> str:
    """Rows of (session, user, start, end, kWh, hours) in the file's layout with its line ends."""
    lines = [
        f"{number};G1;{user};Private;NA;{start};0;{end};0;{kwh};{hours};Dec;Friday"
        for number, user, start, end, kwh, hours in rows
    ]
    return "\r\n".join([TRONDHEIM_HEADER, *lines, ""])


def epfl(*rows: str) -> str:
    return "\n".join([EPFL_HEADER, *rows, ""])


def test_every_row_of_the_epfl_file_is_a_session() -> None:
    recording = read_recording(EPFL.read_text(encoding="utf-8"))
    assert recording.format is Format.EPFL
    assert len(recording.sessions) == 1878
    assert recording.skipped == ()
    assert recording.duration_disagrees == ()
    assert {session.plug for session in recording.sessions} == {"epfl-ccs1", "epfl-ccs2"}


def test_no_two_sessions_of_the_epfl_file_overlap_at_the_same_plug() -> None:
    allotted = allot(read_recording(EPFL.read_text(encoding="utf-8")).sessions)
    assert {each.evse_uid for each in allotted} == {"epfl-ccs1", "epfl-ccs2"}
    assert not any(each.session.notes for each in allotted)


def test_epfl_times_are_local_with_daylight_saving() -> None:
    summer = read_recording(epfl("278,CCS1,2022-08-11 23:33:00,2022-08-11 23:37:00,5,9632,168393"))
    winter = read_recording(epfl("278,CCS1,2022-12-11 23:33:00,2022-12-11 23:37:00,5,9632,168393"))
    assert summer.sessions[0].arrival == datetime(2022, 8, 11, 21, 33, tzinfo=UTC)
    assert winter.sessions[0].arrival == datetime(2022, 12, 11, 22, 33, tzinfo=UTC)
    assert summer.sessions[0].energy_mwh == 9_632_000
    assert summer.sessions[0].pmax_w == 168_393.0


def test_energy_with_the_noise_of_a_spreadsheet_is_read_to_the_mwh() -> None:
    row = "1655,CCS1,2022-08-11 23:33:00,2022-08-11 23:43:00,11,7910.8249999999998,140616"
    assert read_recording(epfl(row)).sessions[0].energy_mwh == 7_910_825


@pytest.mark.parametrize(
    ("stay_min", "minutes"),
    [(31, 30), (91, 90)],  # the stated stay counts both end minutes
)
def test_an_hour_that_occurs_twice_is_told_apart_by_the_stated_stay(stay_min: int, minutes: int) -> None:
    row = f"1,CCS1,2022-10-30 02:15:00,2022-10-30 02:45:00,{stay_min},5000,50000"
    session = read_recording(epfl(row)).sessions[0]
    assert session.departure - session.arrival == timedelta(minutes=minutes)


def test_trondheim_numbers_have_decimal_commas_and_norwegian_times() -> None:
    text = trondheim((3, "AdO3-4", "21.12.2018 11:33", "21.12.2018 19:46", "29,87", "8,216388889"))
    session = read_recording(text).sessions[0]
    assert session == RecordedSession(
        number=3,
        plug="trondheim-ado3-4",
        arrival=datetime(2018, 12, 21, 10, 33, tzinfo=UTC),
        departure=datetime(2018, 12, 21, 18, 46, tzinfo=UTC),
        energy_mwh=29_870_000,
        pmax_w=7360.0,
    )


def test_a_trondheim_row_without_plug_out_is_skipped_and_said() -> None:
    recording = read_recording(trondheim((5052, "MS22-1", "16.12.2019 15:18", "NA", "22,73", "NA")))
    assert recording.sessions == ()
    assert [(each.number, each.reason) for each in recording.skipped] == [("5052", "no plug-out time")]


def test_a_stated_duration_that_is_not_end_minus_start_is_said_and_the_times_are_believed() -> None:
    text = trondheim((9, "A-1", "22.06.2019 16:37", "24.06.2019 09:18", "16,45", "38,68444444"))
    recording = read_recording(text)
    assert recording.duration_disagrees == (9,)
    assert recording.sessions[0].departure - recording.sessions[0].arrival == timedelta(hours=40, minutes=41)


def test_a_session_within_one_minute_lasts_as_long_as_stated() -> None:
    text = trondheim((80, "A-1", "25.01.2019 15:52", "25.01.2019 15:52", "0,01", "0,007777778"))
    session = read_recording(text).sessions[0]
    assert session.departure - session.arrival == timedelta(seconds=28)
    assert session.notes


@pytest.mark.parametrize(
    "row",
    [
        "1,CCS1,yesterday,2022-08-11 23:37:00,5,9632,168393",
        "1,CCS1,2022-08-11 23:33:00,2022-08-11 23:37:00,5,many,168393",
        "1,CCS1,2022-08-11 23:33:00,2022-08-11 23:37:00,5,-1,168393",
        "1,CCS1,2022-08-11 23:33:00,2022-08-11 23:30:00,5,9632,168393",
        "1,CCS1,2022-08-11 23:33:00",
    ],
)
def test_a_row_that_makes_no_sense_is_skipped_and_the_others_are_read(row: str) -> None:
    good = "2,CCS1,2022-08-12 23:33:00,2022-08-12 23:37:00,5,9632,168393"
    recording = read_recording(epfl(row, good))
    assert [session.number for session in recording.sessions] == [2]
    assert len(recording.skipped) == 1


def test_another_file_is_refused() -> None:
    with pytest.raises(DatasetError, match="neither"):
        read_recording("a,b,c\n1,2,3\n")
    with pytest.raises(DatasetError, match="epfl format, not trondheim"):
        read_recording(epfl(), Format.TRONDHEIM)


def test_two_rows_with_the_same_session_number_are_refused() -> None:
    row = "2,CCS1,2022-08-12 23:33:00,2022-08-12 23:37:00,5,9632,168393"
    with pytest.raises(DatasetError, match="not unique"):
        read_recording(epfl(row, row))


def minutes(number: int, arrival: int, departure: int) -> RecordedSession:
    noon = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
    return RecordedSession(
        number=number,
        plug="p",
        arrival=noon + timedelta(minutes=arrival),
        departure=noon + timedelta(minutes=departure),
        energy_mwh=1_000_000,
        pmax_w=50_000,
    )


def test_overlapping_sessions_go_to_separate_stations_in_order_of_arrival() -> None:
    allotted = allot([minutes(1, 0, 10), minutes(2, 5, 15), minutes(3, 7, 9), minutes(4, 20, 30)])
    assert [each.evse_uid for each in allotted] == ["p", "p-b", "p-c", "p"]


def test_a_car_that_arrives_in_the_minute_of_the_last_departure_comes_two_seconds_later() -> None:
    first, second = (each.session for each in allot([minutes(1, 0, 10), minutes(2, 10, 20)]))
    assert second.arrival - first.departure == timedelta(seconds=2)
    assert second.departure == minutes(2, 10, 20).departure
    assert "2 s later" in second.notes[0]
