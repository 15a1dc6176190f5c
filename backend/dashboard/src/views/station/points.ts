// The points of the charts: from history and from live readings, joined, with gaps where the station was silent. Pure.
import type { TelemetryBucket, TelemetryReading } from "../../api/types";
import type { LiveConnector } from "../../live/protocol";

type Value = number | null;

export interface Point {
  at_s: number;
  power_w: Value;
  power_min_w: Value;
  power_max_w: Value;
  voltage_v: Value;
  current_a: Value;
  temperature_c: Value;
}

export type Measurand = "power_w" | "voltage_v" | "current_a" | "temperature_c";

/** Without a value for so many times the usual step, a line ends. */
const GAP_FACTOR = 3;

export function pointOfReading(reading: TelemetryReading): Point {
  return {
    at_s: Date.parse(reading.ts) / 1000,
    power_w: reading.power_w ?? null,
    power_min_w: null,
    power_max_w: null,
    voltage_v: reading.voltage_v ?? null,
    current_a: reading.current_a ?? null,
    temperature_c: reading.temperature_c ?? null,
  };
}

/** An average stands in the middle of its time; that of a running bucket in the middle of what has passed. */
export function pointOfBucket(bucket: TelemetryBucket, nowMs: number): Point {
  const starts_ms = Date.parse(bucket.starts_at);
  const ends_ms = Math.max(Math.min(Date.parse(bucket.ends_at), nowMs), starts_ms);
  return {
    at_s: (starts_ms + ends_ms) / 2000,
    power_w: bucket.power_avg_w ?? null,
    power_min_w: bucket.power_min_w ?? null,
    power_max_w: bucket.power_max_w ?? null,
    voltage_v: bucket.voltage_avg_v ?? null,
    current_a: bucket.current_avg_a ?? null,
    temperature_c: bucket.temperature_avg_c ?? null,
  };
}

/** What the picture says, as a point; null when it says no reading. */
export function pointOfLive(update: LiveConnector): Point | null {
  if (!update.ts) return null;
  return {
    at_s: Date.parse(update.ts) / 1000,
    power_w: update.power_w ?? null,
    power_min_w: null,
    power_max_w: null,
    voltage_v: update.voltage_v ?? null,
    current_a: update.current_a ?? null,
    temperature_c: update.temperature_c ?? null,
  };
}

/** History, then whatever came live after its end, within a range. Both are in order of time. */
export function joined(history: readonly Point[], live: readonly Point[], from_s: number): Point[] {
  const last_s = history[history.length - 1]?.at_s ?? Number.NEGATIVE_INFINITY;
  // One point before the range stays: the line comes in from the left.
  const first = Math.max(0, firstAfter(history, from_s) - 1);
  return [...history.slice(first), ...live.slice(firstAfter(live, Math.max(last_s, from_s)))];
}

/** The place of the first point that is later. */
function firstAfter(points: readonly Point[], at_s: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.at_s ?? 0) <= at_s) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface Columns {
  times_s: number[];
  values: Record<"power_w" | "power_min_w" | "power_max_w" | Measurand, (Value | undefined)[]>;
}

const NAMES = ["power_w", "power_min_w", "power_max_w", "voltage_v", "current_a", "temperature_c"] as const;

/**
 * Columns as the charts want them. A station may say its measurands one by one: what a point does not say is
 * undefined, and the line goes on. Where nothing is said for long there is null, and the line ends.
 * `bucket_s` is 0 for readings: their usual step is found from themselves.
 */
export function columnsOf(points: readonly Point[], bucket_s: number): Columns {
  const limit_s = new Map(NAMES.map((name) => [name, gapLimit(points, name, bucket_s)]));
  const least_s = Math.min(...limit_s.values());
  const times_s: number[] = [];
  const rows: (Point | null)[] = [];
  points.forEach((point, index) => {
    const before = points[index - 1];
    if (before !== undefined && point.at_s - before.at_s > least_s) {
      times_s.push((before.at_s + point.at_s) / 2); // room for a null
      rows.push(null);
    }
    times_s.push(point.at_s);
    rows.push(point);
  });
  const column = (name: (typeof NAMES)[number]) =>
    withNulls(
      times_s,
      rows.map((row) => row?.[name] ?? undefined),
      limit_s.get(name) ?? 0,
    );
  return {
    times_s,
    values: {
      power_w: column("power_w"),
      power_min_w: column("power_min_w"),
      power_max_w: column("power_max_w"),
      voltage_v: column("voltage_v"),
      current_a: column("current_a"),
      temperature_c: column("temperature_c"),
    },
  };
}

/** How long a measurand may be silent before its line ends; what is not said at all has no line. */
function gapLimit(points: readonly Point[], name: (typeof NAMES)[number], bucket_s: number): number {
  const steps_s: number[] = [];
  let before_s: number | null = null;
  for (const point of points) {
    if (point[name] === null) continue;
    if (before_s !== null) steps_s.push(point.at_s - before_s);
    before_s = point.at_s;
  }
  steps_s.sort((a, b) => a - b);
  const usual_s = steps_s[steps_s.length >> 1];
  if (usual_s === undefined) return Number.POSITIVE_INFINITY;
  // A bucket of a quarter of an hour or more that is left out is silence enough.
  if (bucket_s >= 900) return 1.5 * bucket_s;
  // Readings that come several times a second, and then once, are no gap yet.
  return GAP_FACTOR * Math.max(usual_s, bucket_s, 1);
}

function withNulls(
  times_s: readonly number[],
  values: (Value | undefined)[],
  limit_s: number,
): (Value | undefined)[] {
  let before = -1;
  for (let index = 0; index <= values.length; index += 1) {
    // Also at the end: what was said last is not what is so now.
    const isEnd = index === values.length;
    if (!isEnd && values[index] === undefined) continue;
    const at_s = times_s[isEnd ? index - 1 : index] ?? 0;
    if (before >= 0 && at_s - (times_s[before] ?? 0) > limit_s) values.fill(null, before + 1, index);
    before = index;
  }
  return values;
}
