// The audit log.
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import type { AuditEntry } from "../src/api/types";
import Audit from "../src/views/admin/Audit";
import { changesOf, inOneLine } from "../src/views/admin/auditChanges";
import { actionInWords } from "../src/views/admin/auditWords";
import { page, problem, show } from "./page";

const ENTRY: AuditEntry = {
  id: 4711,
  at: "2026-11-21T07:00:00Z",
  actor_user_id: 1,
  actor_name: "admin",
  actor_api_key_id: 3,
  address: "192.0.2.7",
  request_id: "4f1c2d3e",
  action: "user.update",
  object_type: "user",
  object_id: "7",
  outcome: "done",
  before: { role: "user", email: "dora@example.org" },
  after: { role: "operator", email: null },
  detail: null,
};
const REFUSED: AuditEntry = {
  ...ENTRY,
  id: 4712,
  action: "access.refuse",
  object_type: "route",
  object_id: "GET /api/v1/sites",
  outcome: "refused",
  before: null,
  after: null,
  detail: "The role user may not do this.",
};

test("changes are said field by field, and nothing is not the same as not there", () => {
  const before = { role: "user", is_active: true };
  const after = { role: "operator", email: null };
  expect(changesOf({ before, after }, "UTC")).toEqual([
    { field: "role", before: "user", after: "operator" },
    { field: "is_active", before: "yes", after: null },
    { field: "email", before: null, after: "none" },
  ]);
  expect(changesOf({ before: null, after: null }, "UTC")).toEqual([]);
  expect(inOneLine(changesOf({ before, after }, "UTC"))).toBe(
    "role: user → operator, is_active: was yes, email: none",
  );
});

test("values are said as somebody reads them: lists, instants in the reader's zone, nothing", () => {
  const after = {
    scopes: ["evse:read", "stats:read"],
    none: [],
    revoked_at: "2026-11-21T17:23:42.101150+00:00",
    name: "",
    limits: { max: 1 },
    days: 30,
  };
  expect(changesOf({ before: null, after }, "America/Jamaica").map((change) => change.after)).toEqual([
    "evse:read, stats:read",
    "empty",
    expect.stringMatching(/12:23:42.*(GMT-5|EST)/),
    "empty",
    '{"max":1}',
    "30",
  ]);
});

test.each([
  ["user.update", "User changed"],
  ["api_key.revoke", "API key revoked"],
  ["evse.create", "Station made"],
  ["access.refuse", "Access refused"],
  ["password.ask_reset", "Password reset asked for"],
  ["fleet.paint_red", "Fleet paint red"],
])("an action is said in words: %s", (action, words) => {
  expect(actionInWords(action)).toBe(words);
});

test("one entry says who, from where, with which request, and what was and is", async () => {
  await show(<Audit params={{}} />, { answers: { "GET /api/v1/audit": page([ENTRY, REFUSED]) } });
  expect(await screen.findByText("role: user → operator, email: dora@example.org → none")).toBeTruthy();
  expect(screen.getByText("The role user may not do this.")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Details of entry 4711" }));
  const dialog = within(screen.getByRole("dialog", { name: "Entry 4711" }));
  for (const text of ["admin (user 1), with API key 3", "192.0.2.7", "4f1c2d3e", "user.update"])
    expect(dialog.getByText(text)).toBeTruthy();
  const row = dialog.getByText("email").closest("tr");
  expect(row?.textContent).toBe("emaildora@example.orgnone");
});

test("times are in the reader's own zone, which is named", async () => {
  await show(<Audit params={{}} />, { answers: { "GET /api/v1/audit": page([ENTRY]) } });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  expect(await screen.findByText(new RegExp(`times in ${zone}`))).toBeTruthy();
});

test("filters come from the address; an object's id counts with its type only", async () => {
  const { asked } = await show(<Audit params={{}} />, {
    at: "/admin/audit?actor=olivia&outcome=refused&object_id=7&range=today",
    answers: { "GET /api/v1/audit": page([]) },
  });
  expect(await screen.findByText(/Nothing like this/)).toBeTruthy();
  const query = Object.fromEntries(asked.find((one) => one.path === "/api/v1/audit")?.query ?? []);
  expect(query).toMatchObject({ actor: "olivia", outcome: "refused", sort: "-at" });
  expect(query).not.toHaveProperty("object_id");
  expect(Date.parse(query["date_to"] ?? "") - Date.parse(query["date_from"] ?? "")).toBe(86_400_000);
  await userEvent.click(screen.getByRole("button", { name: "Without filters" }));
  expect(window.location.search).toBe("?range=today");
});

test("the next page begins where the one before ended", async () => {
  const { asked } = await show(<Audit params={{}} />, {
    answers: {
      "GET /api/v1/audit": ({ query }: { query: URLSearchParams }) =>
        query.get("cursor") === "next" ? page([REFUSED]) : page([ENTRY], "next"),
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Show more" }));
  expect(await screen.findByText("Access refused")).toBeTruthy();
  expect(screen.getByText("User changed")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
  expect(asked.filter((one) => one.path === "/api/v1/audit")).toHaveLength(2);
});

test("the order is turned by the head of the column", async () => {
  const { asked } = await show(<Audit params={{}} />, { answers: { "GET /api/v1/audit": page([ENTRY]) } });
  await userEvent.click(await screen.findByRole("button", { name: /When/ }));
  await waitFor(() => expect(asked.at(-1)?.query.get("sort")).toBe("at"));
  expect(window.location.search).toBe("?sort=at");
});

test("a log that may not be read says so", async () => {
  await show(<Audit params={{}} />, {
    answers: { "GET /api/v1/audit": problem(403, "The role operator may not do this.") },
  });
  expect(await screen.findByText("You may not see this")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Try again" })).toBeNull();
});
