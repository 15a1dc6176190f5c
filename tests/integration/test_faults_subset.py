"""Every kind of fault once, in small: the same tests as in tests/faults, with these numbers."""

from __future__ import annotations

import pytest

from tests.faults.test_broker_faults import (
    test_a_killed_broker_costs_a_device_that_waits_for_acks_nothing,
)
from tests.faults.test_crowds import (
    test_a_flood_from_one_station_does_not_hold_up_the_others,
    test_stations_that_all_reconnect_at_once_are_all_online_and_lose_nothing,
)
from tests.faults.test_database_faults import (
    test_a_lock_held_for_long_costs_nothing,
    test_a_postgresql_killed_with_kill_9_costs_nothing,
    test_a_postgresql_that_is_away_for_a_minute_costs_nothing,
    test_one_message_that_the_database_refuses_is_rejected_alone,
)
from tests.faults.test_ingestor_killed import (
    test_an_ingestor_killed_at_random_instants_loses_and_doubles_nothing,
)
from tests.faults.test_leaving import (
    test_sigterm_under_load_leaves_in_time_and_nothing_comes_twice,
)
from tests.faults.test_message_faults import (
    test_data_withheld_for_days_corrects_the_sessions_and_bills_it_touches,
    test_messages_reordered_by_up_to_ten_minutes_give_the_sessions_of_their_true_order,
    test_repetitions_are_counted_and_stored_once,
)
from tests.faults.test_network_faults import (
    behind_proxies,
    proxies,
    test_a_network_cut_at_random_instants_costs_nothing,
)
from tests.faults.test_poison import (
    poisoned,
    test_a_poison_message_is_rejected_alone_wherever_it_stands,
)
from tests.faults.test_schema_faults import (
    test_a_migration_while_ingesting_costs_nothing,
    test_a_missing_partition_stops_nothing,
)
from tests.faults.test_standby import (
    test_a_standby_takes_over_in_time_and_nothing_is_lost_or_doubled,
)
from tests.support.fault_fixtures import run, shared_server

__all__ = [  # pytest finds them here by their names
    "behind_proxies",
    "poisoned",
    "proxies",
    "run",
    "shared_server",
    "test_a_flood_from_one_station_does_not_hold_up_the_others",
    "test_a_killed_broker_costs_a_device_that_waits_for_acks_nothing",
    "test_a_lock_held_for_long_costs_nothing",
    "test_a_migration_while_ingesting_costs_nothing",
    "test_a_missing_partition_stops_nothing",
    "test_a_network_cut_at_random_instants_costs_nothing",
    "test_a_poison_message_is_rejected_alone_wherever_it_stands",
    "test_a_postgresql_killed_with_kill_9_costs_nothing",
    "test_a_postgresql_that_is_away_for_a_minute_costs_nothing",
    "test_a_standby_takes_over_in_time_and_nothing_is_lost_or_doubled",
    "test_an_ingestor_killed_at_random_instants_loses_and_doubles_nothing",
    "test_data_withheld_for_days_corrects_the_sessions_and_bills_it_touches",
    "test_messages_reordered_by_up_to_ten_minutes_give_the_sessions_of_their_true_order",
    "test_one_message_that_the_database_refuses_is_rejected_alone",
    "test_repetitions_are_counted_and_stored_once",
    "test_sigterm_under_load_leaves_in_time_and_nothing_comes_twice",
    "test_stations_that_all_reconnect_at_once_are_all_online_and_lose_nothing",
]


@pytest.fixture
def kill_count() -> int:
    return 3


@pytest.fixture
def repetitions() -> int:
    return 1


@pytest.fixture
def outage_s() -> float:
    return 1.0


@pytest.fixture
def lock_s() -> float:
    return 2.0


@pytest.fixture
def migration_count() -> int:
    return 1


@pytest.fixture
def round_count() -> int:
    return 100


@pytest.fixture
def station_count() -> int:
    return 1000


@pytest.fixture
def flood_count() -> int:
    return 15_000


@pytest.fixture
def between() -> list[str]:
    return ["broker", "database"]


@pytest.fixture
def tables() -> str:
    return "reading, connector, charging_session"


@pytest.fixture
def refusal() -> str:
    return "23514"


@pytest.fixture(params=[0, 10, 19])
def position(request: pytest.FixtureRequest) -> int:
    place: int = request.param
    return place
