// The view of energy and money: its states, what it asks, and how it says figures.
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { noteServerTime } from "../src/clock";
import EnergyAndMoney from "../src/views/energy/EnergyAndMoney";
import { periodRow } from "./energyRows";
import { type Answers, type Asked, page, problem, show } from "./page";

const SITES = page([
  { id: 1, name: "Kingston", timezone: "America/Jamaica", currency: "JMD" },
  { id: 2, name: "Zurich", timezone: "Europe/Zurich", currency: "CHF" },
]);

function stats(asked: Asked) {
  const period = asked.query.get("period");
  const from = asked.query.get("date_from") ?? "";
  const rich = {
    energy_wh: 2_500_000,
    energy_solar_wh: 1_000_000,
    energy_grid_wh: 1_500_000,
    utilisation: 0.1,
    session_count: 4,
    peak_quarter_power_w: 43_800,
    money: [
      { currency: "CHF", cost: "0.1000" },
      { currency: "JMD", cost: "4280.1000" },
    ],
  };
  const groups: Record<string, object[]> = {
    site: [{ site_id: 1 }, { site_id: 2 }],
    evse: [{ site_id: 1, evse_uid: "CP/1" }],
  };
  const of = groups[asked.query.get("group_by") ?? ""] ?? [{}];
  return {
    period,
    complete_until: "2026-11-21T15:15:00Z",
    items: of.map((group) => periodRow(from, asked.query.get("date_to") ?? "", { ...rich, ...group })),
  };
}

const HOURS = {
  date_from: "2026-10-23",
  date_to: "2026-11-22",
  complete_until: "2026-11-21T15:15:00Z",
  items: Array.from({ length: 168 }, (_, at) => ({
    weekday: Math.floor(at / 24) + 1,
    hour: at % 24,
    energy_wh: at === 32 ? 14_250 : 0,
    charging_s: 0,
    utilisation: at === 32 ? 0.3167 : at === 33 ? null : 0,
  })),
};

const ANSWERS: Answers = {
  "GET /api/v1/sites": SITES,
  "GET /api/v1/stats": stats,
  "GET /api/v1/stats/utilisation": HOURS,
};

function view(at = "/energy", answers: Answers = {}) {
  return show(<EnergyAndMoney params={{}} />, { answers: { ...ANSWERS, ...answers }, at });
}

function itIs(now: string) {
  vi.setSystemTime(new Date(now));
  noteServerTime(Date.now());
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  itIs("2026-11-21T15:20:00Z");
});
afterEach(() => {
  vi.useRealTimers();
  noteServerTime(Date.now());
});

test("the last 30 days are asked for, and as many before them", async () => {
  const { asked } = await view();
  await screen.findByText("Energy by source");
  const ranges = asked
    .filter(({ path, query }) => path === "/api/v1/stats" && !query.has("group_by"))
    .map(({ query }) => [query.get("period"), query.get("date_from"), query.get("date_to")]);
  expect(ranges).toContainEqual(["day", "2026-10-23", "2026-11-22"]);
  expect(ranges).toContainEqual(["day", "2026-09-23", "2026-10-23"]);
});

test("today is the site's day, not the reader's", async () => {
  itIs("2026-11-22T02:00:00Z"); // still the 21st in Jamaica
  const { asked } = await view("/energy?site=1");
  await screen.findByText("Energy by source");
  expect(asked.find(({ path }) => path === "/api/v1/stats")?.query.get("date_to")).toBe("2026-11-22");
  expect(screen.getByText(/times in America\/Jamaica/)).toBeTruthy();
});

test("of all sites the day is not left out that has begun at the one furthest ahead", async () => {
  itIs("2026-11-21T23:30:00Z"); // the 22nd in Zurich, where the reader may not be
  const { asked } = await view("/energy");
  await screen.findByText("Energy by source");
  expect(asked.find(({ path }) => path === "/api/v1/stats")?.query.get("date_to")).toBe("2026-11-23");
});

test("a site that there is not is said to be so, with a way out, and nothing is asked of it", async () => {
  const { asked } = await view("/energy?site=999&station=CP-1");
  expect(await screen.findByText("There is no site 999")).toBeTruthy();
  expect((screen.getByLabelText("Site") as HTMLSelectElement).selectedOptions[0]?.text).toBe("Site 999");
  expect(asked.some(({ path }) => path.startsWith("/api/v1/stats"))).toBe(false);
  await userEvent.click(screen.getByRole("button", { name: "Show all sites" }));
  expect(await screen.findByText("Energy by source")).toBeTruthy();
  expect(window.location.search).toBe("");
});

test("of several currencies one is drawn at a time, and which one is in the address", async () => {
  await view();
  expect(await screen.findByText("CHF 0.10 in all")).toBeTruthy();
  expect(screen.queryByText("JMD 4,280.10 in all")).toBeNull();
  await userEvent.click(within(screen.getByRole("group", { name: "Currency" })).getByText("JMD"));
  expect(await screen.findByText("JMD 4,280.10 in all")).toBeTruthy();
  expect(screen.queryByText("CHF 0.10 in all")).toBeNull();
  expect(window.location.search).toBe("?currency=JMD");
});

