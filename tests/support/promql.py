"""Which metrics an expression of PromQL asks for, and where the project asks for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DOCKER = Path(__file__).resolve().parents[2] / "docker"
WINDOW = "1m"
"""Stands for Grafana's own $__rate_interval."""

_WORDS = {
    *(
        "and",
        "or",
        "unless",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "offset",
    ),
    *("sum", "min", "max", "avg", "count", "quantile", "topk", "bottomk", "stddev", "group"),
}
_NOT_METRICS = re.compile(
    r"""\{[^}]*\}                    # matchers
    | \[[^\]]*\]                     # ranges
    | "(?:[^"\\]|\\.)*"              # texts
    | \b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)   # labels
    | \b[a-zA-Z_]\w*\s*(?=\()        # functions
    | \b[0-9][\w.]*                  # numbers and durations
    """,
    re.VERBOSE,
)


def metrics_of(expression: str) -> set[str]:
    """The names of the metrics in an expression; Prometheus' own `ALERTS` is one."""
    rest = _NOT_METRICS.sub(" ", expression)
    return set(re.findall(r"[a-zA-Z_:][\w:]*", rest)) - _WORDS


def alerts() -> list[dict[str, Any]]:
    """Every alerting rule of docker/prometheus/rules, the optional ones too."""
    return [
        rule
        for path in sorted((DOCKER / "prometheus" / "rules").rglob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def dashboards() -> list[Path]:
    return sorted((DOCKER / "grafana" / "dashboards").glob("*.json"))


def queries_of(dashboard: Path) -> Iterator[tuple[str, str]]:
    """Title of the panel and expression, as Grafana sends it."""
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", WINDOW)
