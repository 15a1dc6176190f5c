"""A Prometheus with the project's own configuration, asking what a test started; on loopback, quick."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml

CONFIGURATION = Path(__file__).resolve().parents[2] / "docker" / "prometheus"
PATIENCE_S = 60.0
QUICK = "1s"
"""Between scrapes and evaluations, and the longest `for` of a rule, in tests."""

_T = TypeVar("_T")


class Prometheus:
    """Its HTTP API (prometheus.io/docs/prometheus/latest/querying/api)."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **parameters: str) -> Any:
        """`data` of an answer. AssertionError with Prometheus' words when it refuses."""
        address = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{parameters}: {refusal.read().decode(errors='replace')}") from None
        assert body["status"] == "success", body
        return body["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant vector, as of now."""
        found: list[dict[str, Any]] = self.get("/api/v1/query", query=expression)["result"]
        return found

    def query_range(self, expression: str, *, minutes: float = 5.0) -> list[dict[str, Any]]:
        """As a dashboard asks: the last minutes, every five seconds."""
        now = time.time()
        span = {"start": str(now - 60 * minutes), "end": str(now), "step": "5"}
        found: list[dict[str, Any]] = self.get("/api/v1/query_range", query=expression, **span)["result"]
        return found

    def health(self) -> dict[str, str]:
        """Job -> `up`, `down` or `unknown`."""
        targets = self.get("/api/v1/targets")["activeTargets"]
        return {target["labels"]["job"]: target["health"] for target in targets}

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.get("/api/v1/rules")["groups"] for rule in group["rules"]]

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        alerts = self.get("/api/v1/alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def metric_names(self) -> set[str]:
        return set(self.get("/api/v1/label/__name__/values"))


@contextmanager
def running_prometheus(program: Path, folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Prometheus with docker/prometheus, its jobs pointed at `targets` (job -> host:port) of this machine.

    Every job of the configuration must have one. It scrapes and evaluates each second, and no rule waits
    longer than that; nothing else is changed.
    """
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configuration = write_configuration(folder, {**targets, "prometheus": f"127.0.0.1:{port}"})
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={configuration}",
                f"--storage.tsdb.path={folder / 'prometheus-data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        prometheus = Prometheus(port)
        until(lambda: _is_ready(prometheus), "Prometheus is ready")
        yield prometheus
    finally:
        process.terminate()
        process.wait(timeout=20)


def write_configuration(folder: Path, targets: Mapping[str, str]) -> Path:
    """Our own files with other addresses and less patience."""
    rules = folder / "rules"
    shutil.copytree(CONFIGURATION / "rules", rules)
    for path in rules.rglob("*.yml"):
        path.write_text(re.sub(r"^( +)for: \S+$", rf"\1for: {QUICK}", path.read_text(), flags=re.MULTILINE))
    configuration = yaml.safe_load((CONFIGURATION / "prometheus.yml").read_text())
    configuration["global"] |= {"scrape_interval": QUICK, "scrape_timeout": QUICK}
    configuration["global"]["evaluation_interval"] = QUICK
    for job in configuration["scrape_configs"]:
        for place in ("dns_sd_configs", "scrape_interval"):
            job.pop(place, None)
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(configuration))
    return path


def until(look: Callable[[], _T], what: str, *, timeout_s: float = PATIENCE_S) -> _T:
    """The first answer that is not false. AssertionError when there is none in time."""
    deadline = time.monotonic() + timeout_s
    found = look()
    while not found:
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.1)
        found = look()
    return found


def _is_ready(prometheus: Prometheus) -> bool:
    try:
        with urllib.request.urlopen(f"{prometheus.url}/-/ready", timeout=2):
            return True
    except OSError:
        return False
