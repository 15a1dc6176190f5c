"""What whoever sets a station up is given: a configuration to paste, or what to type into its web page.

Names of fields and pages are the vendors' own (read November 2026): OpenEVSE/openevse_esp32_firmware
docs/mqtt.md and docs/user-guide.md; goecharger/go-eCharger-API-v2 mqtt-de.md; goecharger/go-eCharger-API-v1
"go-eCharger API v1 EN.md", keys `mcs` to `mck`; SmartEVSE-3.5 docs/mqtt.md;
docs.warp-charger.com "MQTT and HTTP, introduction"; docs.evcc.io "reference/configuration/mqtt";
tasmota.github.io/docs/MQTT.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from solarrally.provisioning.pki_folder import BrokerDoors
from solarrally.provisioning.station_topics import NATIVE

CA_FILE: Final = "ca.pem"
_FIRST_READING: Final = '{"status":"available","power_w":0}'


@dataclass(slots=True, frozen=True, kw_only=True)
class Access:
    """A station's way in."""

    evse_uid: str
    host: str
    port: int
    base_topic: str
    certificate_file: str | None = None
    key_file: str | None = None
    password_file: str | None = None
    has_tls: bool = True
    alpn: str | None = None


def access_by_certificate(evse_uid: str, doors: BrokerDoors) -> Access:
    return Access(
        evse_uid=evse_uid,
        host=doors.host,
        port=doors.certificate_port,
        base_topic=f"evse/{evse_uid}",
        certificate_file=f"{evse_uid}.pem",
        key_file=f"{evse_uid}.key",
    )


def access_by_password(evse_uid: str, doors: BrokerDoors, base_topic: str) -> Access:
    return Access(
        evse_uid=evse_uid,
        host=doors.host,
        port=doors.password_port,
        base_topic=base_topic,
        password_file=f"{evse_uid}.password",
        has_tls=doors.has_password_tls,
    )


def native_configuration(access: Access) -> str:
    """For firmware that speaks our own format: all that it must know, as JSON."""
    own = f"evse/{access.evse_uid}"
    return (
        json.dumps(
            {
                "host": access.host,
                "port": access.port,
                "client_id": access.evse_uid,
                "username": access.evse_uid if access.password_file else None,
                "password_file": access.password_file,
                "tls": access.has_tls,
                "ca_file": CA_FILE if access.has_tls else None,
                "certificate_file": access.certificate_file,
                "key_file": access.key_file,
                "qos": 1,
                "publish": {
                    "telemetry": f"{own}/telemetry",
                    "status": f"{own}/status",
                    "session_started": f"{own}/session/started",
                    "session_ended": f"{own}/session/ended",
                    "results": f"{own}/results/{{command_id}}",
                },
                "subscribe": [f"{own}/commands/#", f"{own}/acks"],
                "last_will": {"topic": f"{own}/status", "payload": '{"state":"offline"}', "retain": True},
            },
            indent=2,
        )
        + "\n"
    )


def try_it(access: Access) -> str:
    """A shell command that works in the folder of the station's files: one first reading, acknowledged."""
    words = ["mosquitto_pub", "-V", "5", "-h", access.host, "-p", str(access.port), "-i", access.evse_uid]
    if access.has_tls:
        words += ["--cafile", CA_FILE]
    if access.certificate_file is not None and access.key_file is not None:
        words += ["--cert", access.certificate_file, "--key", access.key_file]
    if access.password_file is not None:
        words += ["-u", access.evse_uid, "-P", f'"$(cat {access.password_file})"']
    words += ["-q", "1", "-t", f"evse/{access.evse_uid}/telemetry", "-m", f"'{_FIRST_READING}'"]
    return " ".join(words)


def instructions(dialect: str, access: Access) -> str:
    """What to do with the files, for the person who stands in front of the device."""
    if dialect == NATIVE:
        return (
            f"Station {access.evse_uid}\n\n"
            f"The device needs the files named in {access.evse_uid}.json, and what that file says.\n"
            "Try it first, in this folder:\n\n"
            f"    {try_it(access)}\n"
        )
    describe = _FAMILIES.get(dialect, _any)
    return (
        f"Station {access.evse_uid} ({dialect})\n\n"
        f"{describe(access)}\n"
        f"The password is in {access.password_file}: nobody else needs it, and it is stored nowhere else.\n"
        + (
            f"{CA_FILE} is who signed the broker's certificate. A device that cannot be given it cannot\n"
            "tell our broker from another one: then keep its connection on a network of your own.\n"
            if access.has_tls
            else "This connection is not encrypted: keep it on a network of your own.\n"
        )
    )


