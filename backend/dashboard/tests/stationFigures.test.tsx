// What the station's page computes: ranges, points, gaps, spans, steps of commands.
import { expect, test } from "vitest";
import type { StationEvent, TelemetryBucket } from "../src/api/types";
import { kindOf, objectionTo } from "../src/views/station/commandKinds";
import { stepsOf } from "../src/views/station/commandSteps";
import { energyOf } from "../src/views/station/energySums";
import { KeyOfRequest } from "../src/views/station/idempotency";
import { LiveTail } from "../src/views/station/liveTail";
import { columnsOf, joined, type Point, pointOfBucket } from "../src/views/station/points";
import { boundsOf, moved, rangeIn, resolutionOf, scaled } from "../src/views/station/range";
import { faultSpans, offlineSpans } from "../src/views/station/spans";

function point(at_s: number, values: Partial<Point> = {}): Point {
  return {
    at_s,
    power_w: null,
    power_min_w: null,
    power_max_w: null,
    voltage_v: null,
    current_a: null,
    temperature_c: null,
    ...values,
  };
}

function bucket(starts_at: string, ends_at: string, values: Partial<TelemetryBucket> = {}): TelemetryBucket {
  return { starts_at, ends_at, is_complete: true, reading_count: 1, billable_count: 1, ...values };
}

const HOUR_S = 3600;

test.each([
  [300, "raw"],
  [HOUR_S, "raw"],
  [6 * HOUR_S, "1min"],
  [12 * HOUR_S, "1min"],
  [24 * HOUR_S, "15min"],
  [7 * 24 * HOUR_S, "1h"],
  [31 * 24 * HOUR_S, "1h"],
  [90 * 24 * HOUR_S, "1d"],
])("a range of %d s is shown in the resolution %s", (length_s, resolution) => {
  expect(resolutionOf(length_s)).toBe(resolution);
});

test("the address says the range; what cannot be is the usual one", () => {
  const range = (text: string) => rangeIn(new URLSearchParams(text));
  expect(range("range=6h")).toEqual({ kind: "live", preset: "6h", length_s: 6 * HOUR_S });
  expect(range("range=nonsense")).toEqual({ kind: "live", preset: "1h", length_s: HOUR_S });
  expect(range("range=6h&from=2026-11-21T10:00:00Z&to=2026-11-21T11:00:00Z")).toMatchObject({
    kind: "fixed",
    preset: "6h",
  });
  expect(range("from=2026-11-21T11:00:00Z&to=2026-11-21T10:00:00Z").kind).toBe("live");
});

test("a live range ends now; no range is moved or widened beyond it", () => {
  const nowMs = 1_000_000_000;
  const bounds = boundsOf({ kind: "live", preset: "5min", length_s: 300 }, nowMs);
  expect(bounds).toEqual({ from_ms: nowMs - 300_000, to_ms: nowMs });
  expect(moved(bounds, 0.5, nowMs)).toEqual(bounds);
  expect(moved(bounds, -0.5, nowMs)).toEqual({ from_ms: nowMs - 450_000, to_ms: nowMs - 150_000 });
  expect(scaled(bounds, 2, nowMs)).toEqual({ from_ms: nowMs - 600_000, to_ms: nowMs });
  expect(scaled(bounds, 0.5, nowMs)).toEqual({ from_ms: nowMs - 225_000, to_ms: nowMs - 75_000 });
});

test("live readings go on where history ends, and what is there already does not come twice", () => {
  const history = [point(1), point(2), point(3)];
  const live = [point(2), point(3), point(4), point(5)];
  expect(joined(history, live, 0).map(({ at_s }) => at_s)).toEqual([1, 2, 3, 4, 5]);
});

test("points that are older than the range fall out, but for the one that the line comes from", () => {
  const history = [point(1), point(2), point(3), point(4)];
  expect(joined(history, [], 3.5).map(({ at_s }) => at_s)).toEqual([3, 4]);
});

