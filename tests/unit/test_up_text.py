"""What `up` says when everything runs: the dashboard first, with the login, then the rest."""

from __future__ import annotations

from pathlib import Path

from solarrally.embedded.up_programs import Addresses, backend_environment
from solarrally.embedded.up_text import ready_text


def said(admin_password: str | None = "first-password") -> list[str]:
    text = ready_text(
        api_url="http://127.0.0.1:8000",
        admin_password=admin_password,
        mqtt_address="127.0.0.1:1883",
        broker_title="Mosquitto",
        broker_shortcomings=["keeps nothing"],
        postgres_title="127.0.0.1:5432",
        data_dir=Path("data"),
        environment_file=Path("data/environment"),
        took_s=1.0,
    )
    return [line.strip() for line in text.splitlines()]


def place(lines: list[str], beginning: str) -> int:
    """Where the one line is that begins so."""
    [found] = [number for number, line in enumerate(lines) if line.startswith(beginning)]
    return found


def test_the_dashboard_comes_first_and_the_login_right_below() -> None:
    lines = said()
    dashboard = place(lines, "Dashboard")

    assert lines[dashboard].split() == ["Dashboard", "http://127.0.0.1:8000/"]
    assert "password first-password" in lines[dashboard + 1]
    assert dashboard + 1 < place(lines, "API") < place(lines, "MQTT") < place(lines, "Postgres")
    assert "/api/v1/docs" in lines[place(lines, "API")]


def test_a_password_that_no_longer_holds_is_not_shown_as_one() -> None:
    lines = said(admin_password=None)

    assert "None" not in "\n".join(lines)
    assert "set-password admin" in lines[place(lines, "Dashboard") + 2]


def test_on_ones_own_machine_the_status_is_public() -> None:
    addresses = Addresses(
        database_url="postgresql://d",
        ingestor_mqtt_url="mqtt://i",
        fleet_mqtt_url="mqtt://f",
        devices_mqtt_url="mqtt://d",
        api_host="127.0.0.1",
        api_port=8000,
        metrics_port=9465,
    )
    environment = backend_environment(addresses, jwt_secret="j", admin_password="a")

    assert environment["SOLARRALLY_PUBLIC_STATUS"] == "true"
