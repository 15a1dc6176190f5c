// One session: its figures, how they came about, its curves and its bills.
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Session } from "../src/api/types";
import SessionDetail from "../src/views/sessions/SessionDetail";
import { type Answers, DRIVER, me, OPERATOR, page, problem, type Shown, show } from "./page";
import { bill, liveSession, RUNNING, SITE, session, TARIFF } from "./sessionsData";
import { FakePlot } from "./uplot";

/** The values of the lines that some chart of the page draws now. */
async function drawn(...values: number[][]): Promise<void> {
  await waitFor(() => expect(FakePlot.built.map((chart) => chart.data.slice(1))).toContainEqual(values));
}

const ID = session().id;

function reading(ts: string, power_w: number | null) {
  return { ts, power_w, voltage_v: 230 };
}

async function shown(found: Session | Response, more: Answers = {}, who = me(OPERATOR)): Promise<Shown> {
  const answers = {
    "GET /api/v1/sites": page([SITE]),
    "GET /api/v1/tariffs/1": TARIFF,
    [`GET /api/v1/sessions/${ID}`]: found,
    [`GET /api/v1/sessions/${ID}/bills`]: { items: [bill()] },
    [`GET /api/v1/sessions/${ID}/readings`]: page([
      reading("2026-11-21T14:00:00Z", 0),
      reading("2026-11-21T14:00:10Z", 7000),
    ]),
    ...more,
  };
  return show(<SessionDetail params={{ session_id: ID }} />, { who, answers, at: `/sessions/${ID}` });
}

describe("the facts", () => {
  test("are in the site's zone, in words, with the prices", async () => {
    await shown(session({ quality: ["gap"], energy_method: "power" }));
    const fact = async (name: string) => (await screen.findByText(name)).nextElementSibling?.textContent;
    await waitFor(async () => expect(await fact("Started")).toMatch(/09:00:00.*(EST|GMT-5)/));
    expect(await fact("End reason")).toBe("Car disconnected");
    await waitFor(async () => expect(await fact("Prices without VAT")).toMatch(/JMD.10\.00\/kWh.*VAT 15.%/));
    expect(screen.getByText(/power was summed up over time/)).toBeTruthy();
    expect(screen.getByText(/Readings were missing for longer/)).toBeTruthy();
  });

  test("say kindly that there is no such session", async () => {
    await shown(problem(404, "There is no such session."));
    expect(await screen.findByText("There is no such session")).toBeTruthy();
    expect(screen.queryByRole("alert")).toBeNull();
  });

  test("say why they cannot be shown", async () => {
    await shown(problem(503, "The database cannot be reached."));
    expect((await screen.findByRole("alert")).textContent).toMatch(/database cannot be reached/);
  });

  test("lead a driver back to the own page, and not to stations that may not be seen", async () => {
    const statuses = page([
      {
        evse_uid: "CP-1",
        name: null,
        site_id: 1,
        site_name: "Ocho Rios",
        timezone: "America/Jamaica",
        is_online: true,
        connectors: [],
      },
    ]);
    await shown(session(), { "GET /api/v1/evse-status": statuses }, me(DRIVER, { id_token: "TAG1" }));
    expect(await screen.findByRole("link", { name: "My charging" })).toBeTruthy();
    expect(screen.queryByRole("link", { name: "CP-1" })).toBeNull();
    await screen.findByText(/times in America\/Jamaica/); // known to drivers by the stations' statuses
  });
});

describe("a running session", () => {
  test("goes on live, with VAT by its tariff, and has no bill yet", async () => {
    const view = await shown(session(RUNNING), { [`GET /api/v1/sessions/${ID}/bills`]: { items: [] } });
    await screen.findByText("No bill yet");
    const update = { evse_uid: "CP-1", site_id: 1, connector_id: 1, is_online: true, status: "charging" };
    const now = liveSession({ cost: "100.0000" });
    act(() => {
      view.picture.apply({
        type: "frame",
        updates: [{ ...update, power_w: 6543, ts: "2026-11-21T14:00:20Z", session: now }],
      });
    });
    expect((await screen.findByText("Cost so far, without VAT")).nextElementSibling?.textContent).toMatch(
      /JMD.100\.00.*JMD.115\.00 with VAT/,
    );
    expect(screen.getByText("Power now").nextElementSibling?.textContent).toMatch(/6\.54.kW/);
    await drawn([0, 7, 6.543]);
  });

  test("that ends shows its bill", async () => {
    let hasEnded = false;
    const view = await shown(session(RUNNING), {
      [`GET /api/v1/sessions/${ID}`]: () => session(hasEnded ? {} : RUNNING),
      [`GET /api/v1/sessions/${ID}/bills`]: () => ({ items: hasEnded ? [bill()] : [] }),
    });
    await screen.findByText("No bill yet");
    hasEnded = true;
    act(() =>
      view.picture.apply({
        type: "frame",
        updates: [],
        sessions: [liveSession({ status: "COMPLETED", ended_at: "2026-11-21T15:00:00Z" })],
      }),
    );
    await screen.findByRole("heading", { name: "Invoice no. 1545" });
  });
});

