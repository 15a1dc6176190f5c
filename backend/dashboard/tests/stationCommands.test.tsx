// Commands to a station: who may ask, what is asked for, how far it is.
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import type { Command } from "../src/api/types";
import type { LiveConnector } from "../src/live/protocol";
import Station from "../src/views/station/Station";
import { type Answers, me, OPERATOR, page, problem, type Shown, show } from "./page";
import { command, evse, liveConnector, liveSession, QUIET } from "./stationRows";

// The whole page is drawn: that takes a while on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

async function open(
  answers: Answers = {},
  update: Partial<LiveConnector> = { session: liveSession() },
  permissions = OPERATOR,
): Promise<Shown> {
  const shown = await show(<Station params={{ evse_uid: "CP-1" }} />, {
    who: me(permissions),
    answers: { ...QUIET, ...answers },
    at: "/stations/CP-1",
  });
  await screen.findByRole("heading", { name: "Car park", level: 1 });
  act(() => shown.picture.replace({ type: "snapshot", updates: [liveConnector(update)] }));
  return shown;
}

const posted = (shown: Shown) =>
  shown.asked.filter(({ method, path }) => method === "POST" && path === "/api/v1/commands");

function tell(shown: Shown, changed: Command): void {
  const { params: _, ...told } = changed;
  act(() => shown.picture.apply({ type: "frame", updates: [], commands: [told] }));
}

test("who may not control stations sees no buttons for it", async () => {
  await open(
    {},
    {},
    OPERATOR.filter((permission) => permission !== "evse:control"),
  );
  await screen.findByText("Recent commands");
  expect(screen.queryByRole("button", { name: "Stop" })).toBeNull();
});

test("what makes no sense now cannot be pressed, and why is said", async () => {
  await open({}, { status: "available", session: null });
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "Stop" }).disabled).toBe(true);
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "Start" }).disabled).toBe(false);
  screen.getByText("Stop, Pause, Resume: no session is running.");
});

test("stop asks first, and stops the session that ran then", async () => {
  const shown = await open({ "POST /api/v1/commands": command({ command: "stop", params: {} }) });
  await userEvent.click(screen.getByRole("button", { name: "Stop" }));
  const dialog = await screen.findByRole("dialog", { name: "Stop charging" });
  expect(dialog.textContent).toContain("Connector 1 of Car park");
  expect(posted(shown)).toEqual([]);
  // Another session begins meanwhile: it is not meant.
  act(() =>
    shown.picture.apply({
      type: "frame",
      updates: [liveConnector({ session: liveSession({ id: "11111111-1111-4111-8111-111111111111" }) })],
    }),
  );
  await userEvent.click(within(dialog).getByRole("button", { name: "Stop charging" }));
  expect(posted(shown)[0]?.body).toMatchObject({
    evse_uid: "CP-1",
    command: "stop",
    params: { session_id: liveSession().id },
  });
});

