// Who is logged in. The access token lives in memory; the refresh token in a cookie that no script can read.
import type { Config } from "../config";
import { noAnswer, Problem, problemOf } from "./problem";
import type { components } from "./schema";
import type { Me } from "./types";

type AccessToken = components["schemas"]["AccessToken"];

export type LoginState =
  /** Not known yet whether the browser has a login. */
  | { status: "starting" }
  | { status: "out" }
  | { status: "in"; me: Me }
  /** It ended while the page was open. The page stays as it is, behind a login. */
  | { status: "ended"; me: Me };

/** Seconds before its end when an access token is renewed already. */
const RENEW_BEFORE_S = 60;
/** Says that this browser had a login, so that a first visit asks for none. Not a secret. */
const HINT = "solarrally.had_login";
const LOCK = "solarrally.refresh";
const CHANNEL = "solarrally.login";
/** An answer that never comes must not keep the lock from all other tabs. */
const PATIENCE_MS = 30_000;

/** What tabs tell each other: they share one refresh token, so another login in one is one in all. */
type Word = { type: "out" } | { type: "in"; userId: number };

export class Login {
  #state: LoginState = { status: "starting" };
  #token: { text: string; renewAtMs: number } | null = null;
  #renewing: Promise<string | null> | null = null;
  /** Counts logins and their ends: an answer that was asked for before the last one is of no use any more. */
  #era = 0;
  readonly #listeners = new Set<() => void>();
  readonly #otherTabs = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);

  constructor(readonly config: Config) {
    this.#otherTabs?.addEventListener("message", (event: MessageEvent<Word>) => this.#hear(event.data));
  }

  get state(): LoginState {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  may(permission: string): boolean {
    return "me" in this.#state && this.#state.me.permissions.includes(permission);
  }

  /** Take up the login that this browser has, if any. Throws a Problem when the server cannot be asked. */
  async start(): Promise<void> {
    if (localStorage.getItem(HINT) === null) return this.#become({ status: "out" });
    const token = await this.renew();
    if (token === null) return this.#become({ status: "out" });
    await this.#meet(token);
  }

  /** Throws a Problem: 401 for a wrong password, 429 after too many. */
  async logIn(username: string, password: string): Promise<void> {
    const form = new URLSearchParams({ username, password, cookie: "true" });
    const answer = await this.#post("/api/v1/auth/login", form);
    if (!answer.ok) throw await problemOf(answer);
    const token = (await answer.json()) as AccessToken;
    localStorage.setItem(HINT, "1");
    this.#era += 1;
    const me = await this.#meet(this.#keep(token));
    this.#tell({ type: "in", userId: me.user.id });
  }

  async logOut(): Promise<void> {
    const answer = await this.#post("/api/v1/auth/logout", null, this.#token?.text);
    if (!answer.ok && answer.status !== 401) throw await problemOf(answer);
    this.#tell({ type: "out" });
    this.#end("out");
  }

  /** Leave a login that has ended already: there is nothing to ask the server for. */
  leave(): void {
    this.#end("out");
  }

  /** An access token that holds for a while yet; null when there is no login (any more). */
  async token(): Promise<string | null> {
    if (this.#token !== null && Date.now() < this.#token.renewAtMs) return this.#token.text;
    const { status } = this.#state;
    // Whoever has no login must not ask for the next token of one with each request.
    if (status === "ended" || (status !== "in" && localStorage.getItem(HINT) === null)) return null;
    return this.renew();
  }

  /**
   * The next access token. Tabs share one refresh token, which is good once: one tab at a time renews.
   * `refused`: the token that was not good enough; when there is a newer one already, that is the answer.
   */
  renew(refused: string | null = null): Promise<string | null> {
    if (refused !== null && this.#token !== null && this.#token.text !== refused)
      return Promise.resolve(this.#token.text);
    this.#renewing ??= inTurn(() => this.#renew()).finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /** Read the account again: a role may have changed. */
  async reload(): Promise<void> {
    const token = await this.token();
    if (token !== null) await this.#meet(token);
  }

  async #renew(): Promise<string | null> {
    const era = this.#era;
    const answer = await this.#post("/api/v1/auth/refresh", null);
    const token = answer.ok ? ((await answer.json()) as AccessToken) : null;
    if (era !== this.#era) return this.#token?.text ?? null;
    if (token !== null) return this.#keep(token);
    if (answer.status !== 401 && answer.status !== 403) throw await problemOf(answer);
    this.#end("ended");
    return null;
  }

  async #meet(token: string): Promise<Me> {
    const era = this.#era;
    const answer = await this.#ask("/api/v1/auth/me", { headers: { Authorization: `Bearer ${token}` } });
    if (!answer.ok) throw await problemOf(answer);
    const me = (await answer.json()) as Me;
    if (era === this.#era) this.#become({ status: "in", me });
    return me;
  }

  #tell(word: Word): void {
    this.#otherTabs?.postMessage(word);
  }

  #hear(word: Word): void {
    if (word.type === "out") this.#end("out");
    else void this.#follow(word.userId);
  }

  /** Another tab has logged in: the refresh token is that login's now, so this tab is its user's too. */
  async #follow(userId: number): Promise<void> {
    const state = this.#state;
    if (state.status === "in" && state.me.user.id === userId) return;
    this.#era += 1;
    this.#token = null;
    if ("me" in state && state.me.user.id !== userId) this.#become({ status: "out" });
    try {
      await this.start();
    } catch (error) {
      // The server is away: the login is shown, or stays, and works when the server is back.
      if (!(error instanceof Problem)) throw error;
    }
  }

  #keep(answer: AccessToken): string {
    const lifetimeS = Math.max(answer.expires_in_s - RENEW_BEFORE_S, answer.expires_in_s / 2);
    this.#token = { text: answer.access_token, renewAtMs: Date.now() + lifetimeS * 1000 };
    return answer.access_token;
  }

  #end(status: "out" | "ended"): void {
    this.#era += 1;
    this.#token = null;
    localStorage.removeItem(HINT);
    if (status === "ended" && "me" in this.#state) this.#become({ status: "ended", me: this.#state.me });
    else this.#become({ status: "out" });
  }

  #become(state: LoginState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }

  #post(path: string, body: URLSearchParams | null, token?: string): Promise<Response> {
    const headers: HeadersInit = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    return this.#ask(path, { method: "POST", body, headers });
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(this.config.apiUrl + path, {
        credentials: "include",
        signal: AbortSignal.timeout(PATIENCE_MS),
        ...init,
      });
    } catch {
      throw noAnswer(this.config.apiUrl);
    }
  }
}

/** Locks exist on https and on localhost only; elsewhere the server forgives one refresh that came twice. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  return "locks" in navigator ? await navigator.locks.request(LOCK, work) : await work();
}
