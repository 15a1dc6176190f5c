"""Tables for people, JSON for scripts."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The first column to the left, the others to the right; numbers as short as they may be."""
    cells = [list(headings), *([text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    lines = []
    for row in cells:
        first, *others = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def text(cell: object) -> str:
    """A cell: three figures that matter, thousands set apart, a dash for what was not measured."""
    if cell is None:
        return "-"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}" if abs(cell) < 100 else f"{cell:.0f}"
    return str(cell)


def quantiles_ms(delays_s: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 and the maximum, in milliseconds."""
    ordered = sorted(delays_s)
    found = {
        f"p{percent}_ms": ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1e3
        for percent in (50, 90, 99)
    }
    return {**found, "max_ms": ordered[-1] * 1e3}


def slope_per_s(series: Sequence[tuple[float, float]]) -> float:
    """Of the least-squares line through (seconds, value)."""
    return statistics.linear_regression(*zip(*series, strict=True)).slope if len(series) > 2 else 0.0


def machine() -> dict[str, Any]:
    """What it ran on, and how busy that was just before."""
    model = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine(),
    )  # fmt: skip
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "cores": os.cpu_count(),
        "cpu": model,
        "memory_gib": round(memory_kib / 2**20, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load_1min_before": os.getloadavg()[0],
    }


def machine_line(about: Mapping[str, Any]) -> str:
    return (
        f"{about['cores']} cores ({about['cpu']}), {about['memory_gib']} GiB, {about['system']}, Python"
        f" {about['python']}; load average before the run: {about['load_1min_before']:.2f}"
    )


def save(result: Mapping[str, Any], path: Path | None) -> None:
    if path is not None:
        path.write_text(json.dumps(result, indent=1) + "\n")
