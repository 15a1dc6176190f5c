// A driver's own page: what runs, starting and stopping, what was charged before.
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import type { LiveConnector } from "../src/live/protocol";
import MyCharging from "../src/views/driver/MyCharging";
import { type Answers, type Asked, DRIVER, me, page, problem, type Shown, show } from "./page";
import { bill, liveSession, RUNNING, session, TARIFF, TOTALS } from "./sessionsData";

const driver = me(DRIVER, { username: "dora", role: "user", id_token: "TAG1" });

function station(evse_uid: string, status: string) {
  return {
    evse_uid,
    name: null,
    site_id: 1,
    site_name: "Ocho Rios",
    timezone: "America/Jamaica",
    is_online: true,
    connectors: [{ connector_id: 1, status }],
  };
}

function command(changed: object = {}) {
  return {
    id: "0c0b8b1e-6f4f-4c53-8f57-3f1d2f6c1b9e",
    evse_uid: "CP-1",
    site_id: 1,
    connector_id: 1,
    command: "stop" as const,
    params: {},
    status: "pending" as const,
    detail: null,
    requested_by: "dora",
    requested_by_user_id: 1,
    created_at: "2026-11-21T14:30:00Z",
    expires_at: "2026-11-21T14:30:30Z",
    sent_at: null,
    answered_at: null,
    finished_at: null,
    ...changed,
  };
}

async function shown(running: boolean, more: Answers = {}, who = driver): Promise<Shown> {
  return show(<MyCharging params={{}} />, {
    who,
    at: "/my",
    answers: {
      "GET /api/v1/evse-status": page([station("CP-1", "charging"), station("CP-2", "available")]),
      "GET /api/v1/sessions": ({ query }: Asked) =>
        page(query.get("status") !== "ACTIVE" ? [session()] : running ? [session(RUNNING)] : []),
      "GET /api/v1/sessions/totals": TOTALS,
      "GET /api/v1/tariffs/1": TARIFF,
      ...more,
    },
  });
}

function connector(changed: Partial<LiveConnector> = {}): LiveConnector {
  return {
    evse_uid: "CP-1",
    site_id: 1,
    connector_id: 1,
    is_online: true,
    status: "charging",
    ts: "2026-11-21T14:30:00Z",
    power_w: 7123,
    session: liveSession(),
    ...changed,
  };
}

describe("without a token", () => {
  test("the page says whom to ask, and asks for nothing", async () => {
    const view = await shown(false, {}, me(DRIVER, { id_token: null }));
    expect(screen.getByText("You have no charging token yet")).toBeTruthy();
    expect(screen.getByText(/Ask your operator/)).toBeTruthy();
    expect(view.asked.filter((each) => each.path.startsWith("/api/v1/sessions"))).toEqual([]);
  });
});

