"""axe-core on a page: what somebody with a disability could not use."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

AXE: Final = Path(__file__).parents[2] / "backend" / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
"""The tags of WCAG 2.0 to 2.2, levels A and AA."""
IMPACTS: Final = ("serious", "critical")
ALIKE: Final = "tbody tr:nth-child(n+7)"
"""The rows of a table are made alike: the first six tell of all, in a third of the time."""
RUN: Final = """([runOnly, exclude]) =>
  axe.run({include: document, exclude}, {runOnly, preload: false, resultTypes: ["violations"]})"""


def serious_violations(page: Page) -> list[str]:
    """One line for each element that breaks a rule: which rule, which element, and what would mend it."""
    return _violations(page, {"type": "tag", "values": list(RULES)})


def contrast_violations(page: Page) -> list[str]:
    """The same of the one rule that depends on the colours: for a second look in the other ones."""
    return _violations(page, {"type": "rule", "values": ["color-contrast"]})


def _violations(page: Page, run_only: dict[str, Any]) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))  # a script element would be against the page's policy
    result: dict[str, Any] = page.evaluate(RUN, [run_only, [[ALIKE]]])
    return [
        f"{violation['id']} ({violation['impact']}) at {' '.join(map(str, node['target']))}:"
        f" {' '.join(node['failureSummary'].split())}"
        for violation in result["violations"]
        if violation["impact"] in IMPACTS
        for node in violation["nodes"]
    ]
