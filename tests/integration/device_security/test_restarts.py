"""What the broker still has after it was stopped and started."""

from __future__ import annotations

from tests.support.secured_broker import SecuredBroker
from tests.support.secured_doors import DENIED, TAKEN, Connect, give_password


def test_what_waits_for_the_ingestor_survives_a_restart_of_the_broker(
    broker: SecuredBroker, station: Connect, service: Connect
) -> None:
    keeping = {"session_expiry_s": 3600, "clean_start": False}
    with service("ingestor", **keeping) as ingestor:
        ingestor.subscribe("evse/#")
    with station("CP-1") as mine:
        for number in range(20):
            assert mine.publish("evse/CP-1/telemetry", str(number)) == "Success"

    assert broker.stop() == 0
    broker.start()

    with service("ingestor", **keeping) as ingestor:
        assert ingestor.session_present
        assert [ingestor.next() for _ in range(20)] == [
            ("evse/CP-1/telemetry", str(number).encode()) for number in range(20)
        ]


def test_accounts_survive_a_restart_of_the_broker(broker: SecuredBroker, typed: Connect) -> None:
    give_password(broker, "CP-1", "a password")
    broker.stop()
    broker.start()
    with typed("CP-1", "a password") as mine:
        assert mine.publish("evse/CP-1/telemetry") in TAKEN
        assert mine.publish("evse/CP-2/telemetry") == DENIED
