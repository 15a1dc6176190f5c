// Who is logged in: tokens are renewed once, by one at a time, and an end is noticed in every tab.
import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { dataOf, makeApi } from "../src/api/client";
import { Login } from "../src/api/login";
import { Problem } from "../src/api/problem";
import { forgetBetweenUsers } from "../src/forget";
import { Connection } from "../src/live/connection";
import { Picture } from "../src/live/picture";
import { type Answers, type Asked, fakeApi, me, page, problem } from "./page";

const HINT = "solarrally.had_login";

/** Tabs of one browser, each with a channel of its own. */
class Channel {
  static readonly all = new Set<Channel>();
  readonly #listeners: ((event: { data: unknown }) => void)[] = [];

  constructor() {
    Channel.all.add(this);
  }

  addEventListener(_type: string, listener: (event: { data: unknown }) => void): void {
    this.#listeners.push(listener);
  }

  postMessage(data: unknown): void {
    for (const other of Channel.all)
      if (other !== this) for (const listener of other.#listeners) listener({ data });
  }
}

beforeEach(() => {
  Channel.all.clear();
  vi.stubGlobal("BroadcastChannel", Channel);
  localStorage.setItem(HINT, "1");
});

afterEach(() => {
  vi.useRealTimers();
});

const olivia = me();
const bruno = me([], { id: 2, username: "bruno" });

function token(text: string) {
  return { access_token: text, token_type: "bearer", expires_in_s: 900, refresh_token: null };
}

/** A server that gives t1, t2, … to whoever refreshes. */
function server(more: Answers = {}): { asked: Asked[] } {
  let count = 0;
  return fakeApi({
    "POST /api/v1/auth/refresh": () => {
      count += 1;
      return token(`t${count}`);
    },
    "POST /api/v1/auth/login": token("fresh"),
    "POST /api/v1/auth/logout": undefined,
    "GET /api/v1/auth/me": olivia,
    ...more,
  });
}

function newLogin(): Login {
  return new Login({ apiUrl: "" });
}

async function started(): Promise<Login> {
  const login = newLogin();
  await login.start();
  return login;
}

function refreshes(asked: Asked[]): number {
  return asked.filter((one) => one.path === "/api/v1/auth/refresh").length;
}

test("a first visit asks the server for nothing", async () => {
  localStorage.clear();
  const { asked } = server();
  const login = await started();
  expect(login.state).toEqual({ status: "out" });
  expect(await login.token()).toBeNull();
  expect(asked).toEqual([]);
});

test("a page that is loaded again takes up the browser's login", async () => {
  server();
  expect((await started()).state).toEqual({ status: "in", me: olivia });
});

test("requests at the same time renew the token once", async () => {
  const { asked } = server();
  const login = newLogin();
  expect(await Promise.all([login.renew(), login.renew(), login.token()])).toEqual(["t1", "t1", "t1"]);
  expect(refreshes(asked)).toBe(1);
});

test("one tab at a time renews, where the browser has locks", async () => {
  const names: string[] = [];
  const request = async (name: string, work: () => Promise<unknown>) => {
    names.push(name);
    return work();
  };
  vi.stubGlobal("navigator", { locks: { request } });
  server();
  await started();
  expect(names).toEqual(["solarrally.refresh"]);
});

test("without locks (no https) the token is renewed all the same", async () => {
  vi.stubGlobal("navigator", {});
  server();
  expect((await started()).state.status).toBe("in");
});

test("a token is renewed a minute before its end", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  server();
  const login = await started();
  vi.setSystemTime(Date.now() + 839_000);
  expect(await login.token()).toBe("t1");
  vi.setSystemTime(Date.now() + 2_000);
  expect(await login.token()).toBe("t2");
});

test("a refused request is repeated once, with a new token", async () => {
  const { asked } = server({
    "GET /api/v1/sites": ({ headers }: Asked) =>
      headers.get("Authorization") === "Bearer t2" ? page([]) : problem(401, "This token has expired."),
  });
  const api = makeApi(await started());
  expect(await dataOf(api.GET("/api/v1/sites"))).toEqual(page([]));
  expect(asked.filter((one) => one.path === "/api/v1/sites")).toHaveLength(2);
});

test("a request that was refused for an older token does not renew the newer one", async () => {
  const { asked } = server();
  const login = await started();
  expect(await login.renew("t1")).toBe("t2");
  expect(await login.renew("t1")).toBe("t2");
  expect(refreshes(asked)).toBe(2);
});

test("requests that are refused one after the other, all for one old token, renew it once", async () => {
  let goOn = () => {};
  const late = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const { asked } = server({
    "GET /api/v1/sites": async ({ headers, query }: Asked) => {
      if (headers.get("Authorization") === "Bearer t2") return page([]);
      if (query.get("limit") === "2") await late;
      return problem(401, "This token has expired.");
    },
  });
  const api = makeApi(await started());
  const slow = dataOf(api.GET("/api/v1/sites", { params: { query: { limit: 2 } } }));
  await dataOf(api.GET("/api/v1/sites"));
  goOn();
  expect(await slow).toEqual(page([]));
  expect(refreshes(asked)).toBe(2); // the one at the start, and this one
});

test("what is refused with the new token too fails, and is not asked a third time", async () => {
  const { asked } = server({ "GET /api/v1/sites": problem(401, "This needs a login.") });
  const api = makeApi(await started());
  await expect(dataOf(api.GET("/api/v1/sites"))).rejects.toMatchObject({ status: 401 });
  expect(asked.filter((one) => one.path === "/api/v1/sites")).toHaveLength(2);
});

