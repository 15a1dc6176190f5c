// The own account.
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import type { Login } from "../src/api/types";
import Account from "../src/views/account/Account";
import { type Answers, DRIVER, me, page, problem, show } from "./page";

function login(changes: Partial<Login>): Login {
  return {
    id: "a",
    created_at: "2026-11-20T07:00:00Z",
    last_used_at: "2026-11-21T07:00:00Z",
    expires_at: "2026-12-20T07:00:00Z",
    address: "203.0.113.7",
    user_agent: "curl/8.0",
    ended_at: null,
    end_reason: null,
    is_current: false,
    ...changes,
  };
}

function showAccount(more: Answers = {}, who = me(DRIVER, { role: "user" }), at = "/account") {
  return show(<Account params={{}} />, {
    who,
    at,
    answers: { "GET /api/v1/auth/logins": page([]), "GET /api/v1/api-keys": page([]), ...more },
  });
}

test("what the role allows is said in words, also to who may not read roles", async () => {
  const { asked } = await showAccount();
  expect(screen.getByText("See the sessions of the own id_token.")).toBeTruthy();
  expect(screen.queryByText("See all sessions.")).toBeNull();
  await screen.findByText("You have no API keys.");
  expect(asked.map((one) => one.path)).not.toContain("/api/v1/permissions");
});

test("what somebody does not have is said as none, with what follows from it", async () => {
  await showAccount();
  expect(screen.getByText(/no sessions are yours/)).toBeTruthy();
  expect(screen.getByText(/a forgotten password cannot be reset by mail/)).toBeTruthy();
});

test("the login that asks is marked and has no button, the others can be ended", async () => {
  const { asked } = await showAccount({
    "GET /api/v1/auth/logins": page([
      login({ id: "mine", is_current: true, user_agent: null }),
      login({ id: "other" }),
    ]),
    "DELETE /api/v1/auth/logins/other": undefined,
  });
  const marked = (await screen.findByText("This one")).closest("tr");
  expect(marked && within(marked).queryByRole("button")).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: "End the login of curl/8.0, 203.0.113.7" }));
  await userEvent.click(screen.getByRole("button", { name: "End login" }));
  expect(await screen.findByText("The login has ended.")).toBeTruthy();
  expect(asked.filter((one) => one.method === "DELETE").map((one) => one.path)).toEqual([
    "/api/v1/auth/logins/other",
  ]);
});

test("only logins that hold are shown, until the ended ones are asked for in the address", async () => {
  const { asked } = await showAccount({
    "GET /api/v1/auth/logins": page([login({ ended_at: "2026-11-21T08:00:00Z", end_reason: "reuse" })]),
  });
  await waitFor(() =>
    expect(asked.find((one) => one.path.endsWith("/logins"))?.query.get("is_active")).toBe("true"),
  );
  await userEvent.click(screen.getByRole("button", { name: "Ended too" }));
  expect(window.location.search).toBe("?logins=all");
  expect(await screen.findByText(/it may have been stolen/)).toBeTruthy();
  expect(
    asked
      .filter((one) => one.path.endsWith("/logins"))
      .at(-1)
      ?.query.get("is_active"),
  ).toBeNull();
});

test("own keys are asked for by the own id: an admin sees those of others elsewhere", async () => {
  const { asked } = await showAccount({}, me());
  await screen.findByText("You have no API keys.");
  expect(asked.find((one) => one.path === "/api/v1/api-keys")?.query.get("user_id")).toBe("1");
});

test("the password is changed with the present one; a wrong one is said beside its field", async () => {
  let isWrong = true;
  const { asked } = await showAccount({
    "POST /api/v1/auth/password": () =>
      isWrong
        ? problem(422, "The request is not valid.", [{ field: "current_password", message: "is wrong" }])
        : undefined,
  });
  await userEvent.click(screen.getByRole("button", { name: "Change password" }));
  const dialog = within(screen.getByRole("dialog"));
  await userEvent.type(dialog.getByLabelText("Present password"), "wrong");
  await userEvent.type(dialog.getByLabelText("New password"), "long enough");
  await userEvent.click(dialog.getByRole("button", { name: "Change password" }));
  await waitFor(() =>
    expect(dialog.getByLabelText("Present password").getAttribute("aria-invalid")).toBe("true"),
  );
  isWrong = false;
  await userEvent.click(dialog.getByRole("button", { name: "Change password" }));
  expect(await screen.findByText(/The password is changed/)).toBeTruthy();
  expect(asked.filter((one) => one.method === "POST").at(-1)?.body).toEqual({
    current_password: "wrong",
    new_password: "long enough",
  });
});

test("who may not change the own account is offered nothing of it", async () => {
  await showAccount({ "GET /api/v1/auth/logins": page([login({})]) }, me(["account:read_own"]));
  await screen.findByText("curl/8.0");
  expect(screen.queryByRole("button", { name: /Change password|Make a key|^End (the|these)/ })).toBeNull();
});

test("the colours are chosen here, and kept in this browser", async () => {
  await showAccount();
  await userEvent.click(screen.getByRole("button", { name: "Dark" }));
  expect(document.documentElement.dataset["theme"]).toBe("dark");
  expect(localStorage.getItem("solarrally.theme")).toBe("dark");
  await userEvent.click(screen.getByRole("button", { name: "As the system" }));
  expect(document.documentElement.dataset["theme"]).toBeUndefined();
});

test("logins and keys that cannot be loaded leave the rest of the account", async () => {
  await showAccount({
    "GET /api/v1/auth/logins": problem(503, "No database."),
    "GET /api/v1/api-keys": problem(503, "No database."),
  });
  await waitFor(() => expect(screen.getAllByText("No database.")).toHaveLength(2));
  expect(screen.getByRole("button", { name: "Change password" })).toBeTruthy();
});
