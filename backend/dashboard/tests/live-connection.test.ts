// The live connection comes back by itself: after an end, a silence, a sleep, each with its own pause.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem } from "../src/api/problem";
import { Connection, type ConnectionState, type Ticket } from "../src/live/connection";
import { Picture } from "../src/live/picture";
import type { ServerMessage } from "../src/live/protocol";

class Socket extends EventTarget {
  readonly said: { type: string; [field: string]: unknown }[] = [];
  isClosed = false;

  send(text: string): void {
    this.said.push(JSON.parse(text));
  }

  close(): void {
    this.isClosed = true;
  }

  open(): void {
    this.dispatchEvent(new Event("open"));
  }

  tell(message: ServerMessage): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }

  end(): void {
    this.dispatchEvent(new Event("close"));
  }
}

const SNAPSHOT: ServerMessage = { type: "snapshot", updates: [] };
const T0 = Date.parse("2026-11-21T07:00:00Z");

let sockets: Socket[];
let tickets: number;
let ticket: () => Promise<Ticket>;
let onLoginChanged: ReturnType<typeof vi.fn<() => void>>;
let random: number;
let connection: Connection;
let states: ConnectionState[];

beforeEach(() => {
  vi.useFakeTimers({ now: T0 });
  sockets = [];
  tickets = 0;
  random = 1;
  states = [];
  onLoginChanged = vi.fn<() => void>();
  ticket = () => Promise.resolve({ ticket: "t", expires_at: "2026-11-21T07:00:30Z", expires_in_s: 30 });
  connection = new Connection(new Picture(), {
    ticket: () => {
      tickets += 1;
      return ticket();
    },
    onLoginChanged,
    open: () => {
      const socket = new Socket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    random: () => random,
  });
  connection.subscribe(() => states.push(connection.state));
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
});

async function pass(s: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(s * 1000);
}

function last(): Socket {
  const socket = sockets.at(-1);
  if (socket === undefined) throw new Error("nothing has been opened");
  return socket;
}

async function live(): Promise<Socket> {
  connection.connect();
  await pass(0);
  last().open();
  last().tell(SNAPSHOT);
  return last();
}

/** How long it waits now, in seconds. */
function wait_s(): number {
  if (connection.state.status !== "waiting") throw new Error(`it is ${connection.state.status}`);
  return (connection.state.retryAtMs - performance.now()) / 1000;
}

test("it asks for everything as soon as it is open, and is live with the first snapshot", async () => {
  connection.connect();
  await pass(0);
  last().open();
  expect(last().said).toEqual([{ type: "subscribe", all: true, max_rate_hz: 10 }]);
  expect(connection.state.status).toBe("connecting");
  last().tell(SNAPSHOT);
  expect(connection.state.status).toBe("live");
});

test("pings are answered", async () => {
  const socket = await live();
  socket.tell({ type: "ping" });
  expect(socket.said.at(-1)).toEqual({ type: "pong" });
});

test("pauses double up to 30 s, and begin anew after a snapshot", async () => {
  ticket = () => Promise.reject(new Error("The server cannot be reached."));
  connection.connect();
  await pass(0);
  const pauses: number[] = [];
  for (let attempt = 0; attempt < 7; attempt += 1) {
    pauses.push(wait_s());
    await pass(wait_s());
  }
  expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 30]);
  expect(tickets).toBe(8);
  ticket = () => Promise.resolve({ ticket: "t", expires_at: "2026-11-21T07:00:30Z", expires_in_s: 30 });
  await pass(wait_s());
  last().tell(SNAPSHOT);
  last().end();
  expect(wait_s()).toBe(1);
});

test("half of a pause is chance: pages of a restarted server do not come at one instant", async () => {
  for (const [chance, expected_s] of [
    [0, 0.5],
    [1, 1],
  ] as const) {
    random = chance;
    (await live()).end();
    expect(wait_s()).toBe(expected_s);
  }
});

test("why it waits is said: no ticket", async () => {
  ticket = () => Promise.reject(new Error("Too many requests."));
  connection.connect();
  await pass(0);
  expect(connection.state).toMatchObject({ status: "waiting", reason: "Too many requests." });
});

test("a server that says nothing for 25 s is taken for dead", async () => {
  const socket = await live();
  await pass(25);
  expect(connection.state.status).toBe("live");
  await pass(1);
  expect(connection.state).toMatchObject({ status: "waiting", reason: "the server is silent" });
  expect(socket.isClosed).toBe(true);
});

test("a ping is enough to be taken for alive", async () => {
  const socket = await live();
  await pass(15);
  socket.tell({ type: "ping" });
  await pass(15);
  expect(connection.state.status).toBe("live");
});