test("a login that has ended is known to be over, with whose it was, and is not asked for again", async () => {
  let isOver = false;
  const { asked } = server({
    "POST /api/v1/auth/refresh": () =>
      isOver ? problem(401, "The refresh token is not valid.") : token("t1"),
    "GET /api/v1/sites": problem(401, "This token has expired."),
  });
  const login = await started();
  isOver = true;
  const api = makeApi(login);
  await expect(dataOf(api.GET("/api/v1/sites"))).rejects.toBeInstanceOf(Problem);
  expect(login.state).toEqual({ status: "ended", me: olivia });
  const count = refreshes(asked);
  await expect(dataOf(api.GET("/api/v1/sites"))).rejects.toBeInstanceOf(Problem);
  expect(refreshes(asked)).toBe(count);
});

test("a login that ended is left without asking the server, even when it is away", async () => {
  server();
  const login = await started();
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  login.leave();
  expect(login.state).toEqual({ status: "out" });
});

test("a server that is away is no end of the login", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  const login = newLogin();
  await expect(login.start()).rejects.toMatchObject({ status: 0, detail: "The server cannot be reached." });
  expect(login.state).toEqual({ status: "starting" });
  server();
  await login.start();
  expect(login.state.status).toBe("in");
});

test("a server that answers 503 to a refresh is no end of the login", async () => {
  let isAway = false;
  server({ "POST /api/v1/auth/refresh": () => (isAway ? problem(503, "No database.") : token("t1")) });
  const login = await started();
  isAway = true;
  await expect(login.renew()).rejects.toMatchObject({ status: 503 });
  expect(login.state.status).toBe("in");
});

test("a logout ends the login in all tabs", async () => {
  server();
  const [one, other] = [await started(), await started()];
  await one.logOut();
  expect([one.state, other.state]).toEqual([{ status: "out" }, { status: "out" }]);
});

test("a logout that does not reach the server does not say that it has", async () => {
  server();
  const login = await started();
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(login.logOut()).rejects.toBeInstanceOf(Problem);
  expect(login.state.status).toBe("in");
});

test("an answer from before a logout brings the login not back", async () => {
  let answer = null as (() => void) | null;
  let isSlow = false;
  server({
    "POST /api/v1/auth/refresh": () => {
      if (!isSlow) return token("t1");
      return new Promise((resolve) => {
        answer = () => resolve(token("late"));
      });
    },
  });
  const login = await started();
  isSlow = true;
  const renewing = login.renew();
  await vi.waitFor(() => expect(answer).not.toBeNull());
  await login.logOut();
  answer?.();
  expect(await renewing).toBeNull();
  expect(await login.token()).toBeNull();
});

test("a login of the same user in another tab takes up one that had ended, at its place", async () => {
  let isOver = false;
  server({
    "POST /api/v1/auth/refresh": () => (isOver ? problem(401, "Over.") : token("t1")),
    "POST /api/v1/auth/login": () => {
      isOver = false;
      return token("fresh");
    },
  });
  const [one, other] = [await started(), await started()];
  isOver = true;
  await Promise.all([one.renew(), other.renew()]);
  expect(other.state.status).toBe("ended");
  const seen: string[] = [];
  other.subscribe(() => seen.push(other.state.status));
  await one.logIn("olivia", "secret");
  await vi.waitFor(() => expect(other.state).toEqual({ status: "in", me: olivia }));
  expect(seen).toEqual(["in"]);
});

test("a login of another user in another tab is this tab's too: they share the refresh token", async () => {
  let who = olivia;
  server({
    "GET /api/v1/auth/me": () => who,
    "POST /api/v1/auth/login": () => {
      who = bruno;
      return token("fresh");
    },
  });
  const [one, other] = [await started(), await started()];
  const seen: string[] = [];
  other.subscribe(() => seen.push(other.state.status));
  await one.logIn("bruno", "secret");
  await vi.waitFor(() => expect(other.state).toEqual({ status: "in", me: bruno }));
  expect(seen).toEqual(["out", "in"]);
});

test("what one user was shown is forgotten before the next one is drawn, and is kept for the same one", async () => {
  let who = olivia;
  let isOver = false;
  server({
    "GET /api/v1/auth/me": () => who,
    "POST /api/v1/auth/refresh": () => (isOver ? problem(401, "Over.") : token("t1")),
  });
  const login = newLogin();
  const queries = new QueryClient();
  const picture = new Picture();
  const connection = new Connection(picture, {
    ticket: () => Promise.reject(new Error("no network in this test")),
    onLoginChanged: () => undefined,
    open: () => {
      throw new Error("no network in this test");
    },
    random: () => 0.5,
  });
  forgetBetweenUsers(login, queries, connection);
  await login.start();
  const show = () => {
    queries.setQueryData(["sessions"], ["of olivia"]);
    picture.replace({
      type: "snapshot",
      updates: [{ evse_uid: "CP-1", site_id: 1, connector_id: 1, is_online: true, status: "available" }],
    });
  };
  show();
  isOver = true;
  await login.renew();
  expect(login.state.status).toBe("ended");
  await login.logIn("olivia", "secret");
  expect(queries.getQueryData(["sessions"])).toEqual(["of olivia"]);
  expect(picture.connectors.size).toBe(1);

  await login.renew();
  who = bruno;
  await login.logIn("bruno", "secret");
  expect(login.state).toEqual({ status: "in", me: bruno });
  expect(queries.getQueryData(["sessions"])).toBeUndefined();
  expect(picture.connectors.size).toBe(0);
});