test("each currency has a figure of its own", async () => {
  await view();
  const figures = await screen.findByRole("region", { name: "The range in figures" });
  expect(within(figures).getByText("CHF 0.10")).toBeTruthy();
  expect(within(figures).getByText("JMD 4,280.10")).toBeTruthy();
  expect(within(figures).queryByText(/\+ JMD/)).toBeNull();
});

test("a figure is compared with the days before, and says so when there was nothing", async () => {
  await view("/energy", {
    "GET /api/v1/stats": (asked: Asked) => {
      const answer = stats(asked);
      const isBefore = asked.query.get("date_to") === "2026-10-23";
      const items = answer.items.map((row) => (isBefore ? { ...row, energy_wh: 2_000_000 } : row));
      return { ...answer, items };
    },
  });
  const figures = await screen.findByRole("region", { name: "The range in figures" });
  expect(await within(figures).findByText(/\+25\s%, before: 2,000\.0\skWh/)).toBeTruthy();
});

test("nothing before is said, not counted as growth", async () => {
  await view("/energy", {
    "GET /api/v1/stats": (asked: Asked) =>
      asked.query.get("date_to") === "2026-10-23" ? { ...stats(asked), items: [] } : stats(asked),
  });
  const figures = await screen.findByRole("region", { name: "The range in figures" });
  expect((await within(figures).findAllByText("nothing before")).length).toBeGreaterThan(3);
});

test("until when the figures are complete is said in the site's zone", async () => {
  await view("/energy?site=1");
  expect(await screen.findByText(/figures to .*10:15 .*(GMT-5|EST)/)).toBeTruthy();
});

test("earlier goes one range back, in the address", async () => {
  const { asked } = await view("/energy?period=month&count=3");
  await screen.findByText("Energy by source");
  await userEvent.click(screen.getByRole("button", { name: /Earlier/ }));
  expect(new URLSearchParams(window.location.search).get("until")).toBe("2026-08-31");
  await vi.waitFor(() =>
    expect(asked.some(({ query }) => query.get("date_from") === "2026-06-01")).toBe(true),
  );
  expect(asked.find(({ query }) => query.get("date_from") === "2026-06-01")?.query.get("date_to")).toBe(
    "2026-09-01",
  );
});

test("later is not offered at today", async () => {
  await view();
  await screen.findByText("Energy by source");
  expect((screen.getByRole("button", { name: /Later/ }) as HTMLButtonElement).disabled).toBe(true);
});

test("the table leads from a site to it, and from a station to its page", async () => {
  await view();
  const bySite = await screen.findByRole("table", { name: "Energy and money by site" });
  expect(within(bySite).getByRole("link", { name: "Kingston" }).getAttribute("href")).toBe("/energy?site=1");
  await userEvent.click(screen.getByRole("button", { name: "Stations" }));
  const byStation = await screen.findByRole("table", { name: "Energy and money by station" });
  expect(within(byStation).getByRole("link", { name: "CP/1" }).getAttribute("href")).toBe("/stations/CP%2F1");
});

test("the hours of the week are read by keys, and unknown ones are no zeros", async () => {
  await view();
  const cursor = await screen.findByRole("slider", { name: /Utilisation by hour of the week/ });
  expect(screen.getByText(/most of the connectors' time on Tuesday 08:00–09:00: 31.7\s%/)).toBeTruthy();
  cursor.focus();
  await userEvent.keyboard("{Home}{ArrowDown}{ArrowRight}{ArrowRight}{ArrowRight}{ArrowRight}");
  await userEvent.keyboard("{ArrowRight}{ArrowRight}{ArrowRight}{ArrowRight}");
  expect(cursor.getAttribute("aria-valuetext")).toMatch(/^Tuesday 08:00–09:00: 31.7\s%, 14.25\skWh$/);
  await userEvent.keyboard("{ArrowRight}");
  expect(cursor.getAttribute("aria-valuetext")).toBe("Tuesday 09:00–10:00: not known yet");
});

test("days without anything say what to do", async () => {
  await view("/energy", {
    "GET /api/v1/stats": (asked: Asked) => ({
      ...stats(asked),
      items: [periodRow("2026-11-21", "2026-11-22")],
    }),
  });
  expect(await screen.findByText("No energy and no sessions in these days")).toBeTruthy();
});

test("a failure is shown with a way to try again", async () => {
  let isDown = true;
  await view("/energy", {
    "GET /api/v1/stats": (asked: Asked) => (isDown ? problem(503, "The database is away.") : stats(asked)),
  });
  expect(await screen.findByText("The database is away.")).toBeTruthy();
  isDown = false;
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("Energy by source")).toBeTruthy();
});

test("what somebody may not see is said kindly", async () => {
  await view("/energy", { "GET /api/v1/stats": problem(403, "You need the permission stats:read.") });
  expect(await screen.findByText("You may not see this")).toBeTruthy();
});

test("too many stations for one table leave the rest of the view standing", async () => {
  await view("/energy?by=station", {
    "GET /api/v1/stats": (asked: Asked) =>
      asked.query.get("group_by") === "evse"
        ? problem(422, "The request is not valid.", [{ field: "group_by", message: "choose one site" }])
        : stats(asked),
  });
  expect(await screen.findByText(/choose one site/)).toBeTruthy();
  expect(screen.getByText("Energy by source")).toBeTruthy();
});
