// Users, roles and API keys: who may do what to them, and what is said when the API refuses.
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import type { ApiKey, Login, Role, User } from "../src/api/types";
import ApiKeys from "../src/views/admin/ApiKeys";
import Roles from "../src/views/admin/Roles";
import Users from "../src/views/admin/Users";
import { ADMIN, type Answers, type Asked, DRIVER, me, OPERATOR, page, problem, show } from "./page";

const OLIVIA = me().user;
const DORA: User = {
  ...OLIVIA,
  id: 7,
  username: "dora",
  email: "dora@example.org",
  role: "user",
  id_token: "TAG003",
};

function role(name: string, permissions: string[], is_built_in = true): Role {
  return {
    name,
    description: `About ${name}.`,
    permissions,
    is_built_in,
    created_at: "2026-01-01T00:00:00Z",
  };
}

const ROLES = [
  role("accountant", ["account:read_own", "account:write_own", "bill:read"], false),
  role("admin", ADMIN),
  role("operator", OPERATOR),
  role("user", DRIVER),
];

const ANSWERS: Answers = {
  "GET /api/v1/users": page([OLIVIA, DORA]),
  "GET /api/v1/roles": page(ROLES),
  "GET /api/v1/api-keys": page([]),
  "GET /api/v1/public/config": {
    version: "0.1.0",
    registration: "invitation",
    can_reset_password: true,
    has_public_status: false,
  },
};

function showUsers(more: Answers = {}, options: { who?: ReturnType<typeof me>; at?: string } = {}) {
  return show(<Users params={{}} />, { at: "/admin/users", ...options, answers: { ...ANSWERS, ...more } });
}

function lastOf(asked: Asked[], method: string): Asked | undefined {
  return asked.filter((one) => one.method === method).at(-1);
}

test("users that cannot be loaded say why, and can be asked for again", async () => {
  let isAway = true;
  await showUsers({
    "GET /api/v1/users": () => (isAway ? problem(503, "The database cannot be reached.") : page([DORA])),
  });
  expect(await screen.findByText("The database cannot be reached.")).toBeTruthy();
  isAway = false;
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("dora@example.org")).toBeTruthy();
});

test("the filters are in the address, and are what the API is asked for", async () => {
  const { asked } = await showUsers({}, { at: "/admin/users?role=user&active=no&sort=-username" });
  await screen.findByText("dora");
  const query = lastOf(
    asked.filter((one) => one.path === "/api/v1/users"),
    "GET",
  )?.query;
  expect(Object.fromEntries(query ?? [])).toMatchObject({
    role: "user",
    is_active: "false",
    sort: "-username",
  });
  await userEvent.type(screen.getByLabelText("Search"), "do");
  await waitFor(() => expect(new URLSearchParams(window.location.search).get("q")).toBe("do"));
  expect(asked.filter((one) => one.query.get("q") === "d")).toEqual([]);
});

test("no user like that: the filters can be taken away", async () => {
  await showUsers({ "GET /api/v1/users": page([]) }, { at: "/admin/users?q=nobody" });
  await userEvent.click(await screen.findByRole("button", { name: "Show all users" }));
  expect(window.location.search).toBe("");
  expect(await screen.findByText("There are no users.")).toBeTruthy();
});

test("who may only see users is offered no change", async () => {
  await showUsers({}, { who: me(["user:read"]) });
  await screen.findByText("dora");
  expect(screen.getByRole("button", { name: "Logins of dora" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: /Add user|Invite|Change|Delete/ })).toBeNull();
});

test("nobody is invited by mail where no mail is sent", async () => {
  const config = { version: "0.1.0", registration: "invitation", can_reset_password: false };
  const { asked } = await showUsers({ "GET /api/v1/public/config": config });
  await screen.findByText("dora");
  await waitFor(() => expect(asked.map((one) => one.path)).toContain("/api/v1/public/config"));
  expect(screen.queryByRole("button", { name: "Invite by mail" })).toBeNull();
  expect(screen.getByRole("button", { name: "Add user" })).toBeTruthy();
});

