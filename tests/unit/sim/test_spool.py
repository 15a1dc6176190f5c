"""What is kept on disk: exactly the messages that are not stored, in order, over any crash."""

import copy
import json
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solarrally_sim.message import Message, telemetry_topic
from solarrally_sim.spool import Spool, SpoolError

STATIONS = ("a", "b", "c")


def said(evse_uid: str, text: str = "x") -> Message:
    return Message(
        topic=telemetry_topic(evse_uid), payload=json.dumps({"status": text}).encode(), session_number=5
    )


def kept(spool: Spool, evse_uid: str) -> list[Message]:
    return spool.read(evse_uid, after_seq=-1, up_to_seq=10**9, most=10**9)


def crash(spool: Spool) -> None:
    """What `kill -9` leaves: everything that was committed."""
    spool._database.close()


def test_a_message_gets_its_number_as_a_field_and_keeps_its_other_bytes(tmp_path: Path) -> None:
    with Spool(tmp_path, purpose="test") as spool:
        first, second = spool.append(said("a")), spool.append(said("a"))
    assert (first.seq, second.seq) == (0, 1)
    assert first.payload == b'{"status": "x", "seq": 0}'
    assert json.loads(second.payload) == {"status": "x", "seq": 1}


def test_what_was_kept_is_the_same_bytes_after_a_restart(tmp_path: Path) -> None:
    with Spool(tmp_path, purpose="test") as spool:
        published = [spool.append(said("a", f"é{n}")) for n in range(3)]
    with Spool(tmp_path, purpose="test") as spool:
        assert kept(spool, "a") == published


def test_numbers_go_on_after_the_highest_ever_used_even_if_nothing_is_left(tmp_path: Path) -> None:
    with Spool(tmp_path, purpose="test") as spool:
        for _ in range(3):
            spool.append(said("a"))
        spool.remove("a", [0, 1, 2])
    with Spool(tmp_path, purpose="test") as spool:
        assert spool.count == 0
        assert spool.append(said("a")).seq == 3


def test_the_oldest_are_dropped_beyond_the_limit_of_a_station_and_counted(tmp_path: Path) -> None:
    with Spool(tmp_path, purpose="test", limit=2) as spool:
        for _ in range(4):
            spool.append(said("a"))
        spool.append(said("b"))
        assert [spool.drop_oldest("a") for _ in range(3)] == [0, 1, None]
        assert spool.drop_oldest("b") is None
        assert spool.is_full("a")
        assert not spool.is_full("b")
    with Spool(tmp_path, purpose="test", limit=2) as spool:
        assert spool.seqs("a") == [2, 3]
        assert spool.dropped_count == 2
        assert spool.count == 3


def test_two_simulators_cannot_use_one_spool(tmp_path: Path) -> None:
    with (
        Spool(tmp_path, purpose="test"),
        pytest.raises(SpoolError, match="another simulator uses it"),
    ):
        Spool(tmp_path, purpose="test")


def test_numbers_that_stand_for_something_else_are_refused(tmp_path: Path) -> None:
    Spool(tmp_path, purpose="one recording").__exit__(None, None, None)
    with pytest.raises(SpoolError, match="for one recording, not for another"):
        Spool(tmp_path, purpose="another")


def test_a_file_that_is_no_spool_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spool.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(SpoolError, match="cannot be opened"):
        Spool(tmp_path, purpose="test")


APPEND = st.tuples(st.just("append"), st.sampled_from(STATIONS))
REMOVE = st.tuples(st.just("remove"), st.sampled_from(STATIONS), st.lists(st.integers(0, 12), max_size=6))
STEP = st.one_of(APPEND, APPEND, REMOVE, st.just(("commit",)), st.just(("crash",)), st.just(("leave",)))


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEP, max_size=40))
def test_any_history_keeps_exactly_what_is_not_stored_in_order(steps: list[tuple]) -> None:
    now: dict[str, dict[int, Message]] = defaultdict(dict)
    numbers: dict[str, int] = defaultdict(int)
    on_disk = copy.deepcopy((now, numbers))
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder), purpose="test")
        for step in steps:
            match step:
                case ("append", evse_uid):
                    message = spool.append(said(evse_uid, str(len(now))))
                    assert message.seq == numbers[evse_uid]
                    now[evse_uid][numbers[evse_uid]] = message
                    numbers[evse_uid] += 1
                case ("remove", evse_uid, seqs):  # also those never given, and the same one twice
                    spool.remove(evse_uid, seqs)
                    for seq in seqs:
                        now[evse_uid].pop(seq, None)
                case ("commit",):
                    spool.commit()
                    on_disk = copy.deepcopy((now, numbers))
                case ("crash",):
                    crash(spool)
                    spool = Spool(Path(folder), purpose="test")
                    now, numbers = copy.deepcopy(on_disk)
                case ("leave",):
                    spool.__exit__(None, None, None)
                    spool = Spool(Path(folder), purpose="test")
                    on_disk = copy.deepcopy((now, numbers))
            for evse_uid in STATIONS:
                assert [m.payload for m in kept(spool, evse_uid)] == [
                    m.payload for m in now[evse_uid].values()
                ]
                assert spool.station(evse_uid).next_seq == numbers[evse_uid]
            assert spool.count == sum(map(len, now.values()))
        spool.__exit__(None, None, None)
