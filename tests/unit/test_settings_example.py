"""`.env.example` is what `Settings` says: every setting, in order, with description, unit and default.

To write it anew:  .venv/bin/python -m tests.unit.test_settings_example > .env.example
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import wrap

import pytest
from pydantic.fields import FieldInfo

from solarrally.settings import Settings, load_settings

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"

HEAD = """\
# The settings of SolarRally. Copy this file to .env and remove the # before what you change.
# What stands behind an = is the default. `solarrally check-config` shows what is in force.
# The environment wins over .env.
"""
UNITS = {
    "_hz": "per second",
    "_s": "seconds",
    "_h": "hours",
    "_c": "°C",
    "_bytes": "bytes",
    "_w": "watts",
    "_days_ahead": "days",
    "_days": "days",
    "_per_kwh": "currency per kWh",
}
REQUIRED = {"database_url": "postgresql://solarrally:password@127.0.0.1:5432/solarrally"}


def example_text() -> str:
    return HEAD + "".join(block(name, info) for name, info in Settings.model_fields.items())


def block(name: str, info: FieldInfo) -> str:
    """The comment and the line of one setting; only a required one is not commented out."""
    units = [unit for ending, unit in UNITS.items() if name.endswith(ending)]
    text = " ".join([info.description or "", *(f"Unit: {unit}." for unit in units)])
    comment = "".join(f"# {line}\n" for line in wrap(text, 106))
    variable = f"SOLARRALLY_{name.upper()}"
    if info.is_required():
        return f"\n{comment}{variable}={REQUIRED[name]}\n"
    return f"\n{comment}#{variable}={written(info.get_default(call_default_factory=True))}\n"


def written(default: object) -> str:
    if default is None or default == []:
        return ""
    if isinstance(default, list):
        return ",".join(default)
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_example_is_up_to_date() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == example_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str) -> None:
    assert Settings.model_fields[name].description


@pytest.mark.parametrize(
    "name", [name for name, info in Settings.model_fields.items() if info.annotation in (int, float)]
)
def test_a_number_says_its_unit_in_its_name(name: str) -> None:
    plain = {
        "mqtt_receive_maximum",
        "max_batch",
        "max_exports",
        "max_open_commands",
        "live_max_watchers",
        "live_max_watchers_per_account",
        "rejected_keep_count",
        "caller_rate_burst",
        "api_port",
        "api_metrics_port",
        "metrics_port",
        "smtp_port",
    }  # counts and ports

    assert name in plain or name.endswith(tuple(UNITS))


def test_a_copy_with_every_line_in_use_gives_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SOLARRALLY_{name.upper()}", raising=False)
    lines = [line.removeprefix("#") for line in example_text().splitlines() if "SOLARRALLY_" in line]
    in_use = tmp_path / ".env"
    in_use.write_text("\n".join(line for line in lines if not line.endswith("=")), encoding="utf-8")

    settings = load_settings(in_use)

    assert settings.model_dump(exclude=set(REQUIRED)) == {
        name: info.get_default(call_default_factory=True)
        for name, info in Settings.model_fields.items()
        if name not in REQUIRED
    }


if __name__ == "__main__":
    sys.stdout.write(example_text())