test("no line goes across silence of more than three times the usual step", () => {
  const points = [0, 5, 10, 15, 20, 60, 65].map((at_s) => point(at_s, { power_w: 1 }));
  const { times_s, values } = columnsOf(points, 0);
  expect(times_s).toEqual([0, 5, 10, 15, 20, 40, 60, 65]);
  expect(values.power_w).toEqual([1, 1, 1, 1, 1, null, 1, 1]);
});

test("what a reading does not say is no gap, as long as it is said again soon", () => {
  const points = [0, 5, 10, 15, 20, 25].map((at_s, index) =>
    index % 2 === 0 ? point(at_s, { power_w: 1 }) : point(at_s, { voltage_v: 230 }),
  );
  const { values } = columnsOf(points, 0);
  expect(values.power_w).toEqual([1, undefined, 1, undefined, 1, undefined]);
  expect(values.voltage_v).toEqual([undefined, 230, undefined, 230, undefined, 230]);
});

test("one measurand that falls silent gets a gap while another goes on", () => {
  const points = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((at_s) =>
    point(at_s, { power_w: 1, voltage_v: at_s < 3 || at_s > 7 ? 230 : null }),
  );
  const { values } = columnsOf(points, 0);
  expect(values.power_w.every((value) => value === 1)).toBe(true);
  expect(values.voltage_v).toEqual([230, 230, 230, null, null, null, null, null, 230]);
});

test("what is not said any more is a gap at the end, and no value of now", () => {
  const points = [0, 1, 2, 3, 4, 5, 6].map((at_s) =>
    point(at_s, { power_w: 1, voltage_v: at_s < 3 ? 230 : null }),
  );
  expect(columnsOf(points, 0).values.voltage_v).toEqual([230, 230, 230, null, null, null, null]);
});

test("an hour that is left out is a gap among averages of hours", () => {
  const points = [0, 1, 3].map((hour) => point(hour * HOUR_S, { power_w: 1 }));
  expect(columnsOf(points, HOUR_S).values.power_w).toEqual([1, 1, null, 1]);
});

test("an average stands in the middle of its time, and never later than now", () => {
  const hour = bucket("2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z", { power_avg_w: 100 });
  const start_s = Date.parse(hour.starts_at) / 1000;
  expect(pointOfBucket(hour, Number.MAX_SAFE_INTEGER).at_s).toBe(start_s + 1800);
  expect(pointOfBucket(hour, (start_s + 600) * 1000).at_s).toBe(start_s + 300);
});

test("the live tail takes no older reading, replaces one of the same instant, and stays bounded", () => {
  const tail = new LiveTail();
  tail.add(point(10, { power_w: 1 }), 300);
  tail.add(point(9, { power_w: 2 }), 300);
  tail.add(point(10, { power_w: 3 }), 300);
  expect(tail.points).toEqual([point(10, { power_w: 3 })]);
  for (let at_s = 11; at_s < 2000; at_s += 0.1) tail.add(point(at_s), 300);
  expect(tail.points.length).toBeLessThan(5000);
  expect(tail.points[0]?.at_s).toBeGreaterThan(1600);
  expect(tail.points[tail.points.length - 1]?.at_s).toBeCloseTo(2000, 0);
});

test("a fault lasts from the first word of it to the recovery; one without an end lasts yet", () => {
  const event = (kind: string, second: number): StationEvent => ({
    id: second,
    kind,
    ts: new Date(second * 1000).toISOString(),
    connector_id: 1,
    detail: null,
  });
  const spans = faultSpans(
    [
      event("recovered", 10),
      event("online", 15),
      event("faulted", 20),
      event("faulted", 25),
      event("recovered", 30),
      event("faulted", 40),
    ],
    0,
    50_000,
  );
  expect(spans.map(({ from_s, to_s }) => [from_s, to_s])).toEqual([
    [0, 10],
    [20, 30],
    [40, 50],
  ]);
});

