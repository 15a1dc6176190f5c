// New critical alerts are told at once, whatever view is open.
import { act, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import type { LiveAlert } from "../src/live/protocol";
import { AlertWatch } from "../src/shell/AlertWatch";
import { titleWith } from "../src/shell/alertTitle";
import { liveAlert } from "./alertRows";
import { DRIVER, me, show } from "./page";

const critical = (id: number, alert: Partial<LiveAlert> = {}) =>
  liveAlert(id, { kind: "faulted", severity: "critical", ...alert });

async function watch(alerts: LiveAlert[], who = me()) {
  document.title = "Overview · SolarRally";
  const shown = await show(<AlertWatch />, { who });
  act(() => shown.picture.replace({ type: "snapshot", updates: [], alerts }));
  const tell = (...changed: LiveAlert[]) =>
    act(() => shown.picture.apply({ type: "frame", updates: [], alerts: changed }));
  return { ...shown, tell };
}

test("a critical alert that opens is told, with where it is", async () => {
  const { tell } = await watch([]);
  tell(critical(7));
  const notice = screen.getByRole("alert");
  expect(notice.textContent).toMatch(/New critical alert.*Faulted: CP-7, connector 1/);
});

test("what was open before the page was is no news, but is counted in the title", async () => {
  await watch([critical(1), critical(2), liveAlert(3)]);
  expect(screen.getByRole("alert").textContent).toBe("");
  expect(document.title).toBe("(2) Overview · SolarRally");
});

test("what opened during a gap is told by the next snapshot", async () => {
  const { picture } = await watch([critical(1)]);
  act(() => picture.replace({ type: "snapshot", updates: [], alerts: [critical(1), critical(2)] }));
  expect(screen.getByRole("alert").textContent).toContain("CP-2");
  expect(screen.getByRole("alert").textContent).not.toContain("CP-1,");
});

test("warnings are not told", async () => {
  const { tell } = await watch([]);
  tell(liveAlert(1));
  expect(screen.getByRole("alert").textContent).toBe("");
  expect(document.title).toBe("Overview · SolarRally");
});

test("a notice goes when it is waved off, and when somebody has taken the alert on", async () => {
  const { tell } = await watch([]);
  tell(critical(1));
  await userEvent.click(screen.getByRole("button", { name: "Dismiss" }));
  expect(screen.getByRole("alert").textContent).toBe("");
  tell(critical(2));
  expect(screen.getByRole("alert").textContent).toContain("CP-2");
  tell(critical(2, { status: "acknowledged", acknowledged_at: "2026-11-21T07:10:00Z" }));
  expect(screen.getByRole("alert").textContent).toBe("");
  expect(document.title).toBe("(1) Overview · SolarRally");
});

test("the number stays in front when another view gives the title", async () => {
  await watch([critical(1)]);
  document.title = "Sessions · SolarRally";
  await vi.waitFor(() => expect(document.title).toBe("(1) Sessions · SolarRally"));
});

test("who may not read alerts is told nothing", async () => {
  const { tell } = await watch([], me(DRIVER));
  tell(critical(1));
  expect(screen.queryByRole("alert")).toBeNull();
  expect(document.title).toBe("Overview · SolarRally");
});

test("a title is numbered once", () => {
  expect(titleWith(3, "(2) Alerts · SolarRally")).toBe("(3) Alerts · SolarRally");
  expect(titleWith(0, "(2) Alerts · SolarRally")).toBe("Alerts · SolarRally");
});
