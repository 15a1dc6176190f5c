// Draws a view with everything it shares, on an API that answers from a table.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import { type ReactNode, Suspense } from "react";
import { vi } from "vitest";
import { makeApi } from "../src/api/client";
import { Login } from "../src/api/login";
import type { Me } from "../src/api/types";
import { Connection, type ConnectionState } from "../src/live/connection";
import { Picture } from "../src/live/picture";
import { type Services, ServicesContext } from "../src/services";
import { Toasts } from "../src/ui/Toasts";

/** What a role may do, as `GET /auth/me` says. The full lists are in backend/solarrally/domain/permission.py. */
export const GUEST = ["account:read_own", "account:write_own", "docs:read", "live:subscribe", "status:read"];
export const DRIVER = [
  ...GUEST,
  ...[
    "bill:read_own",
    "command:read_own",
    "evse:control_own",
    "session:read_own",
    "tariff:read",
    "telemetry:read_own",
  ],
];
export const OPERATOR = [
  ...GUEST,
  ...[
    "alert:read",
    "alert:write",
    "bill:read",
    "command:read",
    "evse:control",
    "evse:read",
    "export:read",
    "import:read",
  ],
  ...[
    "import:write",
    "rejected_message:read",
    "session:read",
    "site:read",
    "stats:read",
    "tariff:read",
    "telemetry:read",
  ],
];
export const ADMIN = [
  ...OPERATOR,
  ...["api_key:read", "api_key:write", "audit:read", "evse:write", "role:read", "role:write", "site:write"],
  ...["tariff:write", "user:read", "user:write"],
];

export function me(permissions: string[] = ADMIN, user: Partial<Me["user"]> = {}): Me {
  return {
    user: {
      id: 1,
      username: "olivia",
      email: null,
      role: "admin",
      id_token: null,
      is_active: true,
      created_at: "2026-01-01T00:00:00Z",
      password_changed_at: "2026-01-01T00:00:00Z",
      ...user,
    },
    permissions,
  };
}

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Headers;
  body: unknown;
}

/** An answer: JSON with 200, or whatever a Response says. */
type Answer = unknown | ((asked: Asked) => unknown);

/** `{"GET /api/v1/sites": {items: [], next_cursor: null}}`; a route that is not there answers 404. */
export type Answers = Record<string, Answer>;

export function problem(
  status: number,
  detail: string,
  errors: { field: string; message: string }[] = [],
): Response {
  return Response.json({ status, detail, title: detail, type: "about:blank", errors }, { status });
}

export function page<T>(
  items: T[],
  next_cursor: string | null = null,
): { items: T[]; next_cursor: string | null } {
  return { items, next_cursor };
}

/** Stands in for the network. What was asked is in `asked`, in order. */
export function fakeApi(answers: Answers): { asked: Asked[] } {
  const asked: Asked[] = [];
  vi.stubGlobal("fetch", async (input: Request | string | URL, init?: RequestInit) => {
    const request =
      input instanceof Request ? input : new Request(new URL(String(input), "http://localhost/"), init);
    const url = new URL(request.url);
    const text = await request.text();
    const one: Asked = {
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: isJson(request) && text !== "" ? JSON.parse(text) : text,
    };
    asked.push(one);
    const key = `${request.method} ${url.pathname}`;
    const answer = key in answers ? answers[key] : problem(404, `nothing answers ${key} in this test`);
    const given = typeof answer === "function" ? await answer(one) : answer;
    if (given instanceof Response) return given.clone();
    return given === undefined ? new Response(null, { status: 204 }) : Response.json(given);
  });
  return { asked };
}

function isJson(request: Request): boolean {
  return request.headers.get("Content-Type")?.includes("json") ?? false;
}

export interface Shown extends Services {
  asked: Asked[];
}

/** Draw something as `who` sees it. `fakeApi` is set up with the answers and with the login's. */
export async function show(
  element: ReactNode,
  {
    who = me(),
    answers = {},
    at = "/",
    live = { status: "live" } as ConnectionState,
  }: {
    who?: Me;
    answers?: Answers;
    at?: string;
    live?: ConnectionState;
  } = {},
): Promise<Shown> {
  window.history.replaceState(null, "", at);
  const { asked } = fakeApi({
    "POST /api/v1/auth/refresh": {
      access_token: "token",
      token_type: "bearer",
      expires_in_s: 900,
      refresh_token: null,
    },
    "GET /api/v1/auth/me": who,
    "GET /api/v1/sites": page([]),
    "GET /api/v1/evses": page([]),
    ...answers,
  });
  localStorage.setItem("solarrally.had_login", "1");
  const login = new Login({ apiUrl: "" });
  await login.start();
  asked.length = 0;
  const picture = new Picture();
  const connection = new Connection(picture, {
    ticket: () => Promise.reject(new Error("no network in this test")),
    onLoginChanged: () => undefined,
    open: () => {
      throw new Error("no network in this test");
    },
    random: () => 0.5,
  });
  Object.defineProperty(connection, "state", { get: () => live });
  const services: Services = { config: login.config, login, api: makeApi(login), picture, connection };
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      <ServicesContext value={services}>
        <Toasts>
          <Suspense fallback="loading the view">{element}</Suspense>
        </Toasts>
      </ServicesContext>
    </QueryClientProvider>,
  );
  return { ...services, asked };
}
