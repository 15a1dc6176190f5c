"""What the overview costs a browser: 1,000 connectors at 10 Hz, while somebody scrolls slowly.

The built page runs in headless Chromium against a small API of our own on 127.0.0.1, which answers from
memory and says frames that were made before. Each scene opens the page anew, waits until it is quiet, and
scrolls by a few pixels with every frame that the browser draws. `idle` is the same page, scrolled the same,
with no frames from the server: what everything else is compared with.

    idle      scrolling only
    hundred   10 frames/s, each tells of 100 connectors
    all       10 frames/s, each tells of all of them
    list      as `all`, shown as the dense list

fps, late (more than 1.5 intervals of the screen after the one before) and the longest gap are those of
requestAnimationFrame. Script is the CPU time of all JavaScript, React and the reading of JSON included; task
is the CPU time of all of the page's main thread: styles, layout and painting too. A long task is one of 50 ms
or more. Headless Chromium has no GPU here: pictures are made by the CPU, on the same cores as everything
else, so that frames come later than on a desk.

    ./run bench dashboard [--connectors 1000] [--seconds 20] [--only hundred …] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from solarrally.api_wiring import DASHBOARD_DIR
from tests.benchmarks import _report as report
from tests.benchmarks._fake_api import FakeApi, FrameKind
from tests.benchmarks._stack import Failed, progress
from tests.support.fetch_chromium import find_chromium

SCENES: Mapping[str, tuple[FrameKind | None, str]] = {
    "idle": (None, "/"),
    "hundred": ("hundred", "/"),
    "all": ("all", "/"),
    "list": ("all", "/?view=list"),
}
SETTLE_S = 3.0
SCROLL_PX = 3
VIEWPORT = {"width": 1920, "height": 1080}
LATE_FACTOR = 1.5

# Scrolls down and up again with every frame that is drawn, and keeps when each was.
MEASURE = """
([seconds, step]) => new Promise((done) => {
  const at = [], tasks = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) tasks.push(entry.duration);
  });
  observer.observe({ type: "longtask" });
  let down = true;
  const begin = performance.now();
  const draw = (now) => {
    at.push(now);
    const end = document.documentElement.scrollHeight - window.innerHeight;
    if (window.scrollY >= end - step) down = false;
    if (window.scrollY <= 0) down = true;
    window.scrollBy(0, down ? step : -step);
    if (performance.now() - begin < seconds * 1000) requestAnimationFrame(draw);
    else {
      observer.disconnect();
      done({ at, tasks, drawn: document.querySelectorAll("main li, main tbody tr").length });
    }
  };
  requestAnimationFrame(draw);
})
"""


def main() -> None:
    options = parsed()
    result: dict[str, Any] = {"machine": report.machine(), "connectors": options.connectors}
    with FakeApi(options.connectors, options.files) as api, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        result["browser"] = browser.version
        try:
            for scene in options.only:
                progress(scene)
                result[scene] = measured(scene, api, browser, options.seconds)
        except Failed as error:
            raise SystemExit(f"THIS RUN DOES NOT COUNT: {error}") from None
        finally:
            browser.close()
    report.save(result, options.json)
    print(report.machine_line(result["machine"]))
    print(
        f"Chromium {result['browser']}, headless, without GPU, {VIEWPORT['width']} x {VIEWPORT['height']};"
        f" {options.connectors:,} connectors, {options.seconds:g} s each scene"
    )
    print()
    print(summary(result))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--connectors", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each scene (20)")
    parser.add_argument("--only", nargs="+", choices=SCENES, default=list(SCENES))
    parser.add_argument("--files", type=Path, default=DASHBOARD_DIR, help="the built page")
    parser.add_argument("--quick", action="store_true", help="to see that it works; no figures for quoting")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.quick:
        options.seconds = 3.0
    return options


def measured(scene: str, api: FakeApi, browser: Browser, seconds: float) -> dict[str, Any]:
    """One scene in a browser context of its own. Raises `Failed` when the page is not what it should be."""
    frames, path = SCENES[scene]
    api.say(None)
    context = browser.new_context(viewport={"width": VIEWPORT["width"], "height": VIEWPORT["height"]})
    try:
        context.add_init_script("localStorage.setItem('solarrally.had_login', '1')")
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(api.address + path)
        page.get_by_role("heading", level=1, name="Overview").wait_for()
        page.get_by_text("Live", exact=True).first.wait_for()
        api.say(frames)
        page.wait_for_timeout(SETTLE_S * 1000)
        found = figures(page, context.new_cdp_session(page), api, seconds)
        if wrong:
            raise Failed("; ".join(wrong))
        if frames is not None and found["frames_heard"] < seconds * 8:
            raise Failed(f"{scene}: the page was told only {found['frames_heard']} frames in {seconds:g} s")
        return found
    finally:
        context.close()


def figures(page: Page, devtools: CDPSession, api: FakeApi, seconds: float) -> dict[str, Any]:
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    before, said_before = metrics(devtools), api.frames_said
    answer = page.evaluate(MEASURE, [seconds, SCROLL_PX])
    after, said = metrics(devtools), api.frames_said - said_before
    gaps_ms = [later - earlier for earlier, later in zip(answer["at"], answer["at"][1:], strict=False)]
    interval_ms = sorted(gaps_ms)[len(gaps_ms) // 2]
    took_s = (answer["at"][-1] - answer["at"][0]) / 1000
    return {
        "fps": len(gaps_ms) / took_s,
        "late_share": sum(gap > LATE_FACTOR * interval_ms for gap in gaps_ms) / len(gaps_ms),
        "longest_gap_ms": max(gaps_ms),
        "long_task_count": len(answer["tasks"]),
        "longest_task_ms": max(answer["tasks"], default=0.0),
        "script_s": after["ScriptDuration"] - before["ScriptDuration"],
        "task_s": after["TaskDuration"] - before["TaskDuration"],
        "took_s": took_s,
        "frames_heard": said,
        "elements_drawn": answer["drawn"],
        "heap_mb": after["JSHeapUsedSize"] / 1e6,
    }


def metrics(devtools: CDPSession) -> dict[str, float]:
    return {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}


def summary(result: Mapping[str, Any]) -> str:
    headings: Sequence[str] = (
        "scene", "fps", "late %", "longest gap ms", "long tasks", "longest task ms", "script %", "task %",
        "task, of idle", "script ms/frame", "drawn", "heap MB",
    )  # fmt: skip
    idle = result.get("idle")
    rows = []
    for scene in SCENES:
        if scene not in result:
            continue
        found = result[scene]
        rows.append(
            (
                scene,
                found["fps"],
                found["late_share"] * 100,
                found["longest_gap_ms"],
                found["long_task_count"],
                found["longest_task_ms"],
                found["script_s"] / found["took_s"] * 100,
                found["task_s"] / found["took_s"] * 100,
                None if idle is None else share(found, "task_s") / share(idle, "task_s"),
                script_ms_per_frame(found, idle),
                found["elements_drawn"],
                found["heap_mb"],
            )
        )
    return report.table(headings, rows)


def share(found: Mapping[str, float], name: str) -> float:
    return found[name] / found["took_s"]


def script_ms_per_frame(found: Mapping[str, float], idle: Mapping[str, float] | None) -> float | None:
    """What a frame from the server costs in script, beyond what scrolling does; None without frames."""
    if idle is None or found["frames_heard"] == 0:
        return None
    beyond_s = found["script_s"] - share(idle, "script_s") * found["took_s"]
    return beyond_s / found["frames_heard"] * 1000


if __name__ == "__main__":
    main()
