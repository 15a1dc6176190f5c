// The pages before a login.
import { act, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import { App } from "../src/app";
import AcceptInvitation from "../src/views/login/AcceptInvitation";
import ForgotPassword from "../src/views/login/ForgotPassword";
import { LoginPage } from "../src/views/login/LoginPage";
import Register from "../src/views/login/Register";
import ResetPassword from "../src/views/login/ResetPassword";
import { type Answers, me, page, problem, show } from "./page";

const CONFIG = {
  version: "0.1.0",
  registration: "invitation",
  can_reset_password: true,
  has_public_status: false,
};

function config(changes: Partial<typeof CONFIG> = {}): Answers {
  return { "GET /api/v1/public/config": { ...CONFIG, ...changes } };
}

function tooMany(wait_s: number): Response {
  return Response.json(
    { status: 429, detail: "Too many failed logins; try again later." },
    { status: 429, headers: { "Retry-After": String(wait_s) } },
  );
}

beforeEach(() => {
  sessionStorage.clear();
});

test("the login shows the ways that the server has, and no others", async () => {
  await show(<LoginPage />, { answers: config({ registration: "open", has_public_status: true }) });
  expect((await screen.findByRole("link", { name: "Forgot password?" })).getAttribute("href")).toBe(
    "/forgot-password",
  );
  expect(screen.getByRole("link", { name: "Register" })).toBeTruthy();
  expect(screen.getByRole("link", { name: "Which stations are free" }).getAttribute("href")).toBe("/status");
});

test("where nobody registers and no mail is sent there are no links to it", async () => {
  const { asked } = await show(<LoginPage />, { answers: config({ can_reset_password: false }) });
  await waitFor(() => expect(asked.map((one) => one.path)).toContain("/api/v1/public/config"));
  expect(screen.queryByRole("link")).toBeNull();
});

test("a login works while the server does not say what else it has", async () => {
  const { login, asked } = await show(<LoginPage />, {
    answers: {
      "GET /api/v1/public/config": problem(503, "No database."),
      "POST /api/v1/auth/login": { access_token: "new", token_type: "bearer", expires_in_s: 900 },
    },
  });
  await userEvent.type(screen.getByLabelText("Username"), "olivia");
  await userEvent.type(screen.getByLabelText("Password"), "secret words");
  await userEvent.click(screen.getByRole("button", { name: "Log in" }));
  await waitFor(() => expect(asked.some((one) => one.path === "/api/v1/auth/login")).toBe(true));
  const sent = asked.find((one) => one.path === "/api/v1/auth/login");
  expect(sent?.body).toBe("username=olivia&password=secret+words&cookie=true");
  await waitFor(() => expect(login.state.status).toBe("in"));
});

test("a wrong password is said, and what was typed stays", async () => {
  const answers = {
    ...config(),
    "POST /api/v1/auth/login": problem(401, "Username or password is wrong."),
  };
  await show(<LoginPage />, { answers });
  await userEvent.type(screen.getByLabelText("Username"), "olivia");
  await userEvent.type(screen.getByLabelText("Password"), "wrong{Enter}");
  expect((await screen.findByRole("alert")).textContent).toContain("Username or password is wrong.");
  expect(screen.getByLabelText<HTMLInputElement>("Username").value).toBe("olivia");
});

test("after too many attempts the wait counts down, and then one may try again", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  try {
    await show(<LoginPage />, { answers: { ...config(), "POST /api/v1/auth/login": tooMany(3) } });
    const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime });
    await user.type(screen.getByLabelText("Username"), "olivia");
    await user.type(screen.getByLabelText("Password"), "wrong{Enter}");
    const button = await screen.findByRole<HTMLButtonElement>("button", { name: /Try again in [23].s/ });
    expect(button.disabled).toBe(true);
    await act(() => vi.advanceTimersByTimeAsync(3100));
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Log in" }).disabled).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});

test("a password can be shown and hidden", async () => {
  await show(<LoginPage />, { answers: config() });
  const field = screen.getByLabelText<HTMLInputElement>("Password");
  expect(field.type).toBe("password");
  await userEvent.click(screen.getByRole("button", { name: "Show password" }));
  expect(field.type).toBe("text");
  await userEvent.click(screen.getByRole("button", { name: "Hide password" }));
  expect(field.type).toBe("password");
});

test("who registers goes on to the login, with the name filled in", async () => {
  const { asked } = await show(<Register />, {
    at: "/register",
    answers: { ...config({ registration: "open" }), "POST /api/v1/auth/register": me().user },
  });
  await userEvent.type(await screen.findByLabelText("Username"), "Dora");
  await userEvent.type(screen.getByLabelText("Password"), "long enough");
  await userEvent.click(screen.getByRole("button", { name: "Register" }));
  await waitFor(() => expect(window.location.pathname).toBe("/"));
  expect(asked.find((one) => one.method === "POST")?.body).toEqual({
    username: "dora",
    password: "long enough",
    email: null,
  });
  expect(window.history.state).toEqual({ note: "You are registered. Log in now.", username: "dora" });
});

test("a name that is taken is said beside its field", async () => {
  const answers = {
    ...config({ registration: "open" }),
    "POST /api/v1/auth/register": problem(409, "Another user has it already.", [
      { field: "username", message: "is taken" },
    ]),
  };
  await show(<Register />, { at: "/register", answers });
  const username = await screen.findByLabelText("Username");
  await userEvent.type(username, "dora");
  await userEvent.type(screen.getByLabelText("Password"), "long enough");
  await userEvent.click(screen.getByRole("button", { name: "Register" }));
  await waitFor(() => expect(username.getAttribute("aria-invalid")).toBe("true"));
});

test("where registration is closed there is no form", async () => {
  await show(<Register />, { at: "/register", answers: config() });
  expect(await screen.findByText(/Nobody can register here/)).toBeTruthy();
  expect(screen.queryByLabelText("Username")).toBeNull();
});

test("the token of an invitation leaves the address at once, and is sent", async () => {
  const { asked } = await show(<AcceptInvitation />, {
    at: "/accept-invitation?lang=en#token=qL0C0k2S",
    answers: { "POST /api/v1/auth/invitations/accept": me().user },
  });
  expect(window.location.hash).toBe("");
  expect(window.location.search).toBe("?lang=en");
  expect(screen.queryByLabelText("Token")).toBeNull();
  await userEvent.type(screen.getByLabelText("Username"), "dora");
  await userEvent.type(screen.getByLabelText("Password"), "long enough");
  await userEvent.click(screen.getByRole("button", { name: "Become a user" }));
  await waitFor(() => expect(window.location.pathname).toBe("/"));
  expect(asked.find((one) => one.method === "POST")?.body).toEqual({
    token: "qL0C0k2S",
    username: "dora",
    password: "long enough",
  });
});

test("an invitation that is used up says what to do", async () => {
  await show(<AcceptInvitation />, {
    at: "/accept-invitation#token=old",
    answers: {
      "POST /api/v1/auth/invitations/accept": problem(422, "The request is not valid.", [
        { field: "token", message: "is not valid, was used or has expired" },
      ]),
    },
  });
  await userEvent.type(screen.getByLabelText("Username"), "dora");
  await userEvent.type(screen.getByLabelText("Password"), "long enough");
  await userEvent.click(screen.getByRole("button", { name: "Become a user" }));
  expect(await screen.findByText(/Ask whoever invited you/)).toBeTruthy();
});

test("the token of a mail without a link can be typed", async () => {
  const { asked } = await show(<ResetPassword />, {
    at: "/reset-password",
    answers: { "POST /api/v1/auth/password-reset/confirm": undefined },
  });
  await userEvent.type(screen.getByLabelText("Token"), " qL0C0k2S ");
  await userEvent.type(screen.getByLabelText("New password"), "long enough");
  await userEvent.click(screen.getByRole("button", { name: "Change password" }));
  await waitFor(() => expect(window.location.pathname).toBe("/"));
  expect(asked.find((one) => one.method === "POST")?.body).toEqual({
    token: "qL0C0k2S",
    new_password: "long enough",
  });
  expect(window.history.state.note).toContain("all logins have ended");
});

test("a forgotten password is answered alike whether anybody has the address", async () => {
  await show(<ForgotPassword />, {
    at: "/forgot-password",
    answers: { ...config(), "POST /api/v1/auth/password-reset": new Response(null, { status: 202 }) },
  });
  await userEvent.type(screen.getByLabelText("Mail address"), "dora@example.org");
  await userEvent.click(screen.getByRole("button", { name: "Send the mail" }));
  expect((await screen.findByText(/If an account has the address/)).textContent).toContain(
    "dora@example.org",
  );
});

test("where no mails are sent, nobody is told to wait for one", async () => {
  await show(<ForgotPassword />, { at: "/forgot-password", answers: config({ can_reset_password: false }) });
  expect(await screen.findByText(/This server sends no mails/)).toBeTruthy();
  expect(screen.queryByLabelText("Mail address")).toBeNull();
});

/** The whole page at the account of olivia, whose login then ends. */
async function ended(who = me()) {
  let isOver = false;
  let present = who;
  const shown = await show(<App />, {
    who,
    at: "/account?logins=all",
    answers: {
      ...config(),
      "GET /api/v1/auth/me": () => present,
      "GET /api/v1/auth/logins": page([]),
      "GET /api/v1/api-keys": page([]),
      "POST /api/v1/auth/refresh": () =>
        isOver
          ? problem(401, "The refresh token is not valid.")
          : { access_token: "t", token_type: "bearer", expires_in_s: 900, refresh_token: null },
      "POST /api/v1/auth/login": { access_token: "new", token_type: "bearer", expires_in_s: 900 },
    },
  });
  await screen.findByRole("heading", { name: "Account" });
  isOver = true;
  await act(async () => {
    await shown.login.renew();
  });
  const dialog = await screen.findByRole("dialog", { name: "Your login has ended" });
  return { ...shown, dialog, becomes: (next: typeof who) => (present = next) };
}

async function logInAs(username: string) {
  await userEvent.clear(screen.getByLabelText("Username"));
  await userEvent.type(screen.getByLabelText("Username"), username);
  await userEvent.type(screen.getByLabelText("Password"), "secret words{Enter}");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
}

test("a login that ended goes on where it was", async () => {
  await ended();
  expect(screen.getByLabelText<HTMLInputElement>("Username").value).toBe("olivia");
  await logInAs("olivia");
  expect(window.location.pathname + window.location.search).toBe("/account?logins=all");
  expect(screen.getByRole("heading", { name: "Account" })).toBeTruthy();
});

test("another user who logs in there begins at the start, and sees nothing of the former one's", async () => {
  const { becomes } = await ended(me(["account:read_own"]));
  becomes(me(["account:read_own", "status:read"], { id: 2, username: "bruno", role: "guest" }));
  await logInAs("bruno");
  await waitFor(() => expect(window.location.pathname).toBe("/free"));
  expect(window.location.search).toBe("");
  expect(screen.queryByText("olivia")).toBeNull();
});

test("a notice to one user is not shown to the next one", async () => {
  const { login, becomes } = await ended(me(["account:read_own", "account:write_own"]));
  await logInAs("olivia");
  // Her logout does not reach the server: a problem stays until it is closed.
  vi.spyOn(login, "logOut").mockRejectedValue(new Error("It is about olivia."));
  await userEvent.click(screen.getByRole("button", { name: "Log out" }));
  expect(await screen.findByText("It is about olivia.")).toBeTruthy();
  becomes(me(["account:read_own"], { id: 2, username: "bruno" }));
  await act(() => login.logIn("bruno", "secret words"));
  await waitFor(() => expect(screen.queryByText("It is about olivia.")).toBeNull());
});

test("who closes the dialog comes to the login, even when the server is away", async () => {
  await ended();
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await userEvent.click(screen.getByRole("button", { name: "Close" }));
  expect(await screen.findByRole("heading", { name: "Log in" })).toBeTruthy();
  expect(screen.queryByRole("heading", { name: "Account" })).toBeNull();
  expect(window.location.pathname).toBe("/");
});
