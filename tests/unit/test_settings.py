"""A wrong setting stops the start and is named; so is one that does not exist."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

import pytest

from solarrally.errors import SettingsError
from solarrally.settings import Settings, is_guessable, load_settings, unknown_variables

DATABASE_URL = "postgresql://ann:hunter2@db/cars"


@pytest.fixture(autouse=True)
def only_the_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a test: none of ours but the database."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SOLARRALLY_{name.upper()}", raising=False)
    monkeypatch.setenv("SOLARRALLY_DATABASE_URL", DATABASE_URL)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("SOLARRALLY_API_PORT=9001\nSOLARRALLY_LOG_LEVEL=debug\n")
    monkeypatch.setenv("SOLARRALLY_API_PORT", "9002")

    settings = load_settings(file)

    assert (settings.api_port, settings.log_level) == (9002, "debug")


def test_a_missing_file_is_no_error(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "nowhere").database_url.get_secret_value() == DATABASE_URL


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SOLARRALLY_API_PORT", "eighty"),
        ("SOLARRALLY_API_PORT", "65536"),
        ("SOLARRALLY_CURRENCY", "jmd"),
        ("SOLARRALLY_CALLER_RATE_LIMIT_HZ", "0"),
        ("SOLARRALLY_JWT_SECRET", "too short"),
        ("SOLARRALLY_TRUSTED_PROXIES", "10.0.0.0/8, my-proxy"),
        ("SOLARRALLY_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "*"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "https://ops.example, *"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "https://*.example.org"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "null"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "ops.example"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "ws://ops.example"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "https://ops.example/"),  # no browser would send any of these
        ("SOLARRALLY_ALLOWED_ORIGINS", "https://ops.example/page"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "https://ops.example?"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "https://ops.example:443"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "https://Ops.example"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "https://ann@ops.example"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "https://ops.example:http"),
        ("SOLARRALLY_ALLOWED_ORIGINS", "https://[::1"),
        ("SOLARRALLY_LOG_LEVEL", "loud"),
        ("SOLARRALLY_MQTT_TOPIC_ROOT", "evse/+"),
        ("SOLARRALLY_PRICE_GRID_PER_KWH", "-1"),
        ("SOLARRALLY_REGISTER_UNKNOWN_STATIONS", "perhaps"),
        ("SOLARRALLY_SESSION_TIMEOUT_S", "59"),
    ],
)
def test_a_wrong_value_is_named(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError) as refused:
        load_settings(None)

    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{variable}: ")


def test_a_missing_required_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOLARRALLY_DATABASE_URL")

    with pytest.raises(SettingsError, match="SOLARRALLY_DATABASE_URL: Field required"):
        load_settings(None)


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLARRALLY_API_PORT", "0")
    monkeypatch.setenv("SOLARRALLY_CURRENCY", "1")
    monkeypatch.setenv("SOLARRALLY_NONSENSE", "1")

    with pytest.raises(SettingsError) as refused:
        load_settings(None)

    assert [line.partition(":")[0] for line in sorted(str(refused.value).splitlines())] == [
        "SOLARRALLY_API_PORT",
        "SOLARRALLY_CURRENCY",
        "SOLARRALLY_NONSENSE",
    ]


def test_the_secrets_are_never_in_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLARRALLY_JWT_SECRET", "hunter2")

    with pytest.raises(SettingsError) as refused:
        load_settings(None)

    assert "hunter2" not in str(refused.value)


def test_the_secrets_are_never_shown() -> None:
    assert "hunter2" not in repr(load_settings(None))


@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_mistyped_name_is_refused(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pydantic would pass over it, and the default would hold in silence."""
    file = tmp_path / ".env"
    file.write_text("SOLARRALLY_API_PROT=9000\n" if place == "file" else "")
    if place == "environment":
        monkeypatch.setenv("SOLARRALLY_API_PROT", "9000")

    with pytest.raises(SettingsError, match=r"SOLARRALLY_API_PROT: .* did you mean SOLARRALLY_API_PORT"):
        load_settings(file)


def test_the_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("POSTGRES_PASSWORD=x\nSOLARRALLY_SIM_STATIONS=5\nSOLARRALLY_MOSQUITTO=x\n")

    assert load_settings(file).api_port == 8000


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    assert unknown_variables(["PATH", "solarrally_zebra", "SOLARRALLY_API_PORT"]) == [
        "SOLARRALLY_ZEBRA: no such setting"
    ]


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    origins = ["https://a.example", "https://b.example:8443", "http://127.0.0.1:5173", "http://[::1]:81"]
    monkeypatch.setenv("SOLARRALLY_ALLOWED_ORIGINS", ", ".join(origins) + ",")

    assert load_settings(None).allowed_origins == origins


@pytest.mark.parametrize(
    "secret",
    [
        "x" * 64,
        "changeme" * 8,
        "please-changeme-before-production-1234",
        "my-very-long-jwt-secret-for-development",
        "an-example-that-nobody-should-ever-use",
        "correct-horse-password-battery-staple",
        "0123456789abcdef0123456789abcdef",
        "8f3a1c9e8f3a1c9e8f3a1c9e8f3a1c9e",
        "01010101010101010101010101010110",
    ],
)
def test_a_token_secret_that_can_be_guessed_stops_the_start(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLARRALLY_JWT_SECRET", secret)

    with pytest.raises(SettingsError, match=r"SOLARRALLY_JWT_SECRET: .*can be guessed") as refused:
        load_settings(None)
    assert secret not in str(refused.value)


def test_a_secret_that_was_made_as_we_say_is_taken() -> None:
    assert not any(is_guessable(token_hex(32)) for _ in range(1000))


def test_the_networks_of_proxies_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLARRALLY_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::/32,192.0.2.7")

    assert load_settings(None).trusted_proxies == ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]
