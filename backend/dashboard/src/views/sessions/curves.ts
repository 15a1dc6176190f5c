// The curves of a session: what was measured, in the form that charts draw. Pure.
import type { Reading, Session, TelemetryBucket } from "../../api/types";
import type { LiveConnector } from "../../live/protocol";

const MEASURANDS = [
  "power_w",
  "power_max_w",
  "voltage_v",
  "voltage_l1_v",
  "voltage_l2_v",
  "voltage_l3_v",
  "current_a",
  "current_l1_a",
  "current_l2_a",
  "current_l3_a",
  "temperature_c",
  "soc_percent",
] as const;

export type Measurand = (typeof MEASURANDS)[number];

/** What was measured at one instant; null: not said. */
export type Sample = { ts_s: number } & Record<Measurand, number | null>;

export interface Curve {
  title: string;
  unit: string;
  digits: number;
  /** What to divide by: charts show kW. */
  divisor: number;
  lines: readonly (readonly [Measurand, string, string])[];
}

export const CURVES: readonly Curve[] = [
  {
    title: "Power",
    unit: "kW",
    digits: 2,
    divisor: 1000,
    lines: [
      ["power_w", "Power", "--chart-1"],
      ["power_max_w", "Highest", "--chart-2"],
    ],
  },
  {
    title: "Voltage",
    unit: "V",
    digits: 1,
    divisor: 1,
    lines: [
      ["voltage_v", "Voltage", "--chart-4"],
      ["voltage_l1_v", "Phase 1", "--chart-1"],
      ["voltage_l2_v", "Phase 2", "--chart-2"],
      ["voltage_l3_v", "Phase 3", "--chart-3"],
    ],
  },
  {
    title: "Current",
    unit: "A",
    digits: 1,
    divisor: 1,
    lines: [
      ["current_a", "Current", "--chart-2"],
      ["current_l1_a", "Phase 1", "--chart-1"],
      ["current_l2_a", "Phase 2", "--chart-4"],
      ["current_l3_a", "Phase 3", "--chart-3"],
    ],
  },
  {
    title: "Temperature",
    unit: "°C",
    digits: 1,
    divisor: 1,
    lines: [["temperature_c", "Temperature", "--chart-3"]],
  },
  {
    title: "State of charge",
    unit: "%",
    digits: 0,
    divisor: 1,
    lines: [["soc_percent", "State of charge", "--chart-1"]],
  },
];

export type Source = "readings" | "1min" | "15min" | "1h";

/** More readings than this are asked for as averages, by who may. */
const MOST_READINGS = 5000;
const DAY_S = 86_400;

/** What to draw a session from: its readings, or averages when there are too many. */
export function sourceOf(session: Session, mayReadTelemetry: boolean): Source {
  if (!mayReadTelemetry || session.reading_count <= MOST_READINGS) return "readings";
  const length_s = (Date.parse(session.last_reading_at) - Date.parse(session.started_at)) / 1000;
  return length_s <= DAY_S ? "1min" : length_s <= 30 * DAY_S ? "15min" : "1h";
}

export const SOURCE_IN_WORDS: Record<Source, string> = {
  readings: "every reading",
  "1min": "averages of a minute",
  "15min": "averages of a quarter of an hour",
  "1h": "averages of an hour",
};

function sample(ts: string, values: { [name in Measurand]?: number | null | undefined }): Sample {
  const found = { ts_s: Date.parse(ts) / 1000 } as Sample;
  for (const measurand of MEASURANDS) found[measurand] = values[measurand] ?? null;
  return found;
}

export function ofReading(reading: Reading): Sample {
  return sample(reading.ts, reading);
}

export function ofBucket(bucket: TelemetryBucket): Sample {
  return sample(bucket.starts_at, {
    power_w: bucket.power_avg_w,
    power_max_w: bucket.power_max_w,
    voltage_v: bucket.voltage_avg_v,
    current_a: bucket.current_avg_a,
    temperature_c: bucket.temperature_avg_c,
  });
}

/** The newest of the connector while it is in this session. */
export function ofLive(connector: LiveConnector | undefined, sessionId: string): Sample | null {
  if (connector?.session?.id !== sessionId || !connector.ts) return null;
  const { power_w, voltage_v, current_a, temperature_c, soc_percent } = connector;
  return sample(connector.ts, { power_w, voltage_v, current_a, temperature_c, soc_percent });
}

/** In order, one for each instant, with nothing drawn across the times from which nothing is known. */
export function withGaps(samples: readonly Sample[]): Sample[] {
  const sorted = [...samples].sort((a, b) => a.ts_s - b.ts_s);
  const steps = sorted.slice(1).map((each, index) => each.ts_s - (sorted[index]?.ts_s ?? 0));
  const usual_s = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  const longest_s = Math.max(60, usual_s * 5);
  const result: Sample[] = [];
  for (const each of sorted) {
    const last = result[result.length - 1];
    if (last !== undefined && each.ts_s <= last.ts_s) continue;
    if (last !== undefined && each.ts_s - last.ts_s > longest_s)
      result.push(sample(new Date((last.ts_s + usual_s) * 1000).toISOString(), {}));
    result.push(each);
  }
  return result;
}

/** At most `most` of them, evenly picked, the last one always: for a table. */
export function evenly<T>(all: readonly T[], most: number): { shown: T[]; every: number } {
  const every = Math.max(1, Math.ceil(all.length / most));
  return {
    shown: all.filter((_, index) => index % every === 0 || index === all.length - 1),
    every,
  };
}

/** Whether anything was said of a measurand. */
export function isSaid(samples: readonly Sample[], measurand: Measurand): boolean {
  return samples.some((each) => each[measurand] !== null);
}
