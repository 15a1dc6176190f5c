"""A broker for tests that need a real one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.errors import BinariesMissing
from solarrally.embedded.mosquitto_program import find_mosquitto
from solarrally.embedded.temporary import temporary_broker


@contextmanager
def running_broker(kind: str) -> Iterator[BrokerProcess]:
    """A `mosquitto` or the `python` broker; without a Mosquitto the test is skipped, with the cure."""
    if kind == "mosquitto":
        try:
            find_mosquitto()
        except BinariesMissing as missing:
            pytest.skip(str(missing))
    with temporary_broker(python=kind == "python") as running:
        yield running
