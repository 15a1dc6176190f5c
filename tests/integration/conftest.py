"""A broker for tests that need a real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from solarrally.embedded.broker_process import BrokerProcess
from tests.support.brokers import running_broker


@pytest.fixture
def mosquitto() -> Iterator[BrokerProcess]:
    """A Mosquitto of this test's own."""
    with running_broker("mosquitto") as running:
        yield running