test("a request that is sent again has its key, one that was changed another", async () => {
  let count = 0;
  const shown = await open({
    "POST /api/v1/commands": () => {
      count += 1;
      if (count === 1) return problem(503, "The database cannot be reached.");
      if (count === 2)
        return problem(422, "The request is not valid.", [
          { field: "set_current_limit.params.limit_a", message: "0, or 6 to 80" },
        ]);
      return command();
    },
  });
  await userEvent.click(screen.getByRole("button", { name: "Limit current" }));
  const dialog = await screen.findByRole("dialog");
  const limit = within(dialog).getByLabelText("Limit of each phase, in A");
  await userEvent.type(limit, "3");
  await userEvent.click(within(dialog).getByRole("button", { name: "Set limit" }));
  await within(dialog).findByText("The database cannot be reached.");
  await userEvent.click(within(dialog).getByRole("button", { name: "Set limit" }));
  await waitFor(() => expect(limit.getAttribute("aria-invalid")).toBe("true"));
  await userEvent.clear(limit);
  await userEvent.type(limit, "10");
  await userEvent.click(within(dialog).getByRole("button", { name: "Set limit" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  const keys = posted(shown).map(({ headers }) => headers.get("Idempotency-Key"));
  expect(keys[0]).toBeTruthy();
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[0]);
  expect(posted(shown)[2]?.body).toMatchObject({ command: "set_current_limit", params: { limit_a: 10 } });
});

test("an offline station is sent nothing, unless it is said that the command waits for it", async () => {
  const offline = evse({ is_online: false });
  const shown = await open(
    { "GET /api/v1/evses/CP-1": offline, "POST /api/v1/commands": command({ command: "reset" }) },
    { is_online: false },
  );
  await userEvent.click(screen.getByRole("button", { name: "Reset" }));
  const dialog = await screen.findByRole("dialog");
  const send = within(dialog).getByRole<HTMLButtonElement>("button", { name: "Reset station" });
  expect(send.disabled).toBe(true);
  await userEvent.click(within(dialog).getByLabelText("Send it when the station is back"));
  const wait = within(dialog).getByLabelText<HTMLSelectElement>("Wait for it");
  expect([...wait.options].map(({ text }) => text)).toEqual(["2 minutes", "10 minutes", "1 hour"]);
  expect(wait.selectedOptions[0]?.text).toBe("10 minutes");
  await userEvent.selectOptions(wait, "1 hour");
  await userEvent.click(send);
  expect(posted(shown)[0]?.body).toEqual({
    evse_uid: "CP-1",
    command: "reset",
    params: { kind: "soft" },
    queue_if_offline: true,
    timeout_s: 3600,
  });
});

test("a command is followed live from step to step, and its end is told", async () => {
  const shown = await open({ "POST /api/v1/commands": command() });
  await userEvent.click(screen.getByRole("button", { name: "Limit current" }));
  await userEvent.type(screen.getByLabelText("Limit of each phase, in A"), "10");
  await userEvent.click(screen.getByRole("button", { name: "Set limit" }));
  const under = await screen.findByRole("list", { name: "Commands under way" });
  expect(under.textContent).toContain("Limit current to 10 A");
  expect(under.textContent).toMatch(/It has not left us yet\. \d+\ss left/);
  tell(shown, command({ status: "sent", sent_at: "2026-11-21T17:00:01Z" }));
  expect(within(under).getByText(/^Sent/).textContent).toContain("done");
  expect(under.textContent).toContain("Limit current to 10 A");
  tell(
    shown,
    command({
      status: "rejected",
      detail: "Below the minimum",
      sent_at: "2026-11-21T17:00:01Z",
      answered_at: "2026-11-21T17:00:02Z",
      finished_at: "2026-11-21T17:00:02Z",
    }),
  );
  expect(screen.queryByRole("list", { name: "Commands under way" })).toBeNull();
  await screen.findByText("Limit current to 10 A: The station refused: Below the minimum");
});

test("a command that an offline station does not have yet waits for it, and says until when", async () => {
  const waiting = command({
    command: "reset",
    status: "sent",
    sent_at: "2026-11-21T17:00:01Z",
    expires_at: "2026-11-21T18:00:00Z",
  });
  const shown = await open(
    { "GET /api/v1/evses/CP-1": evse({ is_online: false }), "GET /api/v1/commands": page([waiting]) },
    { is_online: false },
  );
  const under = await screen.findByRole("list", { name: "Commands under way" });
  expect(under.textContent).toMatch(/offline.*if it is back by .*1:00:00.*(EST|GMT-5).*cannot be taken back/);
  within(under).getByText(/^Station is back/);
  expect(within(under).queryByText(/has not answered/)).toBeNull();
  act(() => shown.picture.apply({ type: "frame", updates: [liveConnector()] }));
  await within(under).findByText(/The station has not answered yet/);
});

test("who may not see sessions is not told that none runs, and may ask for everything", async () => {
  await open({}, { status: "charging", session: null }, ["evse:read", "evse:control", "live:subscribe"]);
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "Stop" }).disabled).toBe(false);
  expect(screen.queryByText(/no session is running/i)).toBeNull();
});

test("who may not see commands is told so, and not shown one that never gets on", async () => {
  const shown = await open(
    { "POST /api/v1/commands": command({ command: "reset", params: { kind: "soft" } }) },
    {},
    ["evse:read", "evse:control", "live:subscribe"],
  );
  await userEvent.click(screen.getByRole("button", { name: "Reset" }));
  await userEvent.click(await screen.findByRole("button", { name: "Reset station" }));
  await screen.findByText(/may not see what becomes of it/);
  expect(posted(shown)).toHaveLength(1);
  expect(screen.queryByRole("list", { name: "Commands under way" })).toBeNull();
});

test("a command can be taken back while it has not left us, and not after", async () => {
  const cancelled = command({ status: "cancelled", finished_at: "2026-11-21T17:00:03Z" });
  const shown = await open({
    "GET /api/v1/commands": page([command()]),
    [`POST /api/v1/commands/${command().id}/cancel`]: cancelled,
  });
  await screen.findByRole("button", { name: "Cancel it" });
  tell(shown, command({ status: "sent" }));
  expect(screen.queryByRole("button", { name: "Cancel it" })).toBeNull();
});

test("what was taken back is under way no more, also before it is told live", async () => {
  const cancelled = command({ status: "cancelled", finished_at: "2026-11-21T17:00:03Z" });
  await open({
    "GET /api/v1/commands": page([command()]),
    [`POST /api/v1/commands/${command().id}/cancel`]: cancelled,
  });
  await userEvent.click(await screen.findByRole("button", { name: "Cancel it" }));
  await waitFor(() => expect(screen.queryByRole("list", { name: "Commands under way" })).toBeNull());
});

test("recent commands say who asked for what, and what became of it", async () => {
  await open({
    "GET /api/v1/commands": page([
      command({ status: "timed_out", requested_by: "otto", finished_at: "2026-11-21T17:00:35Z" }),
    ]),
  });
  await userEvent.click(screen.getByText("Recent commands"));
  const table = await screen.findByRole("table", { name: "Recent commands" });
  expect(table.textContent).toContain("Limit current to 10 A");
  expect(table.textContent).toContain("by otto");
  expect(table.textContent).toContain("it may have done it");
});
