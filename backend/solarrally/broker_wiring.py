"""The settings that say which broker there is, and the adapters made from them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from solarrally.brokers.address import parse_address
from solarrally.brokers.aws_iot_endpoint import AwsIotEndpoint, ClientIdentity, parse_endpoint
from solarrally.brokers.aws_iot_limits import KEEPALIVE_S
from solarrally.brokers.command_publisher import MqttCommandPublisher
from solarrally.brokers.mosquitto import MosquittoBroker
from solarrally.brokers.observed import ObservedBroker
from solarrally.errors import SettingsError
from solarrally.ingest.ports import CommandPublisher
from solarrally.settings import Settings

if TYPE_CHECKING:
    from solarrally.brokers.aws_iot_publisher import AwsIotPublisher

INSTALL_AWS = "pip install 'solarrally[aws]'"


def build_broker(settings: Settings, now: Callable[[], datetime]) -> ObservedBroker:
    """What `SOLARRALLY_BROKER` names, its certificates checked; `SettingsError` names what is wrong."""
    topic_filters = [f"{settings.mqtt_topic_root}/#"]
    if settings.broker == "aws_iot":
        return _aws_iot_broker(settings, topic_filters, now)
    broker = MosquittoBroker(
        parse_address(_mqtt_url(settings)),
        client_id=settings.mqtt_client_id,
        topic_filters=topic_filters,
        now=now,
        receive_maximum=settings.mqtt_receive_maximum,
        session_expiry_s=settings.mqtt_session_expiry_s,
        keepalive_s=settings.mqtt_keepalive_s,
        ca_file=settings.mqtt_ca_file,
        cert_file=settings.mqtt_cert_file,
        key_file=settings.mqtt_key_file,
    )
    broker.check_certificates()  # also of a standby, which connects only when it leads
    return broker


def build_command_publisher(settings: Settings) -> CommandPublisher:
    """The connection that commands leave by, beside the broker's: with a client id of its own."""
    if settings.broker != "mqtt":
        return build_aws_publisher(settings)
    return MqttCommandPublisher(
        parse_address(_mqtt_url(settings)),
        client_id=commands_client_id(settings),
        keepalive_s=settings.mqtt_keepalive_s,
        ca_file=settings.mqtt_ca_file,
        cert_file=settings.mqtt_cert_file,
        key_file=settings.mqtt_key_file,
    )


def build_aws_publisher(settings: Settings, *, client_id: str | None = None) -> AwsIotPublisher:
    """Out through AWS IoT Core: commands, and acknowledgements to devices. By default with the client id of
    the one that sends commands.
    """
    endpoint, identity = _aws_iot(settings)
    from solarrally.brokers.aws_iot_publisher import AwsIotPublisher

    publisher = AwsIotPublisher(
        endpoint,
        identity,
        client_id=client_id or commands_client_id(settings),
        keepalive_s=settings.mqtt_keepalive_s,
    )
    publisher.check_certificates()
    return publisher


def commands_client_id(settings: Settings) -> str:
    return f"{settings.mqtt_client_id}-commands"


def require_aws(what: str) -> None:
    """`SettingsError` that says how to install it when the extra `[aws]` is missing. `what` needs it."""
    if find_spec("awsiot") is None or find_spec("boto3") is None:
        raise SettingsError(f"{what}: needs the extra `aws`; install it with: {INSTALL_AWS}")


def _aws_iot_broker(
    settings: Settings, topic_filters: list[str], now: Callable[[], datetime]
) -> ObservedBroker:
    endpoint, identity = _aws_iot(settings)
    from solarrally.brokers.aws_iot import AwsIotBroker

    try:
        broker = AwsIotBroker(
            endpoint,
            identity,
            client_id=settings.mqtt_client_id,
            topic_filters=topic_filters,
            now=now,
            shared_group=settings.aws_iot_shared_group or None,
            receive_maximum=settings.mqtt_receive_maximum,
            session_expiry_s=settings.mqtt_session_expiry_s,
            keepalive_s=settings.mqtt_keepalive_s,
        )
    except ValueError as error:
        raise SettingsError(f"SOLARRALLY_MQTT_TOPIC_ROOT: {error}") from error
    broker.check_certificates()
    return broker


def _aws_iot(settings: Settings) -> tuple[AwsIotEndpoint, ClientIdentity]:
    """Where AWS IoT Core is and who we are there."""
    choice = f"SOLARRALLY_BROKER={settings.broker}"
    require_aws(choice)
    if settings.mqtt_url is not None:
        raise SettingsError(f"SOLARRALLY_MQTT_URL: has no place beside {choice}; unset one of the two")
    if settings.aws_iot_endpoint is None:
        raise SettingsError(
            f"SOLARRALLY_AWS_IOT_ENDPOINT: required with {choice}; "
            "`aws iot describe-endpoint --endpoint-type iot:Data-ATS` tells it"
        )
    if settings.mqtt_cert_file is None:
        raise SettingsError(f"SOLARRALLY_MQTT_CERT_FILE: required with {choice}: our certificate, PEM")
    if settings.mqtt_key_file is None:
        raise SettingsError(f"SOLARRALLY_MQTT_KEY_FILE: required with {choice}: the certificate's key, PEM")
    shortest_s, longest_s = KEEPALIVE_S
    if not shortest_s <= settings.mqtt_keepalive_s <= longest_s:
        raise SettingsError(
            f"SOLARRALLY_MQTT_KEEPALIVE_S: AWS IoT Core takes {shortest_s} to {longest_s} s, "
            f"not {settings.mqtt_keepalive_s}"
        )
    identity = ClientIdentity(
        cert_file=settings.mqtt_cert_file, key_file=settings.mqtt_key_file, ca_file=settings.mqtt_ca_file
    )
    return parse_endpoint(settings.aws_iot_endpoint), identity


def _mqtt_url(settings: Settings) -> str:
    if settings.aws_iot_endpoint is not None:
        raise SettingsError("SOLARRALLY_AWS_IOT_ENDPOINT: is set; then SOLARRALLY_BROKER must be aws_iot")
    if settings.mqtt_url is None:
        raise SettingsError("SOLARRALLY_MQTT_URL: required by `solarrally ingest`")
    return settings.mqtt_url.get_secret_value()
