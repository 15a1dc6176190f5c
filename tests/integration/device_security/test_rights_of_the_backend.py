"""What the backend may at the broker: the ingestor, whoever provisions, and others with its certificates."""

from __future__ import annotations

import asyncio

import pytest

from solarrally.provisioning.dynsec import BrokerRefused
from tests.support.secured_broker import SecuredBroker
from tests.support.secured_doors import DENIED, TAKEN, Connect, administration, give_password


@pytest.fixture
def broker(standing_broker: SecuredBroker) -> SecuredBroker:
    return standing_broker


def test_a_station_called_ingestor_would_have_no_rights_of_the_backend(station: Connect) -> None:
    """The authority for stations signs no such name; were it stolen, this is what is left to stop it."""
    with station("ingestor") as mine:
        assert mine.publish("evse/CP-1/commands/7") == DENIED


def test_the_ingestor_speaks_to_stations_and_never_as_one(service: Connect) -> None:
    with service("ingestor") as ingestor:
        for kind in ("telemetry", "status", "session/started", "results/7"):
            assert ingestor.publish(f"evse/CP-1/{kind}") == DENIED
        for topic in ("$CONTROL/dynamic-security/v1", "$SYS/broker/uptime", "anything"):
            assert ingestor.publish(topic) == DENIED
        for topic in (  # of the shapes that other families are told something by
            *("set", "session/set", "session/started/set", "restart", "reboot", "cmd/req", "cmd/x"),
            *("Set/telemetry", "evse/start_charging"),
        ):
            assert ingestor.publish(f"evse/CP-1/{topic}") == DENIED
        assert ingestor.publish("evse/restart") == DENIED
        assert ingestor.publish("evse/CP-1/commands/7") in TAKEN
        assert ingestor.publish("evse/CP-1/acks") in TAKEN


@pytest.mark.parametrize(
    "topic",
    [
        *("openevse-1a2b/override/set", "garage/left/claim/set", "openevse-1a2b/restart"),
        *("go-eCharger/000123/frc/set", "/go-eCharger/000123/amp/set", "go-eCharger/000123/cmd/req"),
        *("SmartEVSE/6360/Set/Mode", "SmartEVSE-6360/Set/CurrentOverride"),
        *("warp3/AbC/evse/stop_charging", "warp/AbC/evse/external_current_update", "warp2/AbC/reboot"),
        *("everest_api/evse_manager/cmd/stop_charging", "evcc/loadpoints/1/mode/set"),
        "wallbox_1234/charging_enable/set",
    ],
)
def test_the_ingestor_may_send_the_commands_of_every_family(service: Connect, topic: str) -> None:
    with service("ingestor") as ingestor:
        assert ingestor.publish(topic) in TAKEN


def test_the_ingestor_never_speaks_as_a_device_of_another_family(service: Connect) -> None:
    with service("ingestor") as ingestor:
        for topic in (
            *("openevse-1a2b/amp", "openevse/announce/1a2b", "go-eCharger/000123/nrg", "/go-eCharger/1/car"),
            *("SmartEVSE/6360/State", "warp3/AbC/evse/state", "everest_api/evse_manager/var/powermeter"),
            *("evcc/loadpoints/1/chargePower", "tele/meter/SENSOR", "wallbox_1234/status/state"),
        ):
            assert ingestor.publish(topic) == DENIED


def test_who_provisions_neither_hears_nor_speaks_as_a_station(
    broker: SecuredBroker, typed: Connect, station: Connect
) -> None:
    with typed("provisioner", broker.provisioner_password) as provisioner, station("CP-1") as mine:
        assert provisioner.subscribe("#", "evse/#", "$SYS/#") == [DENIED] * 3
        assert provisioner.publish("evse/CP-1/telemetry") == DENIED
        assert provisioner.publish("evse/CP-1/commands/7") == DENIED
        mine.publish("evse/CP-1/telemetry")
        assert provisioner.next(0.3) is None


def test_another_service_may_nothing(service: Connect) -> None:
    with service("reporting") as other:
        assert other.publish("evse/CP-1/commands/7") == DENIED


def test_who_may_not_administer_is_told(broker: SecuredBroker) -> None:
    give_password(broker, "CP-1", "a password")

    async def try_as(username: str, password: str) -> None:
        async with administration(broker, username, password):
            pass

    with pytest.raises(BrokerRefused, match="may not administer"):
        asyncio.run(try_as("CP-1", "a password"))
    with pytest.raises(BrokerRefused, match="does not let provisioner in"):
        asyncio.run(try_as("provisioner", "guessed"))
