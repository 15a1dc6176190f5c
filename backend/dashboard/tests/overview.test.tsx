// The overview as somebody sees it: its states, what it tells, what it asks of the API.
import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import type { NowStats } from "../src/api/types";
import type { LiveConnector } from "../src/live/protocol";
import Overview from "../src/views/overview/Overview";
import { evse, live, session } from "./overview.fixtures";
import { type Answers, GUEST, me, page, problem, type Shown, show } from "./page";

const STATS: NowStats = {
  ts: "2026-11-21T07:21:09Z",
  power_w: 64_200,
  active_session_count: 9,
  energy_today: {
    energy_wh: 182_400,
    energy_solar_wh: 121_000,
    energy_grid_wh: 60_900,
    energy_unattributed_wh: 500,
    solar_share: 0.6634,
  },
  session_count_today: 31,
  money_today: [
    { currency: "EUR", cost: "9007199254740993.25" },
    { currency: "JMD", cost: "5120.5000" },
  ],
  evse_count_by_state: {},
  connector_count_by_status: {},
  complete_until: "2026-11-21T07:15:00Z",
};
const KINGSTON = { id: 1, name: "Kingston", timezone: "America/Jamaica", currency: "JMD" };
const MIAMI = { id: 2, name: "Miami", timezone: "America/New_York", currency: "USD" };

function answers(more: Answers = {}): Answers {
  return {
    "GET /api/v1/sites": page([KINGSTON]),
    "GET /api/v1/evses": page([evse("CP-1"), evse("CP-2", { name: "Gate" }), evse("CP-3", { site_id: 2 })]),
    "GET /api/v1/stats/now": STATS,
    ...more,
  };
}

function tell(shown: Shown, ...updates: LiveConnector[]): void {
  act(() => shown.picture.replace({ type: "snapshot", updates }));
}

const tiles = () => within(screen.getByRole("list", { name: "Stations" })).getAllByRole("listitem");
const titles = () => tiles().map((tile) => within(tile).getByRole("link").textContent);
const figure = (label: RegExp) => screen.getByText(label).parentElement;

test("each connector is a tile with its figures, and leads to its station", async () => {
  const shown = await show(<Overview />, { answers: answers() });
  tell(
    shown,
    live("CP-1", {
      status: "charging",
      power_w: 7200,
      temperature_c: 34.5,
      soc_percent: 61,
      energy_source: "solar",
      session: session(),
    }),
  );
  const link = await screen.findByRole("link", { name: "CP-1" });
  expect(link).toHaveProperty("pathname", "/stations/CP-1");
  const tile = link.closest("li");
  await waitFor(() => expect(tile?.textContent).toContain("7.20\u00a0kW"));
  for (const text of [
    "Charging",
    "Solar",
    "of 22\u00a0kW",
    "7.20\u00a0kWh",
    "JMD\u00a0160.00",
    "34.5\u00a0°C",
    "Car 61\u00a0%",
  ])
    expect(tile?.textContent).toContain(text);
});

test("a tile follows its connector without anybody asking again", async () => {
  const shown = await show(<Overview />, { answers: answers() });
  tell(shown, live("CP-1", { power_w: 10 }));
  const tile = (await screen.findByRole("link", { name: "CP-1" })).closest("li");
  expect(tile?.textContent).toContain("10\u00a0W");
  const askedBefore = shown.asked.length;
  act(() => shown.picture.apply({ type: "frame", updates: [live("CP-1", { power_w: 11 })] }));
  expect(tile?.textContent).toContain("11\u00a0W");
  expect(shown.asked).toHaveLength(askedBefore);
});

test("faulted and offline stations come first, with the error", async () => {
  const shown = await show(<Overview />, { answers: answers() });
  tell(
    shown,
    live("CP-1"),
    live("CP-2", { is_online: false }),
    live("CP-3", { status: "faulted", error_code: "GroundFailure" }),
  );
  await waitFor(() => expect(titles()).toEqual(["CP-3", "Gate", "CP-1"]));
  expect(tiles()[0]?.textContent).toContain("Ground failure");
  await waitFor(() => expect(screen.getByText("Faulted: 1, Offline: 1").getAttribute("role")).toBe("status"));
});

