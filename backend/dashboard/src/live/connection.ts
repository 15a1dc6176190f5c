// Keeps the picture current: connects, notices silence and sleep, comes back with a growing, jittered pause.
import { Problem } from "../api/problem";
import { noteServerTime } from "../clock";
import type { Picture } from "./picture";
import { type ByeReason, type ClientMessage, type ServerMessage, SUBPROTOCOL } from "./protocol";

export type ConnectionState =
  /** `reason` says why the connection before was lost; null: it is the first. */
  | { status: "connecting"; reason: string | null }
  | { status: "live" }
  /** The server has lost its database: what is shown is old. */
  | { status: "stale" }
  /** Not connected; `retryAtMs` (as `performance.now()` counts) is when the next attempt begins. */
  | { status: "waiting"; retryAtMs: number; reason: string }
  /** The role may not see live data: no more attempts, until `connect` is called again. */
  | { status: "refused" }
  /** Ended for good, until `connect` is called again: the login is over, or nobody wants it. */
  | { status: "closed"; reason: string | null };

export interface Ticket {
  ticket: string;
  expires_at: string;
  expires_in_s: number;
}

export interface Surroundings {
  /** Rejects with a reason in words when there is none to be had. */
  ticket: () => Promise<Ticket>;
  /** The login, the role or the account is not what it was: find out, then connect again or not. */
  onLoginChanged: () => void;
  open: (ticket: string) => WebSocket;
  random: () => number;
}

/** Without a word from the server for this long it is taken for dead: it pings every 15 s. */
export const SILENCE_LIMIT_S = 25;
const FIRST_PAUSE_S = 1;
const LONGEST_PAUSE_S = 30;
const CHECK_EVERY_S = 1;
/** A timer that comes this much late, or a clock that went so far from the stopwatch: the machine slept, or was set. */
const SLEPT_S = 10;
const MAX_RATE_HZ = 10;
const SLOW_RATE_HZ = 2;

const IN_WORDS: Partial<Record<ByeReason, string>> = {
  going_away: "the server is restarting",
  too_slow: "this connection was too slow",
  busy: "the server has too many watchers",
  unavailable: "the server cannot reach its database",
};
const LOGIN_CHANGED: readonly ByeReason[] = ["token_expired", "user_disabled", "role_changed", "login_ended"];