describe("the curves", () => {
  test("are there as a table too", async () => {
    await shown(session());
    await userEvent.click(await screen.findByText("Show as table"));
    const table = screen.getByRole("table", { name: "Curves of the session" });
    expect(within(table).getAllByRole("row")[2]?.textContent).toMatch(/09:00:10.*7\.00.kW.*230\.0.V/);
  });

  test("say that there are no readings", async () => {
    await shown(session(), {
      [`GET /api/v1/sessions/${ID}/readings`]: page([]),
      "GET /api/v1/evses/CP-1/telemetry": page([]),
    });
    await screen.findByText("No readings of this session");
  });

  test("of old sessions are made of averages, which are kept longer than readings", async () => {
    const bucket = { starts_at: "2026-11-21T14:00:00Z", power_avg_w: 5000, power_max_w: 6000 };
    await shown(session(), {
      [`GET /api/v1/sessions/${ID}/readings`]: page([]),
      "GET /api/v1/evses/CP-1/telemetry": page([bucket]),
    });
    await drawn([5], [6]);
    expect(screen.getByText(/averages of a quarter of an hour/)).toBeTruthy();
  });
});

describe("the bills", () => {
  beforeEach(() => {
    URL.createObjectURL = vi.fn(() => "blob:x");
    URL.revokeObjectURL = vi.fn();
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => undefined);
  });

  test("show lines, VAT and totals in the site's currency", async () => {
    await shown(session());
    const table = await screen.findByRole("table", { name: "Lines of invoice no. 1545" });
    expect(within(table).getAllByRole("row")[1]?.textContent).toMatch(
      /09:00:00.* – 10:00:00.*5\.40.kWhJMD.10\.00\/kWh.*1\.80.kWhJMD.50\.00\/kWh.*JMD.144\.00/,
    );
    expect(screen.getByText(/^VAT 15.%$/).nextElementSibling?.textContent).toMatch(/JMD.21\.60/);
    expect(screen.getByText("Total with VAT").nextElementSibling?.textContent).toMatch(/JMD.165\.60/);
  });

  test("stand in order: the invoice, the credit that takes it back, the new one", async () => {
    const first = bill();
    const credit = bill({
      id: "c",
      number: 1600,
      kind: "credit",
      credits_bill_id: first.id,
      total: "-144.0000",
    });
    const second = bill({ id: "s", number: 1601, revision: 2 });
    await shown(session(), { [`GET /api/v1/sessions/${ID}/bills`]: { items: [first, credit, second] } });
    await screen.findByRole("heading", { name: "Invoice no. 1545" });
    const titles = screen.getAllByRole("heading", { name: /no\./ }).map((heading) => heading.textContent);
    expect(titles).toEqual(["Invoice no. 1545", "Credit no. 1600", "Invoice no. 1601"]);
    expect(screen.getByText(/takes back invoice no. 1545/)).toBeTruthy();
    expect(screen.getAllByText("Taken back")).toHaveLength(1);
    expect(screen.getByText(/-JMD.144\.00/)).toBeTruthy();
  });

  test("are downloaded as PDF and as CDR", async () => {
    const view = await shown(session(), {
      [`GET /api/v1/bills/${bill().id}/pdf`]: () => new Response("%PDF"),
      [`GET /api/v1/bills/${bill().id}/cdr`]: () => new Response("{}"),
    });
    await userEvent.click(await screen.findByRole("button", { name: "PDF" }));
    await userEvent.click(screen.getByRole("button", { name: "CDR (JSON)" }));
    await waitFor(() =>
      expect(view.asked.map((each) => each.path)).toContain(`/api/v1/bills/${bill().id}/cdr`),
    );
    expect(view.asked.map((each) => each.path)).toContain(`/api/v1/bills/${bill().id}/pdf`);
  });

  test("are not asked for by who may not see them", async () => {
    const view = await shown(session(), {}, me(OPERATOR.filter((each) => each !== "bill:read")));
    await screen.findByText("End reason");
    expect(view.asked.some((each) => each.path.endsWith("/bills"))).toBe(false);
    expect(screen.queryByText("Bill")).toBeNull();
  });
});