test("a station that never spoke has a tile that says so", async () => {
  await show(<Overview />, {
    answers: answers({
      "GET /api/v1/evses": page([evse("CP-9", { is_online: false, online_changed_at: null })]),
    }),
  });
  const link = await screen.findByRole("link", { name: "CP-9" });
  expect(link.closest("li")?.textContent).toContain("Never seen");
});

test("a state that is clicked filters, keeps its place in the address, and stays countable", async () => {
  const shown = await show(<Overview />, { answers: answers() });
  tell(shown, live("CP-1", { status: "charging" }), live("CP-2"), live("CP-3"));
  const chip = await screen.findByRole("button", { name: "1 Charging" });
  await userEvent.click(chip);
  expect(chip.getAttribute("aria-pressed")).toBe("true");
  await waitFor(() => expect(titles()).toEqual(["CP-1"]));
  expect(window.location.search).toBe("?state=charging");
  expect(screen.getByRole("button", { name: "2 Available" })).toBeTruthy();
  expect(screen.getByText("1 of 3 stations")).toBeTruthy();
});

test("`/` leads to the search, which finds by name; finding nothing offers the way back", async () => {
  const shown = await show(<Overview />, { answers: answers() });
  tell(shown, live("CP-1"), live("CP-2"), live("CP-3"));
  await screen.findByRole("link", { name: "Gate" });
  await userEvent.keyboard("/gat");
  expect(screen.getByRole("searchbox")).toHaveProperty("value", "gat");
  await waitFor(() => expect(titles()).toEqual(["Gate"]));
  await userEvent.keyboard("/zz");
  expect(screen.getByRole("searchbox")).toHaveProperty("value", "gat/zz");
  await userEvent.click(await screen.findByRole("button", { name: "Show all stations" }));
  await waitFor(() => expect(tiles()).toHaveLength(3));
  expect(window.location.search).toBe("");
});

test("a site in the address filters the stations and the figures of the day", async () => {
  const shown = await show(<Overview />, {
    answers: answers({ "GET /api/v1/sites": page([KINGSTON, MIAMI]) }),
    at: "/?site=2",
  });
  tell(shown, live("CP-1", { power_w: 5000 }), live("CP-3", { power_w: 700, site_id: 2 }));
  await waitFor(() => expect(titles()).toEqual(["CP-3"]));
  expect(tiles()[0]?.textContent).toContain("Miami");
  await waitFor(() => expect(figure(/Power now/)?.textContent).toContain("700\u00a0W"));
  const asked = shown.asked.filter((each) => each.path === "/api/v1/stats/now");
  expect(asked.every((each) => each.query.get("site_id") === "2")).toBe(true);
});

test("the day's figures: energy by source in the site's zone, money exact and never added", async () => {
  await show(<Overview />, { answers: answers() });
  expect(await screen.findByText(/Energy today, until 0?2:15.*(EST|GMT-5)/)).toBeTruthy();
  expect(figure(/Energy today/)?.textContent).toContain("182.40\u00a0kWh");
  expect(figure(/Energy today/)?.textContent).toContain("Not known 500\u00a0Wh");
  expect(figure(/Solar today/)?.textContent).toContain("66\u00a0%");
  expect(figure(/Money today/)?.textContent).toContain("EUR 9,007,199,254,740,993.25JMD 5,120.50");
  expect(figure(/Sessions now/)?.textContent).toContain("31 began today");
});

test("energy that is complete to another day only says which day", async () => {
  const late = { ...STATS, ts: "2026-11-21T05:05:00Z", complete_until: "2026-11-21T04:45:00Z" }; // midnight in Jamaica
  await show(<Overview />, { answers: answers({ "GET /api/v1/stats/now": late }) });
  expect(await screen.findByText(/Energy today, until .*20.*11:45.*(EST|GMT-5)/)).toBeTruthy();
});