test("a user is added with what was typed; what was left empty is none", async () => {
  const { asked } = await showUsers({ "POST /api/v1/users": DORA });
  await userEvent.click(await screen.findByRole("button", { name: "Add user" }));
  const dialog = within(screen.getByRole("dialog"));
  await userEvent.type(dialog.getByLabelText("Username"), "dora");
  await userEvent.type(dialog.getByLabelText("First password"), "long enough");
  await userEvent.selectOptions(dialog.getByLabelText("Role"), "user");
  await userEvent.click(dialog.getByRole("button", { name: "Add user" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(lastOf(asked, "POST")?.body).toEqual({
    username: "dora",
    password: "long enough",
    role: "user",
    email: null,
    id_token: null,
  });
  expect(screen.getByText("dora is a user now.")).toBeTruthy();
});

test("a role that allows more than the own one cannot be chosen", async () => {
  await showUsers({}, { who: me([...OPERATOR, "user:read", "user:write", "role:read"]) });
  await userEvent.click(await screen.findByRole("button", { name: "Add user" }));
  const option = await screen.findByRole<HTMLOptionElement>("option", {
    name: "admin (may do more than you)",
  });
  expect(option.disabled).toBe(true);
});

test("only what changes of a user is sent", async () => {
  const { asked } = await showUsers({ "PATCH /api/v1/users/7": DORA });
  await userEvent.click(await screen.findByRole("button", { name: "Change dora" }));
  const dialog = within(screen.getByRole("dialog"));
  await userEvent.clear(dialog.getByLabelText(/Mail address/));
  await userEvent.click(dialog.getByLabelText("Active"));
  await userEvent.click(dialog.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(lastOf(asked, "PATCH")?.body).toEqual({ email: null, is_active: false });
});

test("the last admin stays: the refusal is said beside the role", async () => {
  await showUsers({
    "PATCH /api/v1/users/1": problem(409, "Nobody could administer the users any more.", [
      { field: "role", message: "the last active admin stays" },
    ]),
  });
  await userEvent.click(await screen.findByRole("button", { name: "Change olivia" }));
  const dialog = within(screen.getByRole("dialog"));
  expect(dialog.getByText(/your own account/)).toBeTruthy();
  await userEvent.selectOptions(await dialog.findByLabelText("Role"), "operator");
  await userEvent.click(dialog.getByRole("button", { name: "Save" }));
  expect((await dialog.findByRole("alert")).textContent).toContain("Nobody could administer the users");
  expect(dialog.getByLabelText("Role").getAttribute("aria-invalid")).toBe("true");
});

test("a deletion says what goes and what stays, and a refusal is shown", async () => {
  const { asked } = await showUsers({
    "DELETE /api/v1/users/7": problem(403, "This needs permissions that you do not have: audit:read."),
  });
  await userEvent.click(await screen.findByRole("button", { name: "Delete dora" }));
  const dialog = within(screen.getByRole("dialog", { name: "Delete dora?" }));
  expect(dialog.getByText(/Sessions and bills stay/)).toBeTruthy();
  expect(lastOf(asked, "DELETE")).toBeUndefined();
  await userEvent.click(dialog.getByRole("button", { name: "Delete user" }));
  expect((await dialog.findByRole("alert")).textContent).toContain("permissions that you do not have");
});

test("all logins of a user end after a question, one by one", async () => {
  const login = (id: string): Login => ({
    id,
    created_at: "2026-11-20T07:00:00Z",
    last_used_at: "2026-11-21T07:00:00Z",
    expires_at: "2026-12-20T07:00:00Z",
    address: "203.0.113.7",
    user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    ended_at: null,
    end_reason: null,
    is_current: false,
  });
  const { asked } = await showUsers({
    "GET /api/v1/users/7/logins": page([login("a"), login("b")]),
    "DELETE /api/v1/users/7/logins/a": undefined,
    "DELETE /api/v1/users/7/logins/b": undefined,
  });
  await userEvent.click(await screen.findByRole("button", { name: "Logins of dora" }));
  expect(await screen.findAllByText(/Firefox 145 on Linux/)).toHaveLength(2);
  await userEvent.click(screen.getByRole("button", { name: "End these 2 logins" }));
  expect(lastOf(asked, "DELETE")).toBeUndefined();
  await userEvent.click(screen.getByRole("button", { name: "End logins" }));
  expect(await screen.findByText("2 logins have ended.")).toBeTruthy();
  expect(asked.filter((one) => one.method === "DELETE").map((one) => one.path)).toEqual([
    "/api/v1/users/7/logins/a",
    "/api/v1/users/7/logins/b",
  ]);
});

function showRoles(more: Answers = {}, who = me()) {
  return show(<Roles params={{}} />, { at: "/admin/roles", who, answers: { ...ANSWERS, ...more } });
}

test("built-in roles are read, own ones are changed", async () => {
  await showRoles();
  expect(await screen.findByRole("button", { name: "Change accountant" })).toBeTruthy();
  expect(screen.getByRole("button", { name: "Delete accountant" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Change admin" })).toBeNull();
  expect(screen.getAllByText("See all bills.").length).toBeGreaterThan(0);
});

test("a role that allows more than the own one is not offered for change", async () => {
  await showRoles({}, me(["role:read", "role:write", "account:read_own", "account:write_own"]));
  await screen.findByRole("heading", { name: "accountant" });
  expect(screen.queryByRole("button", { name: "Change accountant" })).toBeNull();
});

test("a role is made of own permissions, beginning with those that people need", async () => {
  const { asked } = await showRoles(
    { "POST /api/v1/roles": ROLES[0] },
    me(["role:read", "role:write", "account:read_own", "account:write_own", "bill:read"]),
  );
  await userEvent.click(await screen.findByRole("button", { name: "Make a role" }));
  const dialog = within(screen.getByRole("dialog"));
  expect(dialog.queryByLabelText("Read the audit log.")).toBeNull();
  await userEvent.type(dialog.getByLabelText("Name"), "Clerk");
  await userEvent.click(dialog.getByLabelText("See the bills of own sessions."));
  await userEvent.click(dialog.getByRole("button", { name: "Make role" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(lastOf(asked, "POST")?.body).toEqual({
    name: "clerk",
    description: "",
    permissions: ["account:read_own", "account:write_own", "bill:read_own"],
  });
});

test("a role that somebody has is not deleted, and it is said why", async () => {
  await showRoles({
    "DELETE /api/v1/roles/accountant": problem(409, "The role cannot be removed as things are.", [
      { field: "role_name", message: "users or invitations have this role" },
    ]),
  });
  await userEvent.click(await screen.findByRole("button", { name: "Delete accountant" }));
  await userEvent.click(screen.getByRole("button", { name: "Delete role" }));
  expect((await screen.findByRole("alert")).textContent).toContain("users or invitations have this role");
});

const KEY: ApiKey = {
  id: 3,
  name: "Grafana",
  prefix: "srk_abcd1234",
  user_id: 7,
  username: "dora",
  scopes: ["stats:read"],
  created_at: "2026-01-01T00:00:00Z",
  expires_at: "2999-01-01T00:00:00Z",
  last_used_at: null,
  revoked_at: null,
};

test("a key is shown once, and is gone with the dialog", async () => {
  const { asked } = await show(<ApiKeys params={{}} />, {
    who: me(["api_key:read", "account:write_own", "stats:read"]),
    answers: { ...ANSWERS, "POST /api/v1/api-keys": { api_key: KEY, secret: "srk_abcd1234_the_whole" } },
  });
  expect(await screen.findByText("No key holds at the moment.")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Make a key" }));
  const make = screen.getByRole<HTMLButtonElement>("button", { name: "Make key" });
  expect(make.disabled).toBe(true);
  expect(screen.queryByLabelText("Read the audit log.")).toBeNull();
  await userEvent.type(screen.getByLabelText("Name"), "Grafana");
  await userEvent.click(screen.getByLabelText("See sums and rates over sites and periods."));
  const beforeMs = Date.now();
  await userEvent.click(make);
  const secret = await screen.findByLabelText<HTMLInputElement>("API key");
  expect(secret.value).toBe("srk_abcd1234_the_whole");
  expect(screen.getByRole("alert").textContent).toContain("Copy it now.");
  const body = lastOf(asked, "POST")?.body as { name: string; scopes: string[]; expires_at: string };
  expect(body).toMatchObject({ name: "Grafana", scopes: ["stats:read"] });
  expect(Math.round((Date.parse(body.expires_at) - beforeMs) / 86_400_000)).toBe(90);
  await userEvent.click(screen.getByRole("button", { name: "I have it" }));
  expect(screen.queryByDisplayValue("srk_abcd1234_the_whole")).toBeNull();
});

test("a key is revoked after a question; one that is revoked, or has expired, is so no more", async () => {
  const { asked } = await show(<ApiKeys params={{}} />, {
    answers: {
      ...ANSWERS,
      "GET /api/v1/api-keys": page([
        KEY,
        { ...KEY, id: 4, name: "Old", expires_at: "2026-01-02T00:00:00Z" },
        { ...KEY, id: 5, name: "Leaked", revoked_at: "2026-01-02T00:00:00Z" },
      ]),
      "DELETE /api/v1/api-keys/3": undefined,
    },
  });
  expect(await screen.findByText("Expired")).toBeTruthy();
  expect(screen.getByText("Revoked")).toBeTruthy();
  expect(screen.getAllByRole("button", { name: /^Revoke/ })).toHaveLength(1);
  await userEvent.click(screen.getByRole("button", { name: "Revoke Grafana" }));
  expect(lastOf(asked, "DELETE")).toBeUndefined();
  await userEvent.click(screen.getByRole("button", { name: "Revoke" }));
  await waitFor(() => expect(lastOf(asked, "DELETE")?.path).toBe("/api/v1/api-keys/3"));
});
