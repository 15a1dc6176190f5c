"""docker/compose.yaml: nobody has more rights, files or ports than they need, and nothing is guessable.

Read with PyYAML; where there is a docker client with the compose plugin, also by `docker compose config`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

DOCKER = Path(__file__).resolve().parents[2] / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROFILES = ("monitoring", "simulator", "tools")
ONE_OFF = {"migrate", "tools"}

every_service = pytest.mark.parametrize("name", sorted(SERVICES))


def test_the_file_is_what_docker_takes_it_for() -> None:
    docker = shutil.which("docker")
    has_plugin = docker is not None and run(docker, "compose", "version").returncode == 0
    if docker is None or not has_plugin:
        pytest.skip("no docker client with the compose plugin here: install docker-compose-v2 for this check")

    every = [word for profile in PROFILES for word in ("--profile", profile)]
    done = run(docker, "compose", "--file", str(DOCKER / "compose.yaml"), *every, "config", "--quiet")

    assert done.returncode == 0, done.stderr


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@every_service
def test_a_container_has_no_rights_it_does_not_need(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "ipc", "network_mode", "devices", "userns_mode"} & set(
        service
    )
    assert service.get("user", "") not in ("0", "root", "0:0")


@every_service
def test_a_container_cannot_take_the_whole_machine(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]

    assert set(limits) == {"cpus", "memory", "pids"}
    assert SERVICES[name]["logging"]["options"]["max-size"]


@every_service
def test_an_image_is_ours_or_pinned_to_a_version_and_a_digest(name: str) -> None:
    image = SERVICES[name]["image"]
    pinned = r"[\w/-]+:v?\d+\.\d+[\d.]*(-\w+)?@sha256:[0-9a-f]{64}"

    assert image == "${SOLARRALLY_IMAGE:-solarrally:local}" or re.fullmatch(pinned, image)


@every_service
def test_what_keeps_running_says_whether_it_is_well(name: str) -> None:
    check = SERVICES[name].get("healthcheck", {})
    has_no_port = name in {"simulator", *ONE_OFF}

    assert check.get("disable", False) is has_no_port
    assert has_no_port or check["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == ("no" if name in ONE_OFF else "unless-stopped")


def test_a_part_waits_for_what_it_needs() -> None:
    def waits(name: str) -> dict[str, str]:
        return {other: need["condition"] for other, need in SERVICES[name].get("depends_on", {}).items()}

    assert waits("migrate") == {"postgres": "service_healthy"}
    for name in ("ingest", "api"):
        assert waits(name)["migrate"] == "service_completed_successfully"
        assert waits(name)["postgres"] == "service_healthy"
    for name, service in SERVICES.items():
        for other, condition in waits(name).items():
            is_one_off = other in ONE_OFF
            assert condition == ("service_completed_successfully" if is_one_off else "service_healthy")
            assert set(SERVICES[other].get("profiles", [])) <= set(service.get("profiles", []))


@every_service
def test_a_port_is_open_on_loopback_until_somebody_says_otherwise(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"\$\{BIND_[A-Z]+:-127\.0\.0\.1\}:\d+:\d+", port)
        assert "edge" in SERVICES[name]["networks"]


def test_database_ingestor_and_metrics_are_open_to_nobody_outside() -> None:
    published = {port.rsplit(":", 1)[1] for one in SERVICES.values() for port in one.get("ports", [])}

    assert published == {"8883", "8884", "8000", "9090", "3000"}
    assert [name for name, one in COMPOSE["networks"].items() if not one.get("internal")] == ["edge"]


def test_only_those_who_work_with_it_reach_the_database() -> None:
    reach = {name for name, service in SERVICES.items() if "database" in service["networks"]}

    assert reach == {"postgres", "migrate", "ingest", "api", "tools"}


@every_service
def test_no_secret_is_in_the_environment_or_on_a_command_line(name: str) -> None:
    service = SERVICES[name]
    environment = service.get("environment", {})
    literal = {key: value for key, value in environment.items() if not key.endswith("_FILE")}

    assert not [key for key in literal if re.search(r"PASSWORD|SECRET|TOKEN|DATABASE_URL", key)]
    assert not re.search(r"://[^/\s]*:[^/\s]*@", f"{environment} {service.get('command')}")


def test_every_secret_is_a_file_that_the_first_step_makes() -> None:
    made = (DOCKER / "make_secrets.py").read_text()
    for name, secret in COMPOSE["secrets"].items():
        file = secret["file"].removeprefix("./secrets/")
        assert file in made or f'"{file.removesuffix("_password")}"' in made, name
    used = {
        one if isinstance(one, str) else one["source"]
        for s in SERVICES.values()
        for one in s.get("secrets", [])
    }
    assert used == set(COMPOSE["secrets"])


def test_no_program_gets_a_secret_of_another() -> None:
    given = {
        name: {one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])}
        for name, service in SERVICES.items()
    }

    assert [name for name, secrets in given.items() if "postgres_password" in secrets] == ["postgres"]
    assert [name for name, secrets in given.items() if "serve_settings" in secrets] == ["api"]
    assert [name for name, secrets in given.items() if "migrate_settings" in secrets] == ["migrate"]
    assert [name for name, secrets in given.items() if "ingestor_key" in secrets] == ["ingest"]
    assert not given["prometheus"]
    assert not given["node-exporter"]


@every_service
def test_what_is_mounted_exists_or_is_made_by_the_first_step(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume["source"] if isinstance(volume, dict) else volume.split(":/")[0]
        source = re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", source)
        if source.startswith("./secrets"):
            continue
        if source.startswith("./"):
            assert (DOCKER / source).exists(), source
            assert str(volume).endswith(":ro"), volume
        elif isinstance(volume, dict):
            assert volume["read_only"] is True
        else:
            assert source in COMPOSE["volumes"]


def test_what_must_survive_a_container_is_on_a_volume() -> None:
    kept = {
        name: [
            v.split(":")[0] for v in service.get("volumes", []) if isinstance(v, str) and v[0] not in "./$"
        ]
        for name, service in SERVICES.items()
    }

    assert {name: volumes for name, volumes in kept.items() if volumes} == {
        "postgres": ["postgres-data"],
        "mosquitto": ["mosquitto-data"],
        "prometheus": ["prometheus-data"],
        "grafana": ["grafana-data"],
    }


def test_the_ingestor_has_time_to_write_what_it_has_taken() -> None:
    for name in ("ingest", "api", "mosquitto", "postgres"):
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= 15


def test_secrets_never_reach_the_repository() -> None:
    ignored = (DOCKER / ".gitignore").read_text().split()

    assert {"/secrets/", "/.env"} <= set(ignored)


@pytest.mark.parametrize("script", ["init.sh", "postgres/10-solarrally.sh"])
def test_a_script_can_be_read_by_a_plain_shell(script: str) -> None:
    done = run("sh", "-n", str(DOCKER / script))

    assert done.returncode == 0, done.stderr
    assert (DOCKER / script).stat().st_mode & 0o111 == 0o111
    assert "set -eu" in (DOCKER / script).read_text()
