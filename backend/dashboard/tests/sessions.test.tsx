// The sessions: filters in the address, totals, live rows, exports.
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import type { LiveConnector, LiveSession } from "../src/live/protocol";
import Sessions from "../src/views/sessions/Sessions";
import { type Answers, me, OPERATOR, page, problem, type Shown, show } from "./page";
import { liveSession, RUNNING, SITE, session, TOTALS } from "./sessionsData";

const operator = me(OPERATOR);
const RANGE = "range=custom&from=2026-11-20&to=2026-11-21";

function answers(more: Answers = {}): Answers {
  return {
    "GET /api/v1/sites": page([SITE]),
    "GET /api/v1/sessions": page([session()]),
    "GET /api/v1/sessions/totals": TOTALS,
    ...more,
  };
}

async function shown(more: Answers = {}, search = RANGE, who = operator): Promise<Shown> {
  return show(<Sessions params={{}} />, { who, answers: answers(more), at: `/sessions?${search}` });
}

function told(view: Shown, ...sessions: LiveSession[]): void {
  act(() => view.picture.apply({ type: "frame", updates: [], sessions }));
}

function connector(changed: Partial<LiveConnector> = {}): LiveConnector {
  const where = { evse_uid: "CP-1", site_id: 1, connector_id: 1 };
  return { ...where, is_online: true, status: "charging", power_w: 6543, session: liveSession(), ...changed };
}

async function rows(): Promise<HTMLElement[]> {
  const table = await screen.findByRole("table", { name: "Sessions" });
  return within(table).getAllByRole("row").slice(1);
}