test("only what is known to be offline is shaded so: what nobody knows is not", () => {
  const interval = (is_online: boolean | null, start: number, end: number) => ({
    is_online,
    starts_at: new Date(start * 1000).toISOString(),
    ends_at: new Date(end * 1000).toISOString(),
  });
  const history = {
    evse_uid: "CP-1",
    date_from: "",
    date_to: "",
    availability_percent: null,
    online_s: 0,
    offline_s: 0,
    unknown_s: 0,
    intervals: [interval(null, 0, 10), interval(true, 10, 20), interval(false, 20, 30)],
  };
  expect(offlineSpans(history)).toEqual([{ from_s: 20, to_s: 30, kind: "offline" }]);
});

test("energy that nobody said is unknown, and not zero", () => {
  const hour = ["2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"] as const;
  expect(energyOf([bucket(...hour, { energy_wh: null })])).toBeNull();
  expect(
    energyOf([
      bucket(...hour, { energy_wh: 10, energy_solar_wh: 4, energy_grid_wh: 6 }),
      bucket(...hour, { energy_wh: 5, energy_solar_wh: 5, energy_grid_wh: 0, energy_unattributed_wh: 0 }),
    ]),
  ).toEqual({ energy_wh: 15, energy_solar_wh: 9, energy_grid_wh: 6, energy_unattributed_wh: 0 });
});

const COURSE = {
  created_at: "2026-11-21T10:00:00Z",
  sent_at: "2026-11-21T10:00:01Z",
  answered_at: null,
  finished_at: null,
};

test.each([
  ["pending", {}, ["Asked done", "Sent current", "Accepted ahead", "Completed ahead"]],
  ["sent", {}, ["Asked done", "Sent done", "Accepted current", "Completed ahead"]],
  ["accepted", {}, ["Asked done", "Sent done", "Accepted done", "Completed current"]],
  ["completed", {}, ["Asked done", "Sent done", "Accepted done", "Completed done"]],
  ["rejected", {}, ["Asked done", "Sent done", "Rejected failed"]],
  ["timed_out", {}, ["Asked done", "Sent done", "No answer failed"]],
  [
    "failed",
    { answered_at: "2026-11-21T10:00:02Z", finished_at: "2026-11-21T10:00:09Z" },
    ["Asked done", "Sent done", "Accepted done", "Failed failed"],
  ],
  ["expired", { sent_at: null }, ["Asked done", "Expired failed"]],
  ["cancelled", { sent_at: null }, ["Asked done", "Cancelled failed"]],
] as const)("a command that is %s is drawn as such", (status, course, steps) => {
  expect(stepsOf({ ...COURSE, ...course, status }).map(({ title, state }) => `${title} ${state}`)).toEqual(
    steps,
  );
});

test("a command is offered when it makes sense", () => {
  const charging = { isEnabled: true, hasSession: true, status: "charging" };
  const free = { isEnabled: true, hasSession: false, status: "available" };
  expect(objectionTo("start", charging)).not.toBeNull();
  expect(objectionTo("stop", charging)).toBeNull();
  expect(objectionTo("resume", charging)).not.toBeNull();
  expect(objectionTo("resume", { ...charging, status: "suspendedevse" })).toBeNull();
  expect(objectionTo("start", free)).toBeNull();
  expect(objectionTo("stop", free)).not.toBeNull();
  expect(objectionTo("reset", free)).toBeNull();
  expect(objectionTo("reset", { ...free, isEnabled: false })).not.toBeNull();
  expect(kindOf("stop").isDangerous).toBe(true);
});

test("the same request has the same key, a changed one another, also where there is no randomUUID", () => {
  const keys = new KeyOfRequest();
  const first = keys.of({ limit_a: 10 });
  expect(keys.of({ limit_a: 10 })).toBe(first);
  expect(keys.of({ limit_a: 12 })).not.toBe(first);
  const { randomUUID } = crypto;
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  try {
    expect(new KeyOfRequest().of({})).toMatch(/^[0-9a-f]{32}$/);
  } finally {
    Object.defineProperty(crypto, "randomUUID", { value: randomUUID, configurable: true });
  }
});
