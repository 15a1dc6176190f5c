"""docker/prometheus and docker/grafana: valid, tested rule by rule, and every alert says what to do.

What is asked of real metrics is in tests/integration/test_monitoring.py.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.fetch_prometheus import program_or_skip
from tests.support.promql import DOCKER, alerts, dashboards, metrics_of, queries_of

ROOT = DOCKER.parent
PROMETHEUS = DOCKER / "prometheus"
GRAFANA = DOCKER / "grafana"


def promtool(*arguments: str) -> None:
    done = subprocess.run(
        [program_or_skip("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_valid() -> None:
    promtool("check", "rules", *map(str, sorted((PROMETHEUS / "rules").rglob("*.yml"))))


def test_the_configuration_is_valid_and_finds_its_rules() -> None:
    promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))


def test_every_alert_fires_when_it_should_and_not_before() -> None:
    promtool("test", "rules", *map(str, sorted((PROMETHEUS / "tests").glob("*.yml"))))


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    fires: set[str] = set()
    stays_quiet: set[str] = set()
    for path in (PROMETHEUS / "tests").glob("*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test["alert_rule_test"]:
                (fires if case["exp_alerts"] else stays_quiet).add(case["alertname"])

    assert fires == stays_quiet == {rule["alert"] for rule in alerts()}


def test_no_two_alerts_share_a_name() -> None:
    names = [rule["alert"] for rule in alerts()]

    assert len(names) == len(set(names))


def anchors() -> dict[str, str]:
    """Heading of docs/operations.md by its anchor, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-"): one for one in headings}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_how_urgent_it_is_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"].endswith(".")
    page, anchor = rule["annotations"]["runbook"].split("#")
    assert page == "docs/operations.md"
    assert rule["alert"] in anchors()[anchor]


def test_alerts_of_the_documentation_are_alerts_that_run() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    named = set(re.findall(r"\{alert: (\w+)", text))

    assert named <= {rule["alert"] for rule in alerts()}


@pytest.mark.parametrize("path", dashboards(), ids=lambda path: str(path.stem))
def test_a_dashboard_asks_the_source_that_is_provisioned(path: Path) -> None:
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"][
        0
    ]
    board = json.loads(path.read_text())

    assert board["uid"].startswith("solarrally-")
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            assert target["datasource"] == {"type": source["type"], "uid": source["uid"]}


@pytest.mark.parametrize("path", dashboards(), ids=lambda path: str(path.stem))
def test_every_panel_has_a_title_and_says_what_it_means(path: Path) -> None:
    for panel in json.loads(path.read_text())["panels"]:
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"].endswith((".", "md"))


def test_panels_do_not_lie_on_top_of_each_other() -> None:
    for path in dashboards():
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(path.read_text())["panels"]:
            place = panel["gridPos"]
            cells = {
                (place["x"] + dx, place["y"] + dy) for dx in range(place["w"]) for dy in range(place["h"])
            }
            assert place["x"] + place["w"] <= 24
            assert not cells & taken, panel["title"]
            taken |= cells


def test_compose_puts_the_files_where_the_programs_look() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/solarrally.yml").read_text())["providers"][
        0
    ]
    places = {volume.split(":")[0]: volume.split(":")[1] for volume in services["grafana"]["volumes"]}

    assert places["./grafana/dashboards"] == provider["options"]["path"]
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).name in {path.name for path in dashboards()}
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"][
        0
    ]
    assert source["url"] == "http://prometheus:9090"


def test_prometheus_asks_services_that_there_are() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    for job in yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]:
        hosts = [name for one in job.get("dns_sd_configs", []) for name in one["names"]]
        hosts += [target.split(":")[0] for one in job.get("static_configs", []) for target in one["targets"]]
        for host in set(hosts) - {"127.0.0.1"}:
            assert "monitoring" in services[host]["networks"], host


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("up == 0", {"up"}),
        ('sum by (le, job) (rate(a_bucket{le="0.5"}[5m] offset 1d)) > 0.5', {"a_bucket"}),
        ("a_total + on(instance) group_left(x) b:c:d unless absent(e)", {"a_total", "b:c:d", "e"}),
        ("histogram_quantile(0.99, sum without (x) (rate(h_bucket[$__rate_interval])))", {"h_bucket"}),
        ("predict_linear(free_bytes[6h], 3 * 86400) < 1e6 or vector(0)", {"free_bytes"}),
    ],
)
def test_the_metrics_of_an_expression_are_found(expression: str, names: set[str]) -> None:
    assert metrics_of(expression) == names


def test_dashboards_have_queries() -> None:
    assert len(dashboards()) >= 2
    assert all(list(queries_of(path)) for path in dashboards())
