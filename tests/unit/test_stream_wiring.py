"""What is missing for a share in a stream stops the start, and is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from solarrally.errors import SettingsError
from solarrally.wiring import recover_failed_actions, running_ingest
from tests.builders import make_settings

DATABASE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture(autouse=True)
def _no_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "SOLARRALLY_AWS_KINESIS_STREAM"),
        ({"aws_kinesis_stream": "telemetry"}, "SOLARRALLY_AWS_IOT_ENDPOINT"),
        (
            {"aws_kinesis_stream": "telemetry", "mqtt_url": "mqtt://127.0.0.1:1"},
            "SOLARRALLY_MQTT_URL",
        ),
    ],
)
async def test_a_missing_setting_stops_the_start(given: dict[str, str], named: str) -> None:
    settings = make_settings(database_url=DATABASE, broker="aws_kinesis", **given)
    with pytest.raises(SettingsError, match=named):
        async with running_ingest(settings):
            raise AssertionError("it must not start")


async def test_without_a_region_boto3_says_so_and_we_name_the_variable() -> None:
    settings = make_settings(
        database_url=DATABASE, aws_failed_queue_url="https://sqs.eu-west-1.amazonaws.com/1/failed"
    )
    with pytest.raises(SettingsError, match="AWS_REGION"):
        await recover_failed_actions(settings)