describe("the running session", () => {
  test("shows power, energy and cost with VAT, and goes on live", async () => {
    const view = await shown(true);
    await screen.findByRole("heading", { name: "Charging at CP-1" });
    act(() =>
      view.picture.apply({
        type: "frame",
        updates: [connector({ session: liveSession({ energy_wh: 9000, cost: "200.0000" }) })],
      }),
    );
    const figure = (name: string) => screen.getAllByText(name)[0]?.nextElementSibling?.textContent;
    await waitFor(() => expect(figure("Power")).toMatch(/7\.12.kW/));
    expect(figure("Energy")).toMatch(/9\.00.kWh/);
    expect(figure("Cost so far, with VAT")).toMatch(/JMD.230\.00/);
    expect(screen.queryByText(/Start charging at a free station/)).toBeNull();
  });

  test("is stopped after a confirmation, and no later one in its place; the end is announced", async () => {
    const view = await shown(true, {
      "POST /api/v1/commands": command(),
      [`GET /api/v1/commands/${command().id}`]: command(),
    });
    await userEvent.click(await screen.findByRole("button", { name: "Stop charging" }));
    const dialog = screen.getByRole("dialog", { name: "Stop charging?" });
    expect(dialog.textContent).toMatch(/ends and is billed/);
    expect(view.asked.some((each) => each.method === "POST")).toBe(false);
    await userEvent.click(within(dialog).getByRole("button", { name: "Stop charging" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    const posted = view.asked.find((each) => each.method === "POST");
    expect(posted?.body).toMatchObject({
      command: "stop",
      evse_uid: "CP-1",
      connector_id: 1,
      params: { session_id: session().id },
    });
    expect(posted?.headers.get("Idempotency-Key")).toMatch(/./);
    await screen.findByRole("heading", { name: "Under way" });
    expect(screen.getByRole("button", { name: "Stop charging" })).toHaveProperty("disabled", true);
    const { params: _, ...live } = command({ status: "completed", finished_at: "2026-11-21T14:30:05Z" });
    act(() => view.picture.apply({ type: "frame", updates: [], commands: [live] }));
    await screen.findByText("Stop charging: The station did it.");
    expect(screen.queryByRole("heading", { name: "Under way" })).toBeNull();
  });

  test("that is paused can be resumed", async () => {
    const view = await shown(true);
    await screen.findByRole("button", { name: "Pause" });
    act(() => view.picture.apply({ type: "frame", updates: [connector({ status: "suspendedevse" })] }));
    await screen.findByRole("button", { name: "Resume" });
    expect(screen.queryByRole("button", { name: "Pause" })).toBeNull();
  });

  test("of an offline station cannot be told anything, and that is said", async () => {
    const view = await shown(true);
    await screen.findByRole("button", { name: "Pause" });
    act(() => view.picture.apply({ type: "frame", updates: [connector({ is_online: false })] }));
    await screen.findByText(/station is offline/);
    expect(screen.getByRole("button", { name: "Stop charging" })).toHaveProperty("disabled", true);
  });

  test("of somebody else does not appear", async () => {
    const view = await shown(false);
    await screen.findByText("You are not charging.");
    const count = view.asked.length;
    act(() =>
      view.picture.apply({ type: "frame", updates: [], sessions: [liveSession({ id_token: "TAG9" })] }),
    );
    expect(view.asked).toHaveLength(count);
  });
});

describe("starting", () => {
  test("is offered at free stations only, and is for the own token", async () => {
    const view = await shown(false, {
      "POST /api/v1/commands": command({ command: "start", evse_uid: "CP-2" }),
      [`GET /api/v1/commands/${command().id}`]: command({ command: "start", evse_uid: "CP-2" }),
    });
    await userEvent.click(await screen.findByRole("button", { name: "Start charging at CP-2" }));
    expect(screen.queryByRole("button", { name: "Start charging at CP-1" })).toBeNull();
    const dialog = screen.getByRole("dialog", { name: "Start charging?" });
    await userEvent.click(within(dialog).getByRole("button", { name: "Start charging" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(view.asked.find((each) => each.method === "POST")?.body).toMatchObject({
      command: "start",
      evse_uid: "CP-2",
      connector_id: 1,
      params: { id_token: "TAG1" },
    });
  });

  test("that is refused says why, and may be tried again", async () => {
    await shown(false, { "POST /api/v1/commands": problem(409, "The connector is in use.") });
    await userEvent.click(await screen.findByRole("button", { name: "Start charging at CP-2" }));
    const dialog = screen.getByRole("dialog");
    await userEvent.click(within(dialog).getByRole("button", { name: "Start charging" }));
    expect((await within(dialog).findByRole("alert")).textContent).toMatch(/in use/);
  });

  test("is not offered to who may not", async () => {
    await shown(
      false,
      {},
      me(
        DRIVER.filter((each) => each !== "evse:control_own"),
        { id_token: "TAG1" },
      ),
    );
    await screen.findByText("You are not charging.");
    expect(screen.queryByRole("button", { name: /Start charging/ })).toBeNull();
  });

  test("shows the session when it has begun", async () => {
    let hasBegun = false;
    const view = await shown(false, {
      "GET /api/v1/sessions": ({ query }: Asked) =>
        page(query.get("status") === "ACTIVE" && hasBegun ? [session(RUNNING)] : []),
    });
    await screen.findByText("You are not charging.");
    hasBegun = true;
    act(() => view.picture.apply({ type: "frame", updates: [], sessions: [liveSession()] }));
    await screen.findByRole("heading", { name: "Charging at CP-1" });
  });
});

describe("what was charged before", () => {
  test("is asked for by the own token, in days of the sites' zone", async () => {
    const view = await shown(false);
    await screen.findByRole("table", { name: "My sessions" });
    const totals = view.asked.find((each) => each.path === "/api/v1/sessions/totals");
    expect(totals?.query.get("id_token")).toBe("TAG1");
    expect(totals?.query.get("date_from")).toMatch(/T05:00:00.000Z$/); // midnight in Jamaica
  });

  test("has the newest invoice as PDF", async () => {
    URL.createObjectURL = vi.fn(() => "blob:x");
    URL.revokeObjectURL = vi.fn();
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => undefined);
    const bills = [bill({ id: "one" }), bill({ id: "two", kind: "credit" }), bill({ id: "three" })];
    const view = await shown(false, {
      [`GET /api/v1/sessions/${session().id}/bills`]: { items: bills },
      "GET /api/v1/bills/three/pdf": () => new Response("%PDF"),
    });
    await userEvent.click(await screen.findByRole("button", { name: "PDF of the session of 2026-11-21" }));
    await waitFor(() => expect(view.asked.map((each) => each.path)).toContain("/api/v1/bills/three/pdf"));
  });

  test("says when there is nothing", async () => {
    await shown(false, { "GET /api/v1/sessions": page([]) });
    await screen.findByText("You charged nothing in this time");
  });

  test("says why it cannot be shown", async () => {
    await shown(false, { "GET /api/v1/sessions": problem(503, "The database cannot be reached.") });
    expect((await screen.findAllByText("The database cannot be reached.")).length).toBeGreaterThan(0);
  });
});
