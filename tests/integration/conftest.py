"""A broker for tests that need a real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.errors import BinariesMissing
from solarrally.embedded.mosquitto_program import find_mosquitto
from solarrally.embedded.temporary import temporary_broker


@pytest.fixture
def mosquitto() -> Iterator[BrokerProcess]:
    """A Mosquitto of this test's own."""
    try:
        find_mosquitto()
    except BinariesMissing as missing:
        pytest.skip(str(missing))
    with temporary_broker() as running:
        yield running
