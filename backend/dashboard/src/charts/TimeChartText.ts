// What a chart says in figures and words: labels of its times, its range of values, its summary. Pure.
import { number } from "../format/number";
import { clock, dayTime, exact } from "../format/time";
import type { Line, Span } from "./TimeChartParts";

type Values = ArrayLike<number | null | undefined>;

const DAY_S = 86_400;
const cache = new Map<string, Intl.DateTimeFormat>();

function labelOf(at_s: number, zone: string, shape: keyof typeof SHAPES): string {
  const key = `${zone} ${shape}`;
  let found = cache.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(undefined, { timeZone: zone, ...SHAPES[shape] });
    cache.set(key, found);
  }
  return found.format(new Date(at_s * 1000));
}

const SHAPES = {
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  minute: { hour: "2-digit", minute: "2-digit" },
  day: { day: "numeric", month: "short" },
  month: { month: "short", year: "numeric" },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

/** What stands below the ticks, in the zone of the site; the day is named where it begins. */
export function timeLabels(splits: readonly number[], step_s: number, zone: string): string[] {
  const shape = step_s >= 27 * DAY_S ? "month" : step_s >= DAY_S ? "day" : step_s >= 60 ? "minute" : "second";
  let dayBefore = "";
  return splits.map((at_s) => {
    const label = labelOf(at_s, zone, shape);
    if (shape === "month" || shape === "day") return label;
    const day = labelOf(at_s, zone, "day");
    const isNew = day !== dayBefore;
    dayBefore = day;
    return isNew ? `${label}\n${day}` : label;
  });
}

/** The instant under the cursor: the clock within a day, with the day beyond. */
export function timeOf(at_s: number, shown_s: number, zone: string): string {
  return shown_s > 20 * 3600 ? dayTime(at_s * 1000, zone) : clock(at_s * 1000, zone);
}

/**
 * From zero where it is near or asked for, with a little air above: a power of 0 is a line on the ground, not in the
 * middle, and what is filled down to the ground says by its height how much it is.
 */
export function paddedRange(min: number | null, max: number | null, hasZero: boolean): [number, number] {
  if (min === null || max === null) return [0, 1];
  const low = min >= 0 && (hasZero || min < max * 0.6) ? 0 : min;
  const air = (max - low) * 0.08 || Math.abs(max) * 0.1 || 1;
  return [low === 0 ? 0 : low - air, max + air];
}

/** As many decimals as the ticks of an axis need to be told apart. */
export function decimalsOf(splits: readonly number[]): number {
  const step = Math.abs((splits[1] ?? 1) - (splits[0] ?? 0));
  for (let digits = 0; digits < 4; digits += 1) {
    const scaled = step * 10 ** digits;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6) return digits;
  }
  return 4;
}

/** The places of values that have a gap on both sides. */
export function isolatedPoints(values: Values): number[] {
  const found: number[] = [];
  let previous: number | null = null; // the last value since the last gap
  let count = 0;
  for (let index = 0; index <= values.length; index += 1) {
    const value = index === values.length ? null : values[index];
    if (value === undefined) continue;
    if (value === null) {
      if (count === 1 && previous !== null) found.push(previous);
      count = 0;
      previous = null;
    } else {
      count += 1;
      previous = index;
    }
  }
  return found;
}

/** The value at a place, or the last one said before it, but not beyond a gap. Without a place: the newest. */
export function newestAt(values: Values, at: number | null): number | null {
  for (let index = at ?? values.length - 1; index >= 0; index -= 1) {
    const value = values[index];
    if (value !== undefined) return value;
  }
  return null;
}

/** What a chart shows, for who cannot see it. */
export function summaryOf(chart: {
  title: string;
  unit: string;
  digits: number;
  times_s: readonly number[];
  lines: readonly Line[];
  spans: readonly Span[] | undefined;
  zone: string;
}): string {
  const { title, unit, digits, times_s, zone } = chart;
  const first = times_s[0];
  const last = times_s[times_s.length - 1];
  if (first === undefined || last === undefined) return `${title}: no data`;
  const parts = chart.lines.map((line) => {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    let newest: number | null = null;
    for (const value of line.values) {
      if (value === null || value === undefined) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
      newest = value;
    }
    if (newest === null) return `${line.label}: not said`;
    return `${line.label} from ${number(low, digits)} to ${number(high, digits)} ${unit}, last ${number(newest, digits)} ${unit}`;
  });
  const counts = (["offline", "faulted"] as const).flatMap((kind) => {
    const count = chart.spans?.filter((span) => span.kind === kind).length ?? 0;
    return count === 0 ? [] : [`${kind} ${count === 1 ? "once" : `${count} times`}`];
  });
  return `${title}, ${exact(first * 1000, zone)} to ${exact(last * 1000, zone)}: ${[...parts, ...counts].join("; ")}`;
}
