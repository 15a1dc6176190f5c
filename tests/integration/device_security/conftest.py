"""Real brokers with the files of docker/mosquitto, and who knocks at their doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.secured_broker import SecuredBroker, secured_broker
from tests.support.secured_doors import Connect, clear, services_of, stations_of, typed_stations_of


@pytest.fixture(scope="session")
def _one_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with secured_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def standing_broker(_one_broker: SecuredBroker, tmp_path: Path) -> Iterator[SecuredBroker]:
    """The one of all tests that neither revoke nor restart, nor leave a session; cleared after each."""
    yield _one_broker
    clear(_one_broker, tmp_path / "cleared")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[SecuredBroker]:
    """A broker of the test's own. A module whose tests need none has the standing one by this name."""
    with secured_broker(tmp_path) as running:
        yield running


@pytest.fixture
def station(broker: SecuredBroker, tmp_path: Path) -> Connect:
    return stations_of(broker, tmp_path / "held")


@pytest.fixture
def service(broker: SecuredBroker, tmp_path: Path) -> Connect:
    return services_of(broker, tmp_path / "held")


@pytest.fixture
def typed(broker: SecuredBroker) -> Connect:
    return typed_stations_of(broker)
