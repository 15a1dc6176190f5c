"""A credential that was taken away: its connection ends at once, and it stays out."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from solarrally.provisioning.cutting_off import NotCutOff, connect_packet, take_over, wait_for_revocation
from solarrally.provisioning.pki import probe_pair
from tests.support.mqtt_person import Refused
from tests.support.secured_broker import SecuredBroker, save_pair
from tests.support.secured_doors import (
    DENIED,
    HEARD_BY_NOBODY,
    PATIENCE_S,
    TAKEN,
    Connect,
    administration,
    give_password,
    revoke,
)

A_SECOND: float = 1.0


def test_a_revoked_certificate_is_cut_off_within_a_second_and_stays_out(
    broker: SecuredBroker, station: Connect, typed: Connect, service: Connect
) -> None:
    """Of three the fastest counts: on a machine with other things to do, one may take longer."""
    give_password(broker, "CP-9", "a password")
    took_s = []
    with (
        station("CP-8") as other,
        typed("CP-9", "a password") as third,
        service("ingestor") as ingestor,
    ):
        for evse_uid in ("CP-1", "CP-2", "CP-3"):
            pair = broker.new_device(evse_uid)
            with station(evse_uid, pair) as mine:
                began_at = time.monotonic()
                revoke(broker, evse_uid, pair)

                assert mine.lost_within(PATIENCE_S)
                assert mine.lost_at is not None
                took_s.append(mine.lost_at - began_at)
            for _ in range(2):
                with pytest.raises(Refused), station(evse_uid, pair):
                    pass
        sys.stdout.write(f"certificates were cut off after {', '.join(f'{one:.3f}' for one in took_s)} s\n")
        assert min(took_s) < A_SECOND
        assert other.is_connected
        assert third.publish("evse/CP-9/telemetry") in TAKEN  # the reload threw nobody else out
        assert ingestor.is_connected


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_saved_tls_session_does_not_bring_a_revoked_station_back(
    broker: SecuredBroker, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """A resumed handshake shows no certificate: were tickets still good, the list would not be asked."""
    pair = broker.new_device("CP-1")
    context = ssl.create_default_context(cafile=broker.pki.server_ca)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*save_pair(tmp_path / "held", "CP-1", pair))

    def let_in(session: ssl.SSLSession | None) -> tuple[bytes, bool | None, ssl.SSLSession | None]:
        with (
            socket.create_connection(("127.0.0.1", broker.certificate_port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost", session=session) as secured,
        ):
            secured.sendall(connect_packet("CP-1", clean=True))
            return secured.recv(4), secured.session_reused, secured.session

    _, _, saved = let_in(None)
    accepted, reused, saved = let_in(saved)
    assert (accepted, reused) == (b"\x20\x02\x00\x00", True)

    revoke(broker, "CP-1", pair)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        let_in(saved)


def test_a_disabled_password_is_cut_off_within_a_second_and_stays_out(
    broker: SecuredBroker, typed: Connect
) -> None:
    give_password(broker, "CP-1", "a password")
    give_password(broker, "CP-2", "another")

    async def disable() -> float:
        async with administration(broker) as accounts:
            began_at = time.monotonic()
            await accounts.disable("CP-1")
            return began_at

    with typed("CP-1", "a password") as mine, typed("CP-2", "another") as other:
        began_at = asyncio.run(disable())

        assert mine.lost_within(PATIENCE_S)
        assert mine.lost_at is not None
        sys.stdout.write(f"a password was cut off after {mine.lost_at - began_at:.3f} s\n")
        assert mine.lost_at - began_at < A_SECOND
        assert other.is_connected
    with pytest.raises(Refused, match=DENIED), typed("CP-1", "a password"):
        pass


def test_a_revoked_station_leaves_no_subscription_behind(
    broker: SecuredBroker, station: Connect, service: Connect
) -> None:
    old, new = broker.new_device("CP-1"), broker.new_device("CP-1")
    with station("CP-1", old, session_expiry_s=600) as mine, service("ingestor") as ingestor:
        mine.subscribe("evse/CP-1/commands/#")
        revoke(broker, "CP-1", old)
        assert ingestor.publish("evse/CP-1/commands/7") == HEARD_BY_NOBODY
    with station("CP-1", new, clean_start=False) as mine:
        assert not mine.session_present


def test_many_are_revoked_one_after_the_other_and_each_is_refused(
    broker: SecuredBroker, station: Connect
) -> None:
    """Lists made within one second: a broker that goes by their dates must see each as newer."""
    pairs = {f"CP-{number}": broker.new_device(f"CP-{number}") for number in range(6)}
    for evse_uid, pair in pairs.items():
        revoke(broker, evse_uid, pair)
    for evse_uid, pair in pairs.items():
        with pytest.raises(Refused), station(evse_uid, pair):
            pass
    with station("CP-0"):
        pass


def test_a_broker_that_reads_no_list_is_said(broker: SecuredBroker) -> None:
    """Nothing was revoked here: as it looks when the broker reads another file, or gets no SIGHUP."""
    probe = probe_pair(broker.devices, now=datetime.now(UTC))

    with pytest.raises(NotCutOff, match="has not read the new revocation list"):
        asyncio.run(wait_for_revocation(broker.door, probe, 0.3))
    broker.stop()
    with pytest.raises(NotCutOff, match="cannot be reached"):
        asyncio.run(wait_for_revocation(broker.door, probe, 0.3))
    with pytest.raises(NotCutOff, match="may still talk to"):
        asyncio.run(take_over(broker.door, "CP-1", probe, keep_session=False))
