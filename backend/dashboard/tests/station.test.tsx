// The station's page: its states, what it shows live, what of history it asks for.
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { expect, test, vi } from "vitest";
import type { LiveConnector } from "../src/live/protocol";
import Station from "../src/views/station/Station";
import { liveAlert } from "./alertRows";
import { type Answers, type Asked, me, OPERATOR, page, problem, type Shown, show } from "./page";
import { evse, liveConnector, liveSession, QUIET, SITE, telemetry } from "./stationRows";
import { FakePlot } from "./uplot";

// The whole page is drawn: that takes a while on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

function open(answers: Answers = {}, search = "", permissions = OPERATOR): Promise<Shown> {
  return show(<Station params={{ evse_uid: "CP-1" }} />, {
    who: me(permissions),
    answers: { ...QUIET, ...answers },
    at: `/stations/CP-1${search}`,
  });
}

function tell(shown: Shown, ...updates: LiveConnector[]): void {
  act(() => shown.picture.replace({ type: "snapshot", updates }));
}

function card(title: string): HTMLElement {
  const section = screen.getByRole("heading", { name: title }).closest("section");
  if (section === null) throw new Error(`${title} is no card`);
  return section;
}

const standing = () => FakePlot.built.filter((plot) => !plot.isDestroyed);

const askedTelemetry = (shown: Shown) =>
  shown.asked.filter(
    ({ path, query }) => path.endsWith("/telemetry") && query.getAll("measurand").includes("power"),
  );

test("a station that there is not is said to be so, with a way back", async () => {
  await open({ "GET /api/v1/evses/CP-1": problem(404, "There is no such EVSE.") });
  await screen.findByText("There is no station CP-1.");
  expect(screen.getByRole("link", { name: "To all stations" })).toBeTruthy();
});

