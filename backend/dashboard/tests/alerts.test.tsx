// The view of alerts: what is open, live; acknowledging and resolving; the history.
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import type { Alert } from "../src/api/types";
import Alerts from "../src/views/alerts/Alerts";
import { alertRow, liveAlert } from "./alertRows";
import { type Answers, type Asked, me, OPERATOR, page, problem, show } from "./page";

const SITE = { id: 1, name: "Kingston", timezone: "America/Jamaica", currency: "JMD" };

function answersOf(alerts: Alert[], more: Answers = {}): Answers {
  return {
    "GET /api/v1/sites": page([SITE]),
    "GET /api/v1/alerts": ({ query }: Asked) =>
      page(alerts.filter((alert) => !query.has("status") || alert.status === query.get("status"))),
    ...more,
  };
}

function view(alerts: Alert[], { at = "/alerts", who = me(), more = {} as Answers } = {}) {
  return show(<Alerts params={{}} />, { answers: answersOf(alerts, more), at, who });
}

function rowsIn(table: HTMLElement): string[] {
  return within(table)
    .getAllByRole("row")
    .slice(1)
    .map((row) => row.textContent ?? "");
}

test("open alerts show what, where, since when in the site's zone, and how often", async () => {
  const rows = [
    alertRow(1),
    alertRow(2, { kind: "faulted", severity: "critical", detail: "GroundFailure", occurrence_count: 3 }),
  ];
  const shown = await view(rows);
  act(() => shown.picture.replace({ type: "snapshot", updates: [], alerts: rows }));
  const table = await screen.findByRole("table", { name: "Open and acknowledged alerts" });
  await waitFor(() => expect(rowsIn(table)[0]).toMatch(/Critical.*Faulted.*GroundFailure.*CP-2/));
  expect(rowsIn(table)[0]).toMatch(/0?2:00/); // 07:00 UTC
  await waitFor(() => expect(rowsIn(table)[0]).toContain("came 3 times"));
  expect(screen.getByText(/times in America\/Jamaica/)).toBeTruthy();
  expect(within(table).getByRole("link", { name: "CP-2" }).getAttribute("href")).toBe("/stations/CP-2");
});

test("a new alert appears at once, and one that is over goes", async () => {
  const shown = await view([]);
  act(() => shown.picture.replace({ type: "snapshot", updates: [], alerts: [liveAlert(1)] }));
  await screen.findByRole("link", { name: "CP-1" });
  act(() => shown.picture.apply({ type: "frame", updates: [], alerts: [liveAlert(2)] }));
  expect(screen.getByRole("link", { name: "CP-2" })).toBeTruthy();
  const over = liveAlert(1, { status: "resolved", resolved_at: "2026-11-21T08:00:00Z" });
  act(() => shown.picture.apply({ type: "frame", updates: [], alerts: [over] }));
  expect(screen.queryByRole("link", { name: "CP-1" })).toBeNull();
});

test("no alerts are good news, and since when it is quiet is said", async () => {
  await view([
    alertRow(1, { status: "resolved", resolved_at: "2026-11-21T08:00:00Z" }),
    alertRow(2, { status: "resolved", resolved_at: "2026-11-20T08:00:00Z" }),
  ]);
  expect(await screen.findByText("All is well: no open alerts")).toBeTruthy();
  expect(await screen.findByText(/since Nov 21, 2026, 0?3:00:00 .*“Offline” on CP-1/)).toBeTruthy();
});

test("filters are kept in the address and applied", async () => {
  const rows = [alertRow(1), alertRow(2, { kind: "faulted", severity: "critical" })];
  const shown = await view(rows);
  act(() => shown.picture.replace({ type: "snapshot", updates: [], alerts: rows }));
  await screen.findByRole("link", { name: "CP-1" });
  await userEvent.selectOptions(screen.getByLabelText("Severity"), "Critical");
  expect(window.location.search).toBe("?severity=critical");
  expect(screen.queryByRole("link", { name: "CP-1" })).toBeNull();
  await userEvent.selectOptions(screen.getByLabelText("Kind"), "Clock wrong");
  expect(screen.getByText("No alert fits the filters")).toBeTruthy();
});