describe("the list", () => {
  test("shows a session in its site's zone, with units, and its cost without and with VAT", async () => {
    await shown();
    const [row] = await rows();
    await screen.findByRole("columnheader", { name: /Started \((EST|GMT-5)\)/ });
    expect(row?.textContent).toMatch(/09:00/); // 14:00 UTC in Jamaica
    expect(row?.textContent).toMatch(/7\.20.kWh/);
    expect(row?.textContent).toMatch(/75.% solar/);
    expect(row?.textContent).toMatch(/JMD.144\.00/);
    expect(row?.textContent).toMatch(/JMD.165\.60 with VAT/);
    expect(row?.textContent).toMatch(/Car disconnected/);
    expect(within(row as HTMLElement).getByRole("link", { name: "CP-1" })).toBeTruthy();
  });

  test("of sites in several zones has each row in its own, and says whose days the range is of", async () => {
    const far = { ...SITE, id: 2, name: "Narita", timezone: "Asia/Tokyo" };
    await shown({
      "GET /api/v1/sites": page([SITE, far]),
      "GET /api/v1/sessions": page([session(), session({ id: "far", site_id: 2 })]),
    });
    const [here, there] = await rows();
    expect(here?.textContent).toMatch(/09:00.*(EST|GMT-5)/);
    expect(there?.textContent).toMatch(/11:00.*GMT\+9/);
    expect(screen.getByText(/^times in each site's zone; days of the range in /)).toBeTruthy();
  });

  test("says what is doubtful in words", async () => {
    await shown({ "GET /api/v1/sessions": page([session({ quality: ["counter_jumped"] })]) });
    expect((await rows())[0]?.textContent).toMatch(/Counter jumped/);
  });

  test("and its totals are asked for with the same filters, days being those of the site", async () => {
    const view = await shown({}, `${RANGE}&status=ACTIVE&station=CP-1&min_kwh=0.5`);
    await rows();
    const asked = (path: string) => view.asked.filter((each) => each.path === path).pop()?.query;
    for (const path of ["/api/v1/sessions", "/api/v1/sessions/totals"]) {
      expect(asked(path)?.get("date_from")).toBe("2026-11-20T05:00:00.000Z");
      expect(asked(path)?.get("date_to")).toBe("2026-11-22T05:00:00.000Z");
      expect(asked(path)?.get("evse_uid")).toBe("CP-1");
      expect(asked(path)?.getAll("status")).toEqual(["ACTIVE"]);
      expect(asked(path)?.get("energy_min_wh")).toBe("500");
    }
  });

  test("puts a filter into the address", async () => {
    const view = await shown();
    await rows();
    await userEvent.selectOptions(screen.getByLabelText("State"), "Running");
    expect(window.location.search).toContain("status=ACTIVE");
    await waitFor(() => expect(view.asked.some((each) => each.query.get("status") === "ACTIVE")).toBe(true));
  });

  test("takes a station when Enter is pressed, not with each letter", async () => {
    await shown();
    await userEvent.type(await screen.findByLabelText("Station"), "CP-7");
    expect(window.location.search).not.toContain("station");
    await userEvent.keyboard("{Enter}");
    expect(window.location.search).toContain("station=CP-7");
  });

  test("goes on page by page", async () => {
    const second = session({ id: "second", evse_uid: "CP-2" });
    await shown({
      "GET /api/v1/sessions": ({ query }: { query: URLSearchParams }) =>
        query.get("cursor") === "next" ? page([second]) : page([session()], "next"),
    });
    await userEvent.click(await screen.findByRole("button", { name: "Show more" }));
    await waitFor(async () => expect(await rows()).toHaveLength(2));
  });

  test("says what to do when nothing fits", async () => {
    await shown({ "GET /api/v1/sessions": page([]) });
    expect((await screen.findByText("No sessions here")).parentElement?.textContent).toMatch(/longer range/);
  });

  test("says why it cannot be shown, and tries again when asked to", async () => {
    let isBroken = true;
    await shown({
      "GET /api/v1/sessions": () => (isBroken ? problem(503, "Ask for less.") : page([session()])),
    });
    await screen.findByText("Ask for less.");
    isBroken = false;
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(await rows()).toHaveLength(1);
  });

  test("offers neither users nor exports to who may not", async () => {
    const permissions = OPERATOR.filter((each) => each !== "export:read");
    await shown({}, `${RANGE}&token=TAG1`, me(permissions));
    await rows();
    expect(screen.getByLabelText("Driver's token")).toBeTruthy();
    expect(screen.queryByLabelText("User")).toBeNull();
    expect(screen.queryByRole("button", { name: "Export" })).toBeNull();
  });
});

describe("live", () => {
  test("a running session goes on in its row, with the power of its connector", async () => {
    const view = await shown({ "GET /api/v1/sessions": page([session(RUNNING)]) });
    await rows();
    act(() => view.picture.replace({ type: "snapshot", updates: [connector()] }));
    await waitFor(async () => expect((await rows())[0]?.textContent).toMatch(/now 6\.54.kW/));
    act(() =>
      view.picture.apply({
        type: "frame",
        updates: [connector({ session: liveSession({ energy_wh: 9000, cost: "170.0000" }) })],
      }),
    );
    await waitFor(async () => expect((await rows())[0]?.textContent).toMatch(/9\.00.kWh/));
    expect((await rows())[0]?.textContent).toMatch(/JMD.170\.00so far/);
    expect((await rows())[0]?.textContent).not.toMatch(/with VAT/);
  });

  test("a session that ends is asked for once more, for what it costs in all", async () => {
    const done = session({ cost: "170.0000", total_cost: { excl_vat: "170.0000", incl_vat: "195.5000" } });
    const view = await shown({
      "GET /api/v1/sessions": page([session(RUNNING)]),
      [`GET /api/v1/sessions/${done.id}`]: done,
    });
    await rows();
    told(view, liveSession({ status: "COMPLETED", ended_at: "2026-11-21T15:00:00Z", cost: "170.0000" }));
    await waitFor(async () => expect((await rows())[0]?.textContent).toMatch(/JMD.195\.50 with VAT/));
  });

  test("a new session moves no row: it is counted, and shown when asked for", async () => {
    let items = [session()];
    const view = await shown({ "GET /api/v1/sessions": () => page(items) });
    await rows();
    const begun = { id: "new", evse_uid: "CP-2", started_at: "2026-11-21T16:00:00Z" };
    items = [session({ ...RUNNING, ...begun }), session()];
    told(
      view,
      liveSession({ id: "on a later page", started_at: "2026-11-21T13:00:00Z" }),
      liveSession(begun),
    );
    const news = await screen.findByRole("button", { name: "1 new session: show" });
    expect(await rows()).toHaveLength(1);
    await userEvent.click(news);
    await waitFor(async () => expect(await rows()).toHaveLength(2));
    expect(screen.queryByRole("button", { name: /new session/ })).toBeNull();
  });

  test("a session that late data dissolved goes", async () => {
    const view = await shown({
      "GET /api/v1/sessions": page([session(), session({ id: "other", evse_uid: "CP-2" })]),
    });
    await rows();
    told(view, liveSession({ status: "INVALID" }));
    await waitFor(async () => expect(await rows()).toHaveLength(1));
  });

  test("after a gap the list is asked for again", async () => {
    const view = await shown();
    await rows();
    const count = () => view.asked.filter((each) => each.path === "/api/v1/sessions").length;
    const before = count();
    act(() => view.picture.replace({ type: "snapshot", updates: [] }));
    await waitFor(() => expect(count()).toBe(before + 1));
  });
});

describe("the export", () => {
  test("asks for a file with the filters of the list, and says what it cannot filter by", async () => {
    const view = await shown(
      { "GET /api/v1/exports/sessions": () => new Response("id\n1\n", { status: 200 }) },
      `${RANGE}&station=CP-1&min_kwh=5`,
    );
    URL.createObjectURL = vi.fn(() => "blob:x");
    URL.revokeObjectURL = vi.fn();
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => undefined);
    await rows();
    await userEvent.click(screen.getByRole("button", { name: "Export" }));
    const dialog = screen.getByRole("dialog", { name: "Export" });
    expect(dialog.textContent).toMatch(/cannot be filtered by least energy/);
    await userEvent.selectOptions(within(dialog).getByLabelText("Format"), "NDJSON");
    await userEvent.click(within(dialog).getByRole("button", { name: "Export" }));
    await screen.findByText("The sessions are in your downloads.");
    const asked = view.asked.find((each) => each.path === "/api/v1/exports/sessions")?.query;
    expect(Object.fromEntries(asked ?? [])).toEqual({
      format: "ndjson",
      evse_uid: "CP-1",
      date_from: "2026-11-20T05:00:00.000Z",
      date_to: "2026-11-22T05:00:00.000Z",
    });
  });

  test("says why it failed, and stays", async () => {
    await shown({ "GET /api/v1/exports/sessions": problem(501, "Parquet needs pyarrow on the server.") });
    await rows();
    await userEvent.click(screen.getByRole("button", { name: "Export" }));
    const dialog = screen.getByRole("dialog", { name: "Export" });
    await userEvent.click(within(dialog).getByRole("button", { name: "Export" }));
    expect((await within(dialog).findByRole("alert")).textContent).toMatch(/needs pyarrow/);
  });
});
