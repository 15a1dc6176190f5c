"""Which broker the settings make, and what is said when they do not fit together."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from solarrally import broker_wiring
from solarrally.broker_wiring import build_broker, build_command_publisher
from solarrally.brokers.aws_iot import AwsIotBroker
from solarrally.brokers.aws_iot_publisher import AwsIotPublisher
from solarrally.brokers.command_publisher import MqttCommandPublisher
from solarrally.brokers.mosquitto import MosquittoBroker
from solarrally.errors import SettingsError
from solarrally.settings import Settings
from tests.builders import make_settings
from tests.support.tls_mosquitto import Authority

ENDPOINT = "a1b2-ats.iot.eu-west-1.amazonaws.com"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The settings of an ingestor on AWS IoT Core."""
    identity = Authority(tmp_path_factory.mktemp("certificates")).identity("ingestor")
    return {
        "broker": "aws_iot",
        "aws_iot_endpoint": ENDPOINT,
        "mqtt_cert_file": identity.cert_file,
        "mqtt_key_file": identity.key_file,
    }


def settings(**values: Any) -> Settings:
    return make_settings(database_url=SecretStr("postgresql://nobody@127.0.0.1/none"), **values)


def now() -> datetime:
    return datetime.now(UTC)


def test_without_a_word_it_is_an_mqtt_broker() -> None:
    made = settings(mqtt_url=SecretStr("mqtt://127.0.0.1"))

    assert isinstance(build_broker(made, now), MosquittoBroker)
    assert isinstance(build_command_publisher(made), MqttCommandPublisher)


def test_aws_iot_core_with_what_it_allows_at_most(aws: dict[str, Any]) -> None:
    made = settings(**aws)
    broker, publisher = build_broker(made, now), build_command_publisher(made)

    assert isinstance(broker, AwsIotBroker)
    assert isinstance(publisher, AwsIotPublisher)
    assert (broker._options.host, broker._options.port) == (ENDPOINT, 8883)
    assert broker._options.receive_maximum == 100  # the setting's default is 10,000
    assert broker._shared(broker._topic_filters) == ["$share/solarrally/evse/#"]
    assert broker._options.client_id != publisher._options.client_id  # AWS would end one for the other
    assert publisher._options.session_expiry_s == 0


def test_an_empty_group_subscribes_plainly(aws: dict[str, Any]) -> None:
    broker = build_broker(settings(**aws, aws_iot_shared_group=""), now)

    assert isinstance(broker, AwsIotBroker)
    assert broker._shared(broker._topic_filters) == ["evse/#"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"aws_iot_endpoint": None}, "SOLARRALLY_AWS_IOT_ENDPOINT: required"),
        ({"aws_iot_endpoint": "10.0.0.1"}, "SOLARRALLY_AWS_IOT_ENDPOINT: expected a host name"),
        ({"mqtt_cert_file": None}, "SOLARRALLY_MQTT_CERT_FILE: required"),
        ({"mqtt_key_file": None}, "SOLARRALLY_MQTT_KEY_FILE: required"),
        ({"mqtt_url": SecretStr("mqtt://127.0.0.1")}, "SOLARRALLY_MQTT_URL: has no place"),
        ({"mqtt_keepalive_s": 10}, "SOLARRALLY_MQTT_KEEPALIVE_S: AWS IoT Core takes 30 to 1200 s"),
        ({"mqtt_topic_root": "ä" * 200}, "SOLARRALLY_MQTT_TOPIC_ROOT: .*AWS IoT Core takes 256"),
        ({"mqtt_ca_file": Path(__file__)}, "the certificates for .*test_broker_wiring.py"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value.partition(":")[0],
)
def test_what_does_not_fit_stops_the_start_and_is_named(
    aws: dict[str, Any], changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        build_broker(settings(**{**aws, **changes}), now)


def test_an_endpoint_without_the_choice_is_a_mistake() -> None:
    with pytest.raises(SettingsError, match="SOLARRALLY_BROKER must be aws_iot"):
        build_broker(settings(mqtt_url=SecretStr("mqtt://127.0.0.1"), aws_iot_endpoint=ENDPOINT), now)


def test_without_a_broker_there_is_nothing_to_ingest() -> None:
    for build in (lambda made: build_broker(made, now), build_command_publisher):
        with pytest.raises(SettingsError, match="SOLARRALLY_MQTT_URL: required by `solarrally ingest`"):
            build(settings())


def test_another_kind_of_broker_is_no_setting() -> None:
    with pytest.raises(ValidationError):
        settings(broker="kafka")
    with pytest.raises(ValidationError):
        settings(aws_iot_shared_group="a/b")


def test_without_the_extra_it_says_how_to_install_it(
    aws: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_wiring, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"SOLARRALLY_BROKER=aws_iot: .*pip install 'solarrally\[aws\]'"):
        build_broker(settings(**aws), now)
