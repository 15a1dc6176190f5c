// Which time the charts show, and in what resolution: read from the address, and how it moves. Pure.

export type Resolution = "raw" | "1min" | "15min" | "1h" | "1d";
export type Preset = "5min" | "1h" | "6h" | "24h" | "7d" | "30d";

/** The last so many seconds, going on with the clock; or a time that stands still. */
export type Range =
  | { kind: "live"; preset: Preset; length_s: number }
  | { kind: "fixed"; preset: Preset; from_ms: number; to_ms: number };

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;

export const PRESETS: readonly (readonly [Preset, string, number])[] = [
  ["5min", "5 min", 300],
  ["1h", "1 h", HOUR_S],
  ["6h", "6 h", 6 * HOUR_S],
  ["24h", "24 h", DAY_S],
  ["7d", "7 d", 7 * DAY_S],
  ["30d", "30 d", 30 * DAY_S],
];
const USUAL: Preset = "1h";
const SHORTEST_S = 10;
/** What the API gives at most, in days. */
const LONGEST_S = 1098 * DAY_S;

/** What the address says; anything that cannot be is taken for the usual. */
export function rangeIn(search: URLSearchParams): Range {
  const asked = search.get("range");
  const [preset, , length_s] = PRESETS.find(([each]) => each === asked) ?? [USUAL, "", HOUR_S];
  const from_ms = Date.parse(search.get("from") ?? "");
  const to_ms = Date.parse(search.get("to") ?? "");
  return isPossible(from_ms, to_ms)
    ? { kind: "fixed", preset, from_ms, to_ms }
    : { kind: "live", preset, length_s };
}

export function isPossible(from_ms: number, to_ms: number): boolean {
  const length_s = (to_ms - from_ms) / 1000;
  return length_s >= SHORTEST_S && length_s <= LONGEST_S;
}

/** The range at an instant. */
export function boundsOf(range: Range, nowMs: number): { from_ms: number; to_ms: number } {
  return range.kind === "fixed"
    ? { from_ms: range.from_ms, to_ms: range.to_ms }
    : { from_ms: nowMs - range.length_s * 1000, to_ms: nowMs };
}

/** Fine enough to see what happened, coarse enough for a few pages of the API. */
export function resolutionOf(length_s: number): Resolution {
  if (length_s <= 1.1 * HOUR_S) return "raw";
  if (length_s <= 12 * HOUR_S) return "1min";
  if (length_s <= 4 * DAY_S) return "15min";
  if (length_s <= 31 * DAY_S) return "1h";
  return "1d";
}

export const RESOLUTION_WORDS: Record<Resolution, string> = {
  raw: "single readings",
  "1min": "1-minute averages",
  "15min": "15-minute averages",
  "1h": "hourly averages",
  "1d": "daily averages",
};

export const BUCKET_S: Record<Resolution, number> = {
  raw: 0,
  "1min": 60,
  "15min": 900,
  "1h": HOUR_S,
  "1d": DAY_S,
};

/** As the address writes a range that stands still. */
export function asSearch(from_ms: number, to_ms: number): { from: string; to: string } {
  return { from: new Date(from_ms).toISOString(), to: new Date(to_ms).toISOString() };
}

/** The range moved by a share of itself, not beyond now. */
export function moved(bounds: { from_ms: number; to_ms: number }, by: number, nowMs: number) {
  const length_ms = bounds.to_ms - bounds.from_ms;
  const to_ms = Math.min(bounds.to_ms + by * length_ms, nowMs);
  return { from_ms: to_ms - length_ms, to_ms };
}

/** The range made so many times as long around its middle, not beyond now. */
export function scaled(bounds: { from_ms: number; to_ms: number }, factor: number, nowMs: number) {
  const length_ms = Math.min(
    Math.max((bounds.to_ms - bounds.from_ms) * factor, SHORTEST_S * 1000),
    LONGEST_S * 1000,
  );
  const middle_ms = (bounds.from_ms + bounds.to_ms) / 2;
  const to_ms = Math.min(middle_ms + length_ms / 2, nowMs);
  return { from_ms: to_ms - length_ms, to_ms };
}