def _openevse(access: Access) -> str:
    return _fields(
        "On its web page, under Services > MQTT:",
        ("Enable", "on"),
        ("Protocol", "MQTTS" if access.has_tls else "MQTT"),
        ("Host", access.host),
        ("Port", str(access.port)),
        ("Reject unauthorized", "on, where ca.pem could be uploaded under Certificates; else off"),
        ("Username", access.evse_uid),
        ("Password", f"what is in {access.password_file}"),
        ("Base-topic", access.base_topic),
    )


def _goe(access: Access) -> str:
    scheme = "mqtts" if access.has_tls else "mqtt"
    prefix = access.base_topic.rpartition("/")[0] or access.base_topic
    return _fields(
        "In the go-e app, under Internet > Advanced settings > MQTT (or by its HTTP API, keys in brackets):",
        ("MQTT enabled [mce]", "on"),
        ("URL [mcu]", f"{scheme}://{access.evse_uid}:PASSWORD@{access.host}:{access.port}"),
        (
            "Topic prefix [mtp]",
            f"{prefix}  (with the serial number behind it that gives {access.base_topic})",
        ),
        ("Read only [mcr]", "off, where commands are to be taken"),
        ("Skip server verification [mqss]", "on: the charger cannot be given ca.pem"),
    )


def _goe_v1(access: Access) -> str:
    return _fields(
        "By its HTTP API, http://CHARGER/mqtt?payload=KEY=VALUE, one after the other:",
        ("mcs", access.host),
        ("mcp", str(access.port)),
        ("mcu", access.evse_uid),
        ("mck", f"what is in {access.password_file}"),
        ("mce", "1"),
    ) + (
        "\nIt publishes below go-eCharger/SERIAL, which must be its base topic in the registry:"
        f" {access.base_topic}.\n"
        "It has no TLS: the broker's port for passwords must do without (docs/device-security.md).\n"
    )


def _smartevse(access: Access) -> str:
    return _fields(
        "On its web page, under MQTT configuration:",
        ("Host", access.host),
        ("Port", str(access.port)),
        ("Username", access.evse_uid),
        ("Password", f"what is in {access.password_file}"),
        ("Topic prefix", access.base_topic),
    )


def _warp(access: Access) -> str:
    return _fields(
        "On its web page, under Interfaces > MQTT:",
        ("MQTT enabled", "on"),
        ("Broker hostname", access.host),
        ("Broker port", str(access.port)),
        ("Broker username", access.evse_uid),
        ("Broker password", f"what is in {access.password_file}"),
        ("Topic prefix", access.base_topic),
        ("Client ID", access.evse_uid),
    )


def _evcc(access: Access) -> str:
    scheme = "tls://" if access.has_tls else ""
    root = access.base_topic.partition("/loadpoints/")[0]
    return (
        "In evcc.yaml (ca.pem goes to the system's certificates, such as /etc/ssl/certs):\n\n"
        f"    mqtt:\n      broker: {scheme}{access.host}:{access.port}\n      topic: {root}\n"
        f"      user: {access.evse_uid}\n      password: what is in {access.password_file}\n"
    )


def _tasmota(access: Access) -> str:
    name = access.base_topic.partition("/")[2] or access.base_topic
    tls = "SetOption103 1; " if access.has_tls else ""
    return (
        "On its console, in one line (TLS: ESP32 builds; those for ESP8266 have none):\n\n"
        f"    Backlog {tls}MqttHost {access.host}; MqttPort {access.port}; MqttUser {access.evse_uid};"
        f" MqttPassword PASSWORD; Topic {name}; FullTopic %prefix%/%topic%/\n"
    )


def _any(access: Access) -> str:
    return _fields(
        "In its MQTT settings:",
        ("Broker", f"{access.host}, port {access.port}, {'with' if access.has_tls else 'without'} TLS"),
        ("User name", access.evse_uid),
        ("Password", f"what is in {access.password_file}"),
        ("Base topic or prefix", access.base_topic),
    )


_FAMILIES: Final[dict[str, Callable[[Access], str]]] = {
    "openevse": _openevse,
    "goe": _goe,
    "goe_v1": _goe_v1,
    "smartevse": _smartevse,
    "warp": _warp,
    "evcc": _evcc,
    "tasmota": _tasmota,
}


def _fields(heading: str, *fields: tuple[str, str]) -> str:
    width = max(len(name) for name, _ in fields)
    return "\n".join([heading, "", *(f"    {name:{width}}  {value}" for name, value in fields), ""])