test("a ticket that never comes is silence too", async () => {
  ticket = () => new Promise(() => {});
  connection.connect();
  await pass(25);
  expect(connection.state.status).toBe("connecting");
  await pass(1);
  expect(connection.state).toMatchObject({ status: "waiting", reason: "the server is silent" });
});

test("after a sleep it connects anew at once", async () => {
  await live();
  vi.setSystemTime(Date.now() + 3_600_000);
  await pass(1);
  expect(sockets).toHaveLength(2);
  expect(connection.state.status).toBe("connecting");
});

test("after a sleep a pause is over", async () => {
  for (let attempt = 0; attempt < 6; attempt += 1) {
    connection.connect();
    await pass(0);
    last().end();
  }
  expect(wait_s()).toBe(30);
  vi.setSystemTime(Date.now() + 12_000);
  await pass(1);
  expect(connection.state.status).toBe("connecting");
});

test("a clock that is set back an hour brings the server's time anew", async () => {
  await live();
  vi.setSystemTime(Date.now() - 3_600_000);
  await pass(1);
  expect(sockets).toHaveLength(2);
});

test("while it connects again it still says why the connection was lost", async () => {
  const socket = await live();
  socket.end();
  await pass(2);
  expect(connection.state).toEqual({ status: "connecting", reason: "the connection was lost" });
});

test("timers that a hidden page gets late are no sleep while the server goes on talking", async () => {
  const socket = await live();
  const stopwatch = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => stopwatch() + 60_000);
  vi.setSystemTime(Date.now() + 60_000);
  socket.tell({ type: "ping" });
  await pass(1);
  expect(sockets).toHaveLength(1);
  expect(connection.state.status).toBe("live");
});

test("a network that is back ends the pause", async () => {
  (await live()).end();
  window.dispatchEvent(new Event("online"));
  await pass(0);
  expect(sockets).toHaveLength(2);
});

test("a server without its database makes the picture stale, until a snapshot", async () => {
  const socket = await live();
  socket.tell({ type: "stale" });
  expect(connection.state.status).toBe("stale");
  socket.tell(SNAPSHOT);
  expect(connection.state.status).toBe("live");
});

test.each(["token_expired", "user_disabled", "role_changed", "login_ended"] as const)(
  "a bye for %s asks about the login, and does not come back by itself",
  async (reason) => {
    const socket = await live();
    socket.tell({ type: "bye", reason });
    socket.end();
    expect(onLoginChanged).toHaveBeenCalledOnce();
    await pass(120);
    expect(connection.state).toEqual({ status: "closed", reason });
    expect(sockets).toHaveLength(1);
  },
);

test.each([
  ["going_away", "the server is restarting"],
  ["busy", "the server has too many watchers"],
  ["unavailable", "the server cannot reach its database"],
] as const)("a bye for %s waits, and says why", async (reason, words) => {
  const socket = await live();
  socket.tell({ type: "bye", reason });
  socket.end();
  expect(connection.state).toMatchObject({ status: "waiting", reason: words });
  expect(wait_s()).toBe(1);
  expect(onLoginChanged).not.toHaveBeenCalled();
});

test("who was too slow comes back with a lower rate", async () => {
  (await live()).tell({ type: "bye", reason: "too_slow" });
  await pass(wait_s());
  last().open();
  expect(last().said).toEqual([{ type: "subscribe", all: true, max_rate_hz: 2 }]);
});

test("what a socket of before still says does not count", async () => {
  const before = await live();
  connection.connect();
  await pass(0);
  before.tell(SNAPSHOT);
  before.end();
  expect(connection.state.status).toBe("connecting");
  expect(connection.picture.snapshotCount).toBe(1);
});

test("what is closed stays closed, and asks for nothing more", async () => {
  const socket = await live();
  connection.close();
  expect(socket.isClosed).toBe(true);
  window.dispatchEvent(new Event("online"));
  await pass(120);
  expect(connection.state.status).toBe("closed");
  expect(tickets).toBe(1);
});

test("a role that may see no live data ends the attempts, and what was live is shown no more", async () => {
  await live();
  ticket = () => Promise.reject(new Problem(403, "Your role may not do this."));
  connection.connect();
  await pass(600);
  expect(connection.state).toEqual({ status: "refused" });
  expect(tickets).toBe(2);
  expect(connection.picture.snapshotCount).toBe(0);
  ticket = () => Promise.resolve({ ticket: "t", expires_at: "2026-11-21T07:00:30Z", expires_in_s: 30 });
  connection.connect();
  await pass(0);
  expect(connection.state.status).toBe("connecting");
});

test("a ticket that comes after the close opens nothing", async () => {
  let give: (given: Ticket) => void = () => {};
  ticket = () => new Promise((resolve) => (give = resolve));
  connection.connect();
  connection.close();
  give({ ticket: "t", expires_at: "2026-11-21T07:00:30Z", expires_in_s: 30 });
  await pass(1);
  expect(sockets).toEqual([]);
});
