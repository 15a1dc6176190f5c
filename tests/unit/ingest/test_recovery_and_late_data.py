"""After a crash, late data may change the very sessions that were just found again."""

from __future__ import annotations

from solarrally.domain.bill import Bill
from tests.fakes.memory_store import MemoryStore
from tests.unit.ingest.test_pipeline import charging, idle, only_session
from tests.unit.ingest.test_showing import ingest_one_by_one


def test_a_session_found_after_a_crash_and_corrected_by_late_data_is_written_once() -> None:
    store = MemoryStore()
    ingest_one_by_one(store, [charging(n, 2.0 * n) for n in (0, 1, 2, 4, 5)], is_killed=True)
    assert only_session(store).reading_count == 1

    ingest_one_by_one(store, [charging(3, 6.0), charging(6, 12.0)])

    assert only_session(store).reading_count == 7


def test_a_session_found_after_a_crash_that_late_data_dissolve_stays_dissolved() -> None:
    store = MemoryStore()
    ingest_one_by_one(store, [charging(n, 2.0 * n) for n in (10, 11, 12)], is_killed=True)

    ingest_one_by_one(store, [charging(n, 2.0 * n) for n in (7, 8, 9)])

    assert only_session(store).reading_count == 6


def test_an_end_that_comes_late_after_a_crash_is_billed_once() -> None:
    store = MemoryStore()
    ingest_one_by_one(store, [charging(0, 0), charging(1, 2), charging(2, 4)], is_killed=True)

    ingest_one_by_one(store, [charging(4, 8, session_id="s2"), idle(3)])

    bills: list[Bill] = store.tables.bills
    sessions = [account.session for account in store.tables.sessions.values()]
    assert sorted(session.device_session_id or "" for session in sessions) == ["s1", "s2"]
    assert [bill.kind for bill in bills][-1] == "invoice"
    assert sum(bill.kind == "invoice" for bill in bills) == 1 + sum(bill.kind == "credit" for bill in bills)
