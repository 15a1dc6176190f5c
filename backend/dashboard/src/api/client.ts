// The typed client of the API: adds the token, renews it once when it is refused, throws Problems.
import createClient, { type Client } from "openapi-fetch";
import type { Login } from "./login";
import { noAnswer, problemOf } from "./problem";
import type { paths } from "./schema";

export type Api = Client<paths>;

export function makeApi(login: Login): Api {
  return createClient<paths>({
    baseUrl: login.config.apiUrl || window.location.origin,
    fetch: (request: Request) => authorizedFetch(login, request),
    querySerializer: { array: { style: "form", explode: true } },
  });
}

/** An answer within 2xx. Throws a Problem for any other, and when none comes. */
export async function authorizedFetch(login: Login, request: Request): Promise<Response> {
  const again = request.clone();
  const token = await login.token();
  let response = await sent(login, request, token);
  if (response.status === 401 && token !== null)
    response = await sent(login, again, await login.renew(token));
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function sent(login: Login, request: Request, token: string | null): Promise<Response> {
  if (token !== null) request.headers.set("Authorization", `Bearer ${token}`);
  try {
    return await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw noAnswer(login.config.apiUrl);
  }
}

/** What an answer says: `await dataOf(api.GET("/api/v1/sites"))`. */
export async function dataOf<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T; // `authorizedFetch` has thrown for everything outside 2xx
}