test("no money is 0 in the currency of the sites that are shown", async () => {
  const quiet = { ...STATS, session_count_today: 0, money_today: [] };
  const both = { "GET /api/v1/sites": page([KINGSTON, MIAMI]), "GET /api/v1/stats/now": quiet };
  await show(<Overview />, { answers: answers(both) });
  await waitFor(() => expect(figure(/Money today/)?.textContent).toContain("JMD 0.00USD 0.00"));
});

test("no money of one site is 0 in its currency", async () => {
  const quiet = { ...STATS, session_count_today: 0, money_today: [] };
  const both = { "GET /api/v1/sites": page([KINGSTON, MIAMI]), "GET /api/v1/stats/now": quiet };
  await show(<Overview />, { answers: answers(both), at: "/?site=2" });
  await waitFor(() => expect(figure(/Money today/)?.textContent).toMatch(/^Money todayUSD 0.00without VAT$/));
});

test("an offline station whose readings were imported was seen when they were made", async () => {
  const agoText = (ms: number) => new Date(Date.now() - ms).toISOString();
  const shown = await show(<Overview />, { answers: answers() });
  const imported = { ts: agoText(20 * 86_400_000), received_at: agoText(6000) };
  tell(shown, live("CP-1", { ...imported, is_online: false }), live("CP-2", imported));
  const tile = (await screen.findByRole("link", { name: "CP-1" })).closest("li");
  expect(tile?.textContent).toMatch(/seen 20\sd ago/);
  expect(screen.getByRole("link", { name: "Gate" }).closest("li")?.textContent).toMatch(/seen \d+\ss ago/);
});

test("a connector goes from the view of its site when its station says that it stands at another", async () => {
  const shown = await show(<Overview />, {
    answers: answers({ "GET /api/v1/sites": page([KINGSTON, MIAMI]) }),
    at: "/?site=1",
  });
  tell(shown, live("CP-1"), live("CP-2"));
  await waitFor(() => expect(titles()).toEqual(["CP-1", "Gate"]));
  act(() => shown.picture.apply({ type: "frame", updates: [live("CP-1", { site_id: 2 })] }));
  await waitFor(() => expect(titles()).toEqual(["Gate"]));
});

test("a station that somebody else renamed has its new name within 10 s", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  try {
    let name = "Gate";
    await show(<Overview />, {
      answers: answers({ "GET /api/v1/evses": () => page([evse("CP-2", { name })]) }),
    });
    await screen.findByRole("link", { name: "Gate" });
    name = "North gate";
    await act(() => vi.advanceTimersByTimeAsync(10_000));
    expect(await screen.findByRole("link", { name: "North gate" })).toBeTruthy();
  } finally {
    vi.useRealTimers();
  }
});

test("who may not see statistics is not shown any, and they are not asked for", async () => {
  const shown = await show(<Overview />, { answers: answers(), who: me([...GUEST, "evse:read"]) });
  tell(shown, live("CP-1", { power_w: 10 }));
  await waitFor(() => expect(figure(/Power now/)?.textContent).toContain("10\u00a0W"));
  expect(screen.queryByText(/Money today|Energy today/)).toBeNull();
  expect(shown.asked.some((each) => each.path.includes("stats"))).toBe(false);
});

test("figures that cannot be loaded say why, and the stations stay", async () => {
  const shown = await show(<Overview />, {
    answers: answers({ "GET /api/v1/stats/now": () => problem(503, "The database is not reachable.") }),
  });
  tell(shown, live("CP-1"));
  expect((await screen.findByRole("alert")).textContent).toContain("The database is not reachable.");
  expect(screen.getByRole("button", { name: "Try again" })).toBeTruthy();
  expect(await screen.findByRole("link", { name: "CP-1" })).toBeTruthy();
});

test("a register that cannot be read says so and offers to try again", async () => {
  let isBroken = true;
  await show(<Overview />, {
    answers: answers({
      "GET /api/v1/evses": () => (isBroken ? problem(500, "Something broke.") : page([evse("CP-1")])),
    }),
  });
  expect(await screen.findByText("Something broke.")).toBeTruthy();
  isBroken = false;
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("link", { name: "CP-1" })).toBeTruthy();
});