export class Connection {
  #state: ConnectionState = { status: "closed", reason: null };
  #socket: WebSocket | null = null;
  #attempt = 0;
  /** Of this attempt to connect; whatever an earlier one still says does not count. */
  #turn = 0;
  /** Instants of the browser's stopwatch, which nobody sets. */
  #lastHeardMs = 0;
  #lastCheckMs = 0;
  /** Of the machine's clock. */
  #lastCheckAtMs = 0;
  #lostBecause: string | null = null;
  #rateHz = MAX_RATE_HZ;
  #timer: ReturnType<typeof setInterval> | null = null;
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly picture: Picture,
    readonly surroundings: Surroundings,
  ) {}

  get state(): ConnectionState {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Begin, or begin anew at once. */
  connect = (): void => {
    this.#drop();
    if (this.#timer === null) {
      this.#lastCheckMs = performance.now();
      this.#lastCheckAtMs = Date.now();
      this.#timer = setInterval(this.check, CHECK_EVERY_S * 1000);
      window.addEventListener("online", this.#onNetwork);
      document.addEventListener("visibilitychange", this.check);
    }
    this.#lastHeardMs = performance.now(); // a ticket that never comes is silence too
    this.#become({ status: "connecting", reason: this.#lostBecause });
    void this.#open(this.#turn);
  };

  /** End for good. */
  close(reason: string | null = null): void {
    this.#end({ status: "closed", reason });
  }

  #end(state: ConnectionState): void {
    this.#drop();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    window.removeEventListener("online", this.#onNetwork);
    document.removeEventListener("visibilitychange", this.check);
    this.#lostBecause = null;
    this.#become(state);
  }

  /** Look whether it is time for something: the pause is over, the server is silent, the machine slept. */
  check = (): void => {
    const nowMs = performance.now();
    const atMs = Date.now();
    const passedMs = nowMs - this.#lastCheckMs;
    const isLate = passedMs > SLEPT_S * 1000;
    // The stopwatch stood still while the machine slept, or the clock was set: ages need the server's time anew.
    const isClockOff = Math.abs(atMs - this.#lastCheckAtMs - passedMs) > SLEPT_S * 1000;
    this.#lastCheckMs = nowMs;
    this.#lastCheckAtMs = atMs;
    if (this.#state.status === "waiting") {
      if (isLate || isClockOff || nowMs >= this.#state.retryAtMs) this.connect();
    } else if (this.#timer !== null) {
      const isSilent = nowMs - this.#lastHeardMs > SILENCE_LIMIT_S * 1000;
      // After a sleep it was this machine that was silent: nobody has to wait for the server.
      if (isClockOff || (isSilent && isLate)) this.connect();
      else if (isSilent) this.#lose("the server is silent");
    }
  };

  #onNetwork = (): void => {
    if (this.#state.status === "waiting") this.connect();
  };

  async #open(turn: number): Promise<void> {
    let ticket: Ticket;
    try {
      ticket = await this.surroundings.ticket();
    } catch (error) {
      if (turn !== this.#turn) return;
      if (error instanceof Problem && error.status === 403) {
        this.picture.forget(); // what it holds would go on as if it were current
        this.#end({ status: "refused" });
      } else this.#lose(error instanceof Error ? error.message : String(error));
      return;
    }
    if (turn !== this.#turn) return;
    noteServerTime(Date.parse(ticket.expires_at) - ticket.expires_in_s * 1000);
    const socket = this.surroundings.open(ticket.ticket);
    this.#socket = socket;
    this.#lastHeardMs = performance.now();
    socket.addEventListener("open", () => {
      if (turn === this.#turn) this.#say({ type: "subscribe", all: true, max_rate_hz: this.#rateHz });
    });
    socket.addEventListener("message", (event: MessageEvent<string>) => {
      if (turn === this.#turn) this.#hear(JSON.parse(event.data) as ServerMessage);
    });
    socket.addEventListener("close", () => {
      if (turn === this.#turn) this.#lose("the connection was lost");
    });
  }

  #hear(message: ServerMessage): void {
    this.#lastHeardMs = performance.now();
    switch (message.type) {
      case "snapshot":
        this.#attempt = 0;
        this.#lostBecause = null;
        this.picture.replace(message);
        this.#become({ status: "live" });
        break;
      case "frame":
        this.picture.apply(message);
        break;
      case "stale":
        this.#become({ status: "stale" });
        break;
      case "ping":
        this.#say({ type: "pong" });
        break;
      case "pong":
        break;
      case "bye":
        this.#leave(message.reason, message.detail);
        break;
    }
  }

  #leave(reason: ByeReason, detail: string | undefined): void {
    if (LOGIN_CHANGED.includes(reason)) {
      this.close(reason);
      this.surroundings.onLoginChanged();
      return;
    }
    if (reason === "too_slow") this.#rateHz = SLOW_RATE_HZ;
    this.#lose(IN_WORDS[reason] ?? detail ?? reason);
  }

  #lose(reason: string): void {
    this.#drop();
    this.#lostBecause = reason;
    // Half of the pause is chance: all pages of a restarted server must not come at one instant.
    const pauseS = Math.min(FIRST_PAUSE_S * 2 ** this.#attempt, LONGEST_PAUSE_S);
    this.#attempt += 1;
    const retryAtMs = performance.now() + pauseS * 1000 * (0.5 + this.surroundings.random() / 2);
    this.#become({ status: "waiting", retryAtMs, reason });
  }

  #drop(): void {
    this.#turn += 1;
    this.#socket?.close();
    this.#socket = null;
  }

  #say(message: ClientMessage): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** A WebSocket that shows its ticket as a subprotocol, where no access log keeps it. */
export function openSocket(url: string, ticket: string): WebSocket {
  return new WebSocket(url, [SUBPROTOCOL, `ticket.${ticket}`]);
}
