"""The command line as somebody types it: wrong settings stop the start and name themselves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

GOOD = {"SOLARRALLY_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/none"}


def solarrally(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOLARRALLY_")}
    return subprocess.run(
        [sys.executable, "-m", "solarrally", *words],
        env={**environment, **settings},
        cwd="/",  # no .env here
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["migrate", "ingest", "serve", "check-config"])
def test_a_missing_setting_stops_the_start_and_is_named(command: str) -> None:
    result = solarrally(command)

    assert result.returncode == 2
    assert "SOLARRALLY_DATABASE_URL" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("serve", "SOLARRALLY_API_PORT", "eighty"),
        ("serve", "SOLARRALLY_JWT_SECRET", "short"),
        ("serve", "SOLARRALLY_JWT_SECRET", "changeme" * 8),
        ("serve", "SOLARRALLY_API_PROT", "8000"),
        ("serve", "SOLARRALLY_DATABASE_URL", "mysql://x"),
        ("ingest", "SOLARRALLY_MQTT_URL", "http://broker"),
        ("ingest", "SOLARRALLY_MQTT_RECEIVE_MAXIMUM", "0"),
        ("migrate", "SOLARRALLY_SITE_TIMEZONE", "Mars/Olympus"),
        ("migrate", "SOLARRALLY_CURRENCY", "dollars"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(command: str, name: str, value: str) -> None:
    result = solarrally(command, **{**GOOD, name: value})

    assert result.returncode == 2
    assert name in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("command", "name"), [("ingest", "SOLARRALLY_MQTT_URL"), ("serve", "SOLARRALLY_JWT_SECRET")]
)
def test_what_only_one_command_needs_is_asked_for_by_that_one(command: str, name: str) -> None:
    result = solarrally(command, **GOOD)

    assert result.returncode == 2
    assert name in result.stderr


def test_a_wrong_setting_is_said_before_the_database_and_the_api_are_imported() -> None:
    """That takes a second; `up` never needs them."""
    imported = subprocess.run(
        [sys.executable, "-c", "import sys, solarrally.cli; print(*sys.modules, sep=chr(10))"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()

    assert {"sqlalchemy", "fastapi", "alembic", "cryptography", "aiomqtt"} & set(imported) == set()


def test_secrets_are_not_shown() -> None:
    result = solarrally("check-config", **GOOD, SOLARRALLY_JWT_SECRET="5f9-hidden-2b7c1e08d4a6-well-enough")

    assert result.returncode == 0
    assert "hidden" not in result.stdout
    assert "u:p@" not in result.stdout


def test_a_database_that_is_not_there_is_said_in_one_line() -> None:
    result = solarrally("migrate", **GOOD)

    assert result.returncode == 1
    assert "Traceback" not in result.stderr


def test_a_busy_metrics_port_stops_the_start_and_is_named() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])

        result = solarrally(
            "ingest", **GOOD, SOLARRALLY_MQTT_URL="mqtt://127.0.0.1:1", SOLARRALLY_METRICS_PORT=port
        )

    assert result.returncode == 2
    assert "SOLARRALLY_METRICS_PORT" in result.stderr


def test_a_data_folder_that_cannot_be_is_said_in_one_line() -> None:
    result = solarrally("up", "--data-dir", "/dev/null/data")

    assert result.returncode == 1
    assert "--data-dir" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
