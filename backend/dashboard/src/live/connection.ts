// Keeps the picture current: connects, notices silence and sleep, comes back with a growing, jittered pause.
import { noteServerTime } from "../clock";
import type { Picture } from "./picture";
import { type ByeReason, type ClientMessage, type ServerMessage, SUBPROTOCOL } from "./protocol";

export type ConnectionState =
  | { status: "connecting" }
  | { status: "live" }
  /** The server has lost its database: what is shown is old. */
  | { status: "stale" }
  /** Not connected; `retryAtMs` (by this machine's clock) is when the next attempt begins. */
  | { status: "waiting"; retryAtMs: number; reason: string }
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
/** A timer that comes this much late means that the machine slept. */
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
  #lastHeardMs = 0;
  #lastCheckMs = 0;
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
      this.#lastCheckMs = Date.now();
      this.#timer = setInterval(this.check, CHECK_EVERY_S * 1000);
      window.addEventListener("online", this.#onNetwork);
      document.addEventListener("visibilitychange", this.check);
    }
    this.#lastHeardMs = Date.now(); // a ticket that never comes is silence too
    this.#become({ status: "connecting" });
    void this.#open(this.#turn);
  };

  /** End for good. */
  close(reason: string | null = null): void {
    this.#drop();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    window.removeEventListener("online", this.#onNetwork);
    document.removeEventListener("visibilitychange", this.check);
    this.#become({ status: "closed", reason });
  }

  /** Look whether it is time for something: the pause is over, the server is silent, the machine slept. */
  check = (): void => {
    const nowMs = Date.now();
    const slept = nowMs - this.#lastCheckMs > SLEPT_S * 1000;
    this.#lastCheckMs = nowMs;
    if (this.#state.status === "waiting") {
      if (slept || nowMs >= this.#state.retryAtMs) this.connect();
    } else if (this.#state.status !== "closed" && nowMs - this.#lastHeardMs > SILENCE_LIMIT_S * 1000) {
      // After a sleep it was this machine that was silent: nobody has to wait for the server.
      if (slept) this.connect();
      else this.#lose("the server is silent");
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
      if (turn === this.#turn) this.#lose(error instanceof Error ? error.message : String(error));
      return;
    }
    if (turn !== this.#turn) return;
    noteServerTime(Date.parse(ticket.expires_at) - ticket.expires_in_s * 1000);
    const socket = this.surroundings.open(ticket.ticket);
    this.#socket = socket;
    this.#lastHeardMs = Date.now();
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
    this.#lastHeardMs = Date.now();
    switch (message.type) {
      case "snapshot":
        this.#attempt = 0;
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
    // Half of the pause is chance: all pages of a restarted server must not come at one instant.
    const pauseS = Math.min(FIRST_PAUSE_S * 2 ** this.#attempt, LONGEST_PAUSE_S);
    this.#attempt += 1;
    const retryAtMs = Date.now() + pauseS * 1000 * (0.5 + this.surroundings.random() / 2);
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