test("stations that speak are shown without the register, and it is said what is missing", async () => {
  const shown = await show(<Overview />, {
    answers: answers({ "GET /api/v1/evses": () => problem(503, "The database is not reachable.") }),
  });
  tell(shown, live("CP-1"));
  expect(await screen.findByRole("link", { name: "CP-1" })).toBeTruthy();
  expect(await screen.findByText(/stations that have not spoken, are missing/)).toBeTruthy();
});

test("while the register loads there are placeholders, and without stations it says what to do", async () => {
  let answer: (value: unknown) => void = () => undefined;
  const coming = new Promise((resolve) => {
    answer = resolve;
  });
  await show(<Overview />, { answers: answers({ "GET /api/v1/evses": () => coming }) });
  expect(screen.getByText("Loading the stations")).toBeTruthy();
  await act(async () => answer(page([])));
  expect(await screen.findByText("There is no station yet.")).toBeTruthy();
  expect(screen.getByRole("link", { name: "register it" })).toHaveProperty("pathname", "/admin/stations");
});

test("a station that is new is looked up in the register at once", async () => {
  const shown = await show(<Overview />, { answers: answers({ "GET /api/v1/evses": page([]) }) });
  await screen.findByText("There is no station yet.");
  tell(shown, live("new"));
  await screen.findByRole("link", { name: "new" });
  await waitFor(() =>
    expect(shown.asked.filter((each) => each.path === "/api/v1/evses").length).toBeGreaterThan(1),
  );
});

test("while it is not live, the tiles and the power say that they are old", async () => {
  const shown = await show(<Overview />, {
    answers: answers(),
    live: { status: "waiting", retryAtMs: performance.now() + 5000, reason: "the connection was lost" },
  });
  tell(shown, live("CP-1", { power_w: 10 }));
  const list = await screen.findByRole("list", { name: "Stations" });
  expect(list.closest("[class*=stale]")).not.toBeNull();
  expect(figure(/Power now/)?.textContent).toContain("last known");
});

test("of a thousand stations only those in sight are drawn, and scrolling draws others", async () => {
  const many = Array.from({ length: 1000 }, (_, number) => evse(`CP-${number}`));
  await show(<Overview />, { answers: answers({ "GET /api/v1/evses": page(many) }), at: "/?sort=name" });
  await screen.findByRole("link", { name: "CP-0" });
  expect(tiles().length).toBeLessThan(40);
  expect(tiles()[0]?.getAttribute("aria-setsize")).toBe("1000");
  vi.stubGlobal("scrollY", 50_000);
  act(() => void fireEvent.scroll(window));
  expect(screen.queryByRole("link", { name: "CP-0" })).toBeNull();
  expect(tiles().length).toBeGreaterThan(3);
});

test("the list is a table with the same connectors, and the address says that it is chosen", async () => {
  const shown = await show(<Overview />, { answers: answers() });
  tell(shown, live("CP-1", { status: "charging", power_w: 7200, session: session() }));
  await userEvent.click(await screen.findByRole("button", { name: "List" }));
  expect(window.location.search).toBe("?view=list");
  const table = screen.getByRole("table", { name: "Stations" });
  const row = within(table).getByRole("rowheader", { name: /CP-1/ }).closest("tr");
  expect(row?.textContent).toContain("7.20\u00a0kW");
  expect(within(table).getByRole("columnheader", { name: "State" }).getAttribute("aria-sort")).toBe(
    "ascending",
  );
});

test("tiles stay where they are while the pointer moves over them", async () => {
  const shown = await show(<Overview />, { answers: answers() });
  tell(shown, live("CP-1"), live("CP-2"), live("CP-3"));
  await waitFor(() => expect(titles()).toEqual(["CP-1", "CP-3", "Gate"]));
  fireEvent.pointerMove(screen.getByRole("list", { name: "Stations" }));
  act(() => shown.picture.apply({ type: "frame", updates: [live("CP-3", { status: "faulted" })] }));
  await screen.findByRole("button", { name: "1 Faulted" });
  expect(titles()).toEqual(["CP-1", "CP-3", "Gate"]);
  await waitFor(() => expect(titles()).toEqual(["CP-3", "CP-1", "Gate"]), { timeout: 3000 });
});
