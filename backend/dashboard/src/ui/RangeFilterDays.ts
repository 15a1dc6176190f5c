// Ranges of whole calendar days, as somebody picks them: by name, or from one day to another. Pure.
import { instantOf } from "../format/time";

export const PRESETS = [
  ["today", "Today"],
  ["yesterday", "Yesterday"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
  ["month", "This month"],
  ["last_month", "Last month"],
  ["custom", "Other days"],
] as const;

export type Preset = (typeof PRESETS)[number][0];

/** Calendar days, `2026-11-21`; both are in the range. */
export interface DayRange {
  preset: Preset;
  first: string;
  last: string;
}

/** The day so many days after (or before) another. */
export function daysAfter(day: string, count: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
}

/** A calendar day that can be meant: while a year is typed, an input says `0002-11-21`. */
export function isDay(text: string | null): text is string {
  return text !== null && /^2\d{3}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
}

/** The range that the address says (`range`, and `from` and `to` for other days), else the usual one. */
export function dayRangeOf(search: URLSearchParams, today: string, usual: Preset): DayRange {
  const asked = search.get("range");
  const known = PRESETS.find(([preset]) => preset === asked)?.[0];
  const from = search.get("from");
  const to = search.get("to");
  if (known === "custom") {
    if (!isDay(from) || !isDay(to)) return { ...named(usual, today), preset: "custom" };
    return from <= to
      ? { preset: "custom", first: from, last: to }
      : { preset: "custom", first: to, last: from };
  }
  return named(known ?? usual, today);
}

function named(preset: Preset, today: string): DayRange {
  const monthBegin = `${today.slice(0, 7)}-01`;
  switch (preset) {
    case "today":
      return { preset, first: today, last: today };
    case "yesterday":
      return { preset, first: daysAfter(today, -1), last: daysAfter(today, -1) };
    case "7d":
      return { preset, first: daysAfter(today, -6), last: today };
    case "month":
      return { preset, first: monthBegin, last: today };
    case "last_month": {
      const last = daysAfter(monthBegin, -1);
      return { preset, first: `${last.slice(0, 7)}-01`, last };
    }
    default:
      return { preset, first: daysAfter(today, -29), last: today };
  }
}

/** The instants, in UTC, that a range begins at and ends before. */
export function instantsOf(range: DayRange, zone: string): { date_from: string; date_to: string } {
  return {
    date_from: instantOf(range.first, zone).toISOString(),
    date_to: instantOf(daysAfter(range.last, 1), zone).toISOString(),
  };
}