test("an alert is acknowledged with a note, and who did is shown", async () => {
  const shown = await view([alertRow(1)], {
    more: {
      "POST /api/v1/alerts/1/acknowledge": alertRow(1, {
        status: "acknowledged",
        acknowledged_at: "2026-11-21T07:10:00Z",
        acknowledged_by: "olga",
        note: "On the way",
      }),
    },
  });
  act(() => shown.picture.replace({ type: "snapshot", updates: [], alerts: [liveAlert(1)] }));
  await userEvent.click(await screen.findByRole("button", { name: /Acknowledge CP-1/ }));
  const dialog = screen.getByRole("dialog", { name: "Acknowledge this alert" });
  await userEvent.type(within(dialog).getByLabelText("Note"), "On the way");
  await userEvent.click(within(dialog).getByRole("button", { name: "Acknowledge" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(shown.asked.find(({ method }) => method === "POST")?.body).toEqual({ note: "On the way" });
  expect(await screen.findByText("olga")).toBeTruthy();
  expect(screen.getByText("On the way")).toBeTruthy();
});

test("an alert that somebody else acknowledged just before is said to be theirs", async () => {
  const theirs = { acknowledged_at: "2026-11-21T07:10:00Z", acknowledged_by: "olga", note: "Mine" };
  const shown = await view([alertRow(1)], {
    more: { "POST /api/v1/alerts/1/acknowledge": alertRow(1, { status: "acknowledged", ...theirs }) },
  });
  act(() => shown.picture.replace({ type: "snapshot", updates: [], alerts: [liveAlert(1)] }));
  await userEvent.click(await screen.findByRole("button", { name: /Acknowledge CP-1/ }));
  await userEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Acknowledge" }));
  expect(await screen.findByText("The alert was acknowledged by olga already.")).toBeTruthy();
});

test("several are resolved one after the other, and what failed can be tried again", async () => {
  let isFailing = true;
  const rows = [1, 2, 3].map((id) => alertRow(id));
  const resolved = (id: number) => alertRow(id, { status: "resolved", resolved_at: "2026-11-21T08:00:00Z" });
  const shown = await view(rows, {
    more: {
      "POST /api/v1/alerts/1/resolve": resolved(1),
      "POST /api/v1/alerts/2/resolve": () => (isFailing ? problem(503, "Later, please.") : resolved(2)),
      "POST /api/v1/alerts/3/resolve": resolved(3),
    },
  });
  act(() => shown.picture.replace({ type: "snapshot", updates: [], alerts: rows }));
  await userEvent.click(await screen.findByRole("checkbox", { name: "All shown alerts" }));
  await userEvent.click(screen.getByRole("button", { name: "Resolve selected" }));
  const dialog = screen.getByRole("dialog", { name: "Resolve 3 alerts" });
  await userEvent.click(within(dialog).getByRole("button", { name: "Resolve" }));
  expect(await within(dialog).findByText("2 of 3 resolved. CP-2: Later, please.")).toBeTruthy();
  isFailing = false;
  await userEvent.click(within(dialog).getByRole("button", { name: "Resolve" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  const paths = shown.asked.filter(({ method }) => method === "POST").map(({ path }) => path);
  expect(paths.map((path) => path.split("/")[4])).toEqual(["1", "2", "3", "2"]);
  expect(screen.getByText("3 alerts resolved.")).toBeTruthy();
});

test("who may not write alerts is offered nothing to do", async () => {
  const who = me(OPERATOR.filter((permission) => permission !== "alert:write"));
  const shown = await view([alertRow(1)], { who });
  act(() => shown.picture.replace({ type: "snapshot", updates: [], alerts: [liveAlert(1)] }));
  await screen.findByRole("link", { name: "CP-1" });
  expect(screen.queryByRole("checkbox")).toBeNull();
  expect(screen.queryByRole("button", { name: /Acknowledge|Resolve/ })).toBeNull();
});

test("a failure is shown with a way to try again", async () => {
  let isDown = true;
  const more = {
    "GET /api/v1/alerts": () => (isDown ? problem(503, "The database is away.") : page([])),
  };
  await view([], { more });
  expect(await screen.findByText("The database is away.")).toBeTruthy();
  isDown = false;
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("There has never been one.")).toBeTruthy();
});

test("the history asks for days in the site's zone, and says how long each lasted and how it ended", async () => {
  const shown = await view(
    [
      alertRow(1, {
        status: "resolved",
        ended_at: "2026-11-21T07:12:00Z",
        resolved_at: "2026-11-21T07:12:00Z",
      }),
      alertRow(2, { status: "resolved", resolved_at: "2026-11-21T07:30:00Z", resolved_by: "olga" }),
    ],
    { at: "/alerts?tab=history&range=custom&from=2026-11-20&to=2026-11-21" },
  );
  const table = await screen.findByRole("table", { name: "All alerts, newest first" });
  await waitFor(() => expect(rowsIn(table)[0]).toMatch(/12\smin.*Over by itself/));
  expect(rowsIn(table)[1]).toMatch(/30\smin until resolved.*Resolved by olga/);
  const asked = shown.asked.findLast(({ path }) => path === "/api/v1/alerts");
  expect(asked?.query.get("date_from")).toBe("2026-11-20T05:00:00.000Z");
  expect(asked?.query.get("date_to")).toBe("2026-11-22T05:00:00.000Z");
});

test("a history without alerts says so", async () => {
  await view([], { at: "/alerts?tab=history" });
  expect(await screen.findByText("No alerts here")).toBeTruthy();
});

test("the part of the view is in the address", async () => {
  await view([]);
  await userEvent.click(screen.getByRole("button", { name: "History" }));
  expect(window.location.search).toBe("?tab=history");
});
