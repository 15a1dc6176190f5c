"""`solarrally-sim device`: what is listed, what is refused before anything is sent."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from solarrally_sim.broker_address import parse_broker
from solarrally_sim.cli import app
from solarrally_sim.vendors import FAMILIES, SetupError
from solarrally_sim.vendors.tls import client_context

WIDE = {"COLUMNS": "300", "TERMINAL_WIDTH": "300"}


def test_every_family_is_listed_with_its_faults_and_quirks() -> None:
    result = CliRunner().invoke(app, ["device", "--list"], env=WIDE)
    assert result.exit_code == 0
    for name, kind in FAMILIES.items():
        assert f"{name} " in result.output
        for word in (*kind.faults, *kind.quirks):
            assert word in result.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "which one?"),
        (["ocpp"], "there are: openevse"),
        (["goe", "--fault", "nope"], "it has: ContactorMiss"),
        (["goe", "--quirk", "nope"], "it has: leading-slash"),
        (["goe", "--phases", "2"], "1 or 3"),
        (["goe", "--start", "noon"], "ISO 8601"),
        (["goe", "--timezone", "Mars/Olympus"], "time zone"),
        (["goe", "--broker", "localhost"], "mqtt://[user:password@]host[:port]"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(app, ["device", *arguments], env=WIDE)
    assert result.exit_code == 2
    assert complaint in result.output


def test_certificates_are_for_tls_and_come_with_their_key(tmp_path: Path) -> None:
    nonsense = tmp_path / "device.pem"
    nonsense.write_text("nothing")
    plain, secure = parse_broker("mqtt://localhost"), parse_broker("mqtts://localhost")
    assert client_context(plain, ca_file=None, certificate=None, key=None) is None
    assert client_context(secure, ca_file=None, certificate=None, key=None) is not None
    with pytest.raises(SetupError, match="says mqtt://"):
        client_context(plain, ca_file=nonsense, certificate=None, key=None)
    with pytest.raises(SetupError, match="belong together"):
        client_context(secure, ca_file=None, certificate=nonsense, key=None)
    with pytest.raises(SetupError, match=r"cannot use .*device\.pem"):
        client_context(secure, ca_file=None, certificate=nonsense, key=nonsense)
