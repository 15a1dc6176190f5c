"""docker/prometheus and docker/grafana against the real thing: a scraped stack, and the faults it must tell.

Prometheus is Debian's, the stack is a Mosquitto, a PostgreSQL, an ingestor and an API of the test's own.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from solarrally.embedded.broker_process import BrokerProcess
from tests.conftest import new_database
from tests.support.backend import Backend, running_backend
from tests.support.brokers import running_broker
from tests.support.fetch_prometheus import program_or_skip
from tests.support.prometheus import Prometheus, running_prometheus, until
from tests.support.promql import alerts, dashboards, metrics_of, queries_of

HEALTHCHECK = Path(__file__).resolve().parents[2] / "docker" / "healthcheck.py"
WHILE_ONE_FIRES = {"ALERTS"}
"""Prometheus' own."""
WITH_TLS = {"solarrally_broker_certificate_not_after_seconds"}
"""This stack has none: tests/contract/test_broker_certificates.py."""


@dataclass
class Watched:
    """A running stack, and the Prometheus that watches it."""

    prometheus: Prometheus
    backend: Backend
    broker: BrokerProcess


@contextmanager
def running_node_exporter(folder: Path) -> Iterator[str]:
    """Where it listens."""
    program = program_or_skip("prometheus-node-exporter")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    collectors = [f"--collector.{name}" for name in ("cpu", "filesystem", "loadavg", "meminfo")]
    with (folder / "node-exporter.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--collector.disable-defaults", *collectors, f"--web.listen-address={address}"],
            stdout=log,
            stderr=log,
        )
    try:
        yield address
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="module")
def watched(
    postgres: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """One for all tests of this file: each leaves it as well as it found it."""
    program = program_or_skip("prometheus")
    tmp_path = tmp_path_factory.mktemp("watched")
    with (
        running_broker("mosquitto") as mosquitto,
        new_database(postgres, migrated_template) as database_url,
        running_node_exporter(tmp_path) as node_exporter,
        running_backend(
            database_url=database_url, mqtt_url=mosquitto.url_for("ingestor"), folder=tmp_path
        ) as backend,
    ):
        targets = {
            "ingest": f"127.0.0.1:{backend.ingestor.metrics_port}",
            "machine": node_exporter,
            "api": f"127.0.0.1:{backend.api_metrics_port}",
        }
        with running_prometheus(program, tmp_path, targets) as prometheus:
            until(lambda: set(prometheus.health().values()) == {"up"}, "every target is scraped")
            yield Watched(prometheus, backend, mosquitto)


def say(broker: BrokerProcess, *options: str) -> None:
    """Publish one message as a station does."""
    subprocess.run(
        [sys.executable, "-m", "solarrally_sim", "publish", "--broker", broker.url_for("fleet"), *options],
        check=True,
        capture_output=True,
        timeout=30,
    )


def health(role: str, port: int) -> tuple[int, str]:
    """What the image's health check says: exit code and words."""
    variable = {"serve": "SOLARRALLY_API_PORT", "ingest": "SOLARRALLY_METRICS_PORT"}[role]
    done = subprocess.run(
        [sys.executable, HEALTHCHECK, role],
        env={**os.environ, variable: str(port)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stdout


def test_every_rule_and_every_panel_asks_for_what_there_is(watched: Watched) -> None:
    prometheus = watched.prometheus
    say(watched.broker, "cp1", "--power-w", "7000", "--status", "charging", "--session-id", "s1")
    say(watched.broker, "--topic", "evse/cp1/telemetry", "--raw", "not JSON")
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(f"{watched.backend.api_url}/api/v1/evses", timeout=10)  # refused, and counted
    until(lambda: prometheus.query("solarrally_rejected_total"), "a rejected message is counted")
    until(lambda: prometheus.query("rate(solarrally_batches_total[10s]) > 0"), "a rate can be taken")

    known = prometheus.metric_names() | WHILE_ONE_FIRES | WITH_TLS
    asked = {
        **{rule["alert"]: rule["expr"] for rule in alerts()},
        **{f"{path.name}: {title}": query for path in dashboards() for title, query in queries_of(path)},
    }
    unknown = {where: metrics_of(query) - known for where, query in asked.items()}
    assert {where: names for where, names in unknown.items() if names} == {}

    until(lambda: all(rule["health"] != "unknown" for rule in prometheus.rules()), "every rule is evaluated")
    assert {rule["name"]: rule["lastError"] for rule in prometheus.rules() if rule["health"] != "ok"} == {}

    def without_answer() -> list[str]:
        return [
            f"{path.name}: {title}"
            for path in dashboards()
            for title, query in queries_of(path)
            if metrics_of(query) != WHILE_ONE_FIRES and not prometheus.query_range(query)
        ]

    with contextlib.suppress(AssertionError):  # rates need a few scrapes; the last answer counts
        until(lambda: not without_answer(), "every panel shows something", timeout_s=15)
    assert without_answer() == []


def test_a_healthy_stack_raises_no_page(watched: Watched) -> None:
    prometheus = watched.prometheus
    say(watched.broker, "cp1", "--power-w", "7000", "--status", "charging", "--session-id", "s1")
    until(lambda: prometheus.query("solarrally_readings_stored_total > 0"), "the reading is seen")
    pages = {rule["alert"] for rule in alerts() if rule["labels"]["severity"] == "page"}
    full_disk = {"DiskFull"}  # the machine's, not the stack's

    evaluated_at = max(rule["lastEvaluation"] for rule in prometheus.rules())
    until(
        lambda: min(rule["lastEvaluation"] for rule in prometheus.rules()) > evaluated_at,
        "every rule is evaluated once more",
    )

    assert prometheus.firing() & pages - full_disk <= {"NothingReceived"}  # one message is no fleet


def test_a_stopped_broker_is_told_until_it_is_back(watched: Watched) -> None:
    ingestor = watched.backend.ingestor
    assert health("ingest", ingestor.metrics_port) == (0, "well\n")

    watched.broker.stop()
    until(lambda: "BrokerDisconnected" in watched.prometheus.firing(), "the broker's absence is an alert")
    told = watched.prometheus.firing()
    code, words = health("ingest", ingestor.metrics_port)

    watched.broker.start()
    until(lambda: "BrokerDisconnected" not in watched.prometheus.firing(), "the alert is over")

    assert not told & {"DatabaseDown", "NobodyIngests", "TargetDown"}
    assert code == 1
    assert '"broker": "disconnected"' in words


def test_a_killed_ingestor_is_told_until_it_is_back(watched: Watched) -> None:
    ingestor = watched.backend.ingestor
    api_port = urlsplit(watched.backend.api_url).port or 0
    ingestor.kill()
    assert health("ingest", ingestor.metrics_port)[0] == 1
    assert health("serve", api_port) == (0, "well\n")  # what is stored can be read
    until(lambda: {"NobodyIngests", "TargetDown"} <= watched.prometheus.firing(), "its absence is an alert")

    ingestor.start()
    until(lambda: not {"NobodyIngests", "TargetDown"} & watched.prometheus.firing(), "the alerts are over")
