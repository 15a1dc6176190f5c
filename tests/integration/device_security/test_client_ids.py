"""A client id is a session: nobody takes another's, or the ingestor's."""

from __future__ import annotations

from tests.support.secured_doors import PATIENCE_S, TAKEN, Connect


def test_a_station_cannot_have_anothers_client_id(station: Connect, service: Connect) -> None:
    """A second connection under a client id ends the first, and inherits what waits for it."""
    with (
        service("ingestor", client_id="solarrally-ingestor") as ingestor,
        station("CP-2", session_expiry_s=60) as other,
    ):
        other.subscribe("evse/CP-2/commands/#")
        for wanted in ("CP-2", "solarrally-ingestor"):
            with station("CP-1", client_id=wanted, clean_start=False) as mine:
                assert not mine.session_present
                assert mine.publish("evse/CP-1/telemetry") in TAKEN
                assert other.is_connected
                assert ingestor.is_connected
        assert ingestor.publish("evse/CP-2/commands/7", b"stop") == "Success"
        assert other.next() == ("evse/CP-2/commands/7", b"stop")


def test_who_signs_stations_takes_a_session_whose_client_id_is_known(
    station: Connect, service: Connect
) -> None:
    """As docs/device-security.md says it: the doors share client ids, so the ingestor's is secret."""
    with service("ingestor", client_id="solarrally-ingestor-0123456789abcdef") as ingestor:
        with station("solarrally-ingestor"):
            assert ingestor.is_connected
        with station("solarrally-ingestor-0123456789abcdef"):
            assert ingestor.lost_within(PATIENCE_S)
