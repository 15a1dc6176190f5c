// The server's time on a machine whose clock is wrong, or is set while the page is open.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { noteServerTime, serverNowMs } from "../src/clock";

const SERVER_MS = Date.parse("2026-11-21T12:00:00Z");
const HOUR_MS = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test.each([1, -1])("a clock wrong by %d h shows the server's time", (hours) => {
  vi.setSystemTime(SERVER_MS + hours * HOUR_MS);
  noteServerTime(SERVER_MS);
  vi.advanceTimersByTime(5000);

  expect(serverNowMs()).toBe(SERVER_MS + 5000);
});

test.each([1, -1])("a clock that is set by %d h while the page is open changes no age", (hours) => {
  vi.setSystemTime(SERVER_MS);
  noteServerTime(SERVER_MS);
  vi.setSystemTime(SERVER_MS + hours * HOUR_MS);
  vi.advanceTimersByTime(5000);

  expect(serverNowMs()).toBe(SERVER_MS + 5000);
});

test("the network's delay does not count as a wrong clock", () => {
  vi.setSystemTime(SERVER_MS + 400);
  noteServerTime(SERVER_MS);

  expect(serverNowMs()).toBe(SERVER_MS + 400);
});
