"""The test of tests/faults/test_kinesis_killed.py in small."""

from __future__ import annotations

import pytest

from tests.faults.test_kinesis_killed import (
    aws_stream,
    database_of_run,
    test_ingestors_killed_at_random_instants_lose_and_double_nothing,
)
from tests.support.fault_fixtures import shared_server

__all__ = [  # pytest finds them here by their names
    "aws_stream",
    "database_of_run",
    "shared_server",
    "test_ingestors_killed_at_random_instants_lose_and_double_nothing",
]


@pytest.fixture
def kill_count() -> int:
    return 4


@pytest.fixture
def ingestor_count() -> int:
    return 2


@pytest.fixture
def reshard_every() -> int:
    return 2
