"""docker/make_secrets.py: the first step of the compose file, run in a copy of docker/."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from solarrally.settings import load_settings

DOCKER = Path(__file__).resolve().parents[2] / "docker"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of docker/ after two first steps: the second one adds the simulator."""
    folder = tmp_path_factory.mktemp("first-start") / "docker"
    shutil.copytree(DOCKER, folder, ignore=shutil.ignore_patterns("secrets", ".env", "__pycache__"))
    first_step(folder, "mqtt.example.org")
    before = contents(folder / "secrets")
    first_step(folder, "--simulator")
    after = contents(folder / "secrets")
    assert {name: text for name, text in before.items() if after[name] != text} == {}
    return folder


def first_step(folder: Path, *arguments: str) -> str:
    """What it said; none of it is a secret."""
    done = subprocess.run(
        [sys.executable, folder / "make_secrets.py", *arguments],
        env={name: value for name, value in os.environ.items() if not name.startswith("SOLARRALLY_")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    held = {name: text.strip() for name, text in contents(folder / "secrets").items()}
    assert not [name for name, text in held.items() if text and text in said]  # a lock file is empty
    return said


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_every_file_that_compose_asks_for_is_made(made: Path) -> None:
    compose = yaml.safe_load((made / "compose.yaml").read_text())

    assert [one["file"] for one in compose["secrets"].values() if not (made / one["file"]).is_file()] == []
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            if isinstance(volume, str) and volume.startswith("./secrets"):
                assert (made / volume.split(":")[0]).is_dir(), volume


def test_everything_that_compose_leaves_open_is_in_the_env_file_or_has_a_default(made: Path) -> None:
    given = {line.partition("=")[0] for line in (made / ".env").read_text().splitlines()}
    asked = re.findall(r"\$\{(\w+)(:-)?", (made / "compose.yaml").read_text())

    assert {name for name, default in asked if not default} <= given
    offered = {name for name in given if name and not name.startswith("#")}
    assert offered <= {name for name, _ in asked}


def test_nobody_else_on_the_machine_comes_to_the_secrets(made: Path) -> None:
    for folder in ("secrets", "secrets/pki", "secrets/stations", "secrets/simulator"):
        assert (made / folder).stat().st_mode & 0o777 == 0o700, folder


def test_no_two_passwords_are_the_same_and_none_is_short(made: Path) -> None:
    texts = [path.read_text() for path in (made / "secrets").glob("*_password")]

    assert len(texts) == len(set(texts)) == 4
    assert all(len(text) == 48 for text in texts)


def test_nobody_can_guess_the_ingestor_s_client_id(made: Path) -> None:
    settings = load_settings(made / "secrets" / "ingest.env")

    assert re.fullmatch(r"solarrally-ingestor-[0-9a-f]{16}", settings.mqtt_client_id)


def test_an_installation_without_a_client_id_of_its_own_is_told_and_keeps_its_queue(
    made: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "docker"
    shutil.copytree(made, folder)
    settings = folder / "secrets" / "ingest.env"
    kept = settings.read_text().splitlines()[0] + "\n"
    settings.chmod(0o600)
    settings.write_text(kept)

    assert "SOLARRALLY_MQTT_CLIENT_ID" in first_step(folder)
    assert settings.read_text() == kept


def test_a_changed_broker_configuration_reaches_the_one_with_the_simulator(
    made: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "docker"
    shutil.copytree(made, folder)
    plain = folder / "mosquitto" / "mosquitto.conf"
    plain.write_text(plain.read_text() + "# changed\n")

    first_step(folder)

    assert "# changed" in (folder / "secrets" / "mosquitto.conf").read_text()


@pytest.mark.parametrize("name", ["migrate", "ingest", "serve"])
def test_each_program_can_read_its_settings(made: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [one for one in os.environ if one.startswith("SOLARRALLY_")]:
        monkeypatch.delenv(variable)

    settings = load_settings(made / "secrets" / f"{name}.env")

    password = (made / "secrets" / "database_password").read_text()
    assert settings.database_url.get_secret_value() == (
        f"postgresql://solarrally:{password}@postgres:5432/solarrally"
    )
    assert (settings.jwt_secret is not None) == (name == "serve")
    assert (settings.admin_password is not None) == (name == "migrate")


def test_the_ingestor_and_the_broker_can_use_their_certificates(made: Path) -> None:
    secrets = made / "secrets"
    client = ssl.create_default_context(cafile=str(secrets / "broker_ca.pem"))
    client.load_cert_chain(secrets / "ingestor.pem", secrets / "ingestor.key")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    server.load_cert_chain(
        secrets / "pki" / "broker" / "broker.pem", secrets / "pki" / "broker" / "broker.key"
    )


def test_the_simulators_listener_is_added_to_the_broker_s_own_configuration(made: Path) -> None:
    plain = (made / "mosquitto" / "mosquitto.conf").read_text()
    with_simulator = (made / "secrets" / "mosquitto.conf").read_text()

    assert with_simulator.startswith(plain)
    assert "listener 1883" in with_simulator.removeprefix(plain)
    assert "listener 1883" not in plain
    assert "MOSQUITTO_CONF=./secrets/mosquitto.conf" in (made / ".env").read_text()