test("a failure to load can be tried again", async () => {
  let count = 0;
  await open({
    "GET /api/v1/evses/CP-1": () => {
      count += 1;
      return count === 1 ? problem(503, "The database cannot be reached.") : evse();
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Try again" }));
  await screen.findByRole("heading", { name: "Car park", level: 1 });
});

test("a quiet station says so in each card, and says no zeros", async () => {
  const shown = await open();
  await screen.findByRole("heading", { name: "Open alerts" });
  expect(screen.queryByText("No open alerts.")).toBeNull(); // nobody has said so yet
  tell(shown);
  await screen.findByText("No readings in this range.");
  expect(screen.getByText("No reading yet.")).toBeTruthy();
  expect(await screen.findAllByText("Nobody has charged here yet.")).toHaveLength(2);
  await screen.findByText("No energy yet today.");
  screen.getByText("No open alerts.");
  screen.getByText("Nothing has happened yet.");
  const now = screen.getByRole("region", { name: "Now" });
  expect(within(now).queryByText(/\b0\b/)).toBeNull();
});

test("what the picture says is shown as it comes, in units and in the site's zone", async () => {
  const shown = await open();
  await screen.findByRole("heading", { name: "Car park", level: 1 });
  tell(shown, liveConnector());
  const now = screen.getByRole("region", { name: "Now" });
  expect(now.textContent).toContain("7.20\u00a0kW");
  await waitFor(() => expect(now.textContent).toMatch(/12:00:00 PM EST|12:00:00.*GMT-5/));
  act(() =>
    shown.picture.apply({
      type: "frame",
      updates: [liveConnector({ power_w: 3600, quality: ["clockless"] })],
    }),
  );
  expect(now.textContent).toContain("3.60\u00a0kW");
  expect(now.textContent).toContain("the station sends no time");
});

test("a running session goes on with the clock, and its money is never a float", async () => {
  const shown = await open();
  await screen.findByRole("heading", { name: "Car park", level: 1 });
  tell(shown, liveConnector({ session: liveSession() }));
  const session = card("Running session");
  expect(session.textContent).toMatch(/1:02:0[5-9]/);
  expect(session.textContent).toContain("JMD\u00a012,345,678,901,234.56");
  expect(session.textContent).toContain("04A2B3C4");
  expect(within(session).getByRole("link").getAttribute("href")).toBe(`/sessions/${liveSession().id}`);
});

test("several connectors can be chosen between, in the address", async () => {
  const shown = await open();
  await screen.findByRole("heading", { name: "Car park", level: 1 });
  tell(shown, liveConnector(), liveConnector({ connector_id: 2, power_w: 1000, status: "available" }));
  await userEvent.click(await screen.findByRole("button", { name: /^2 · / }));
  expect(window.location.search).toContain("connector=2");
  expect(screen.getByRole("region", { name: "Now" }).textContent).toContain("1.00\u00a0kW");
  await waitFor(() => expect(askedTelemetry(shown).pop()?.query.get("connector_id")).toBe("2"));
});

test("an hour is asked for as single readings, page after page, and goes on live without building charts anew", async () => {
  const readings = [3, 2, 1].map((index) => ({
    ts: new Date(Date.now() - 60_000 + index * 1000).toISOString(),
    quality: [],
    power_w: index * 1000,
  }));
  const shown = await open({
    "GET /api/v1/evses/CP-1/telemetry": (asked: { query: URLSearchParams }) =>
      asked.query.get("resolution") !== "raw"
        ? telemetry("1h", [])
        : asked.query.has("cursor")
          ? telemetry("raw", readings.slice(2))
          : telemetry("raw", readings.slice(0, 2), { next_cursor: "more" }),
  });
  await screen.findByText("single readings, live");
  expect(askedTelemetry(shown).map(({ query }) => query.get("cursor"))).toEqual([null, "more"]);
  await waitFor(() => expect(standing()).toHaveLength(4));
  const [power] = standing();
  expect(Array.from(power?.data[1] ?? [])).toEqual([1, 2, 3]);

  tell(shown, liveConnector({ ts: new Date().toISOString(), power_w: 4000 }));
  await waitFor(() => expect(Array.from(power?.data[1] ?? []).pop()).toBe(4));
  expect(standing()[0]).toBe(power);
});

test("of more readings than can be shown the newest are asked for, and that is said", async () => {
  const shown = await open({
    "GET /api/v1/evses/CP-1/telemetry": (asked: { query: URLSearchParams }) =>
      telemetry(asked.query.get("resolution") ?? "", [], { next_cursor: "more" }),
  });
  await screen.findByText(/There is more than can be shown/);
  expect(askedTelemetry(shown)).toHaveLength(8);
  expect(askedTelemetry(shown).every(({ query }) => query.get("sort") === "-ts")).toBe(true);
});

test("after a gap of the connection history is asked for again", async () => {
  const shown = await open();
  await screen.findByText("single readings, live");
  const before = askedTelemetry(shown).length;
  tell(shown, liveConnector());
  await waitFor(() => expect(askedTelemetry(shown).length).toBe(before + 1));
});

test("a range of days is shown as averages with their extremes, its energy by source, and says so", async () => {
  const shown = await open(
    {
      "GET /api/v1/evses/CP-1/telemetry": (asked: { query: URLSearchParams }) =>
        telemetry(asked.query.get("resolution") ?? "", [
          {
            starts_at: "2026-11-21T10:00:00Z",
            ends_at: "2026-11-21T11:00:00Z",
            is_complete: true,
            reading_count: 60,
            billable_count: 60,
            power_avg_w: 5000,
            power_min_w: 0,
            power_max_w: 7000,
            energy_wh: 5000,
            energy_solar_wh: 4000,
            energy_grid_wh: 1000,
            energy_unattributed_wh: 0,
          },
        ]),
    },
    "?range=7d",
  );
  await screen.findByText("hourly averages");
  expect(askedTelemetry(shown)[0]?.query.get("resolution")).toBe("1h");
  expect(
    standing()[0]
      ?.data.slice(1)
      .map((values) => values?.[0]),
  ).toEqual([7, 0, 5]);
  expect(screen.getByRole("heading", { name: "Energy of this range" })).toBeTruthy();
  await userEvent.click(screen.getByText("Show as table"));
  const table = await screen.findByRole("table", { name: "Readings of this range" });
  expect(table.textContent).toContain("7.00\u00a0kW");
});

test("where single readings are dropped already, averages are asked for, and since when is said", async () => {
  const shown = await open(
    {
      "GET /api/v1/evses/CP-1/telemetry": (asked: { query: URLSearchParams }) =>
        telemetry(asked.query.get("resolution") ?? "", [], { raw_since: "2026-10-01T00:00:00Z" }),
    },
    "?from=2026-09-01T10:00:00Z&to=2026-09-01T11:00:00Z",
  );
  await screen.findByText(/15-minute averages/);
  expect(askedTelemetry(shown).map(({ query }) => query.get("resolution"))).toEqual(["raw", "15min"]);
  expect(screen.getByText(/Single readings are kept since/)).toBeTruthy();
});

test("a range that stands still begins with what is shown, in the site's zone, and can be left", async () => {
  await open({}, "?range=6h");
  await userEvent.click(await screen.findByRole("button", { name: "From – to…" }));
  expect(window.location.search).toMatch(/range=6h&from=.*&to=/);
  expect(screen.getByLabelText(/^From \((EST|GMT-5)\)/)).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Back to live" }));
  expect(window.location.search).toBe("?range=6h");
});

test("on a phone one chart is shown, and which one is chosen in the address", async () => {
  vi.stubGlobal("matchMedia", () => ({ matches: true, addEventListener() {}, removeEventListener() {} }));
  await open();
  await screen.findByText("single readings, live");
  expect(standing()).toHaveLength(1);
  await userEvent.click(screen.getByRole("button", { name: "Voltage" }));
  expect(window.location.search).toContain("panel=voltage_v");
  expect(screen.getByRole("img", { name: /^Voltage/ })).toBeTruthy();
});

test("events are filtered by the API, and asked for again when a connector fails", async () => {
  const shown = await open();
  await screen.findByText("Nothing has happened yet.");
  await userEvent.selectOptions(screen.getByLabelText("Kind of event"), "Faults");
  const asked = () =>
    shown.asked.filter(({ path, query }) => path.endsWith("/events") && query.get("limit") === "10");
  await waitFor(() => expect(asked().pop()?.query.get("kind")).toBe("faulted"));
  expect(window.location.search).toContain("events=faulted");
  tell(shown, liveConnector());
  await act(() => new Promise((resolve) => setTimeout(resolve, 600)));
  const before = asked().length;
  act(() => shown.picture.apply({ type: "frame", updates: [liveConnector({ status: "faulted" })] }));
  await waitFor(() => expect(asked().length).toBe(before + 1));
});

test("an open alert can be taken on by who may", async () => {
  const alert = {
    id: 17,
    evse_uid: "CP-1",
    site_id: 1,
    connector_id: 1,
    session_id: null,
    kind: "over_temperature",
    severity: "critical",
    status: "open",
    detail: null,
    opened_at: "2026-11-21T07:00:00Z",
    last_seen_at: "2026-11-21T07:00:00Z",
    acknowledged_at: null,
    resolved_at: null,
  } as const;
  const shown = await open({ "POST /api/v1/alerts/17/acknowledge": alert });
  await screen.findByRole("heading", { name: "Open alerts" });
  tell(shown);
  screen.getByText("No open alerts.");
  const elsewhere = { ...alert, id: 18, evse_uid: "CP-2" };
  act(() => shown.picture.replace({ type: "snapshot", updates: [], alerts: [alert, elsewhere] }));
  await userEvent.click(screen.getByRole("button", { name: "Acknowledge: Over temperature" }));
  await screen.findByText("Over temperature: acknowledged.");
  act(() =>
    shown.picture.apply({ type: "frame", updates: [], alerts: [{ ...alert, status: "acknowledged" }] }),
  );
  expect(screen.getByText("Acknowledged")).toBeTruthy();
  expect(screen.queryByRole("button", { name: /^Acknowledge/ })).toBeNull();
});

test("who may only see stations is asked for nothing else, and shown nothing else", async () => {
  const shown = await open({}, "", ["evse:read", "live:subscribe"]);
  await screen.findByRole("heading", { name: "Car park", level: 1 });
  for (const title of ["Commands", "Readings", "Open alerts", "Last sessions", "No session is running"])
    expect(screen.queryByRole("heading", { name: title })).toBeNull();
  await screen.findByText("Nothing has happened yet.");
  expect(shown.asked.map(({ path }) => path).sort()).toEqual([
    "/api/v1/evses/CP-1",
    "/api/v1/evses/CP-1/events",
  ]);
});

test("who may see no live data is shown the alerts that the API tells", async () => {
  const open_alert = liveAlert(17, { evse_uid: "CP-1", kind: "over_temperature" });
  const shown = await show(<Station params={{ evse_uid: "CP-1" }} />, {
    who: me(["evse:read", "alert:read"]),
    answers: {
      ...QUIET,
      "GET /api/v1/alerts": ({ query }: Asked) => page(query.get("status") === "open" ? [open_alert] : []),
    },
    at: "/stations/CP-1",
    live: { status: "refused" },
  });
  await screen.findByText("Over temperature");
  expect(shown.asked.find(({ path }) => path === "/api/v1/alerts")?.query.get("evse_uid")).toBe("CP-1");
});

test("events on both sides of a clock change say the offset with each time", async () => {
  const event = (id: number, ts: string) => ({ id, ts, kind: "online", connector_id: null, detail: null });
  const before = event(1, "2026-11-01T05:30:00Z");
  const after = event(2, "2026-11-01T06:30:00Z");
  await open({
    "GET /api/v1/sites": page([{ ...SITE, timezone: "America/New_York" }]),
    "GET /api/v1/evses/CP-1/events": page([after, before]),
  });
  const table = await screen.findByRole("table", { name: "Events" });
  await waitFor(() => expect(within(table).getByRole("columnheader", { name: "When" })).toBeTruthy());
  expect(table.textContent).toMatch(/01:30:00.*(GMT-5|EST).*01:30:00.*(GMT-4|EDT)/);
});

test("the page has no barrier that a machine can find", async () => {
  const shown = await open({
    "GET /api/v1/evses/CP-1/events": page([
      { id: 1, ts: "2026-11-21T07:00:00Z", kind: "online", connector_id: null, detail: null },
    ]),
  });
  await screen.findByText("single readings, live");
  tell(shown, liveConnector({ session: liveSession() }));
  const found = await axe.run(document.body, { rules: { region: { enabled: false } } });
  expect(found.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
});
