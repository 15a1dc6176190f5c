// Which days the view shows: so many days, weeks or months, up to the one that holds a chosen day.
import { daysAfter } from "../../ui/RangeFilterDays";

export type Period = "day" | "week" | "month";

export interface Range {
  period: Period;
  count: number;
  /** The first day, such as `2026-11-21`. */
  date_from: string;
  /** The day after the last one. */
  date_to: string;
  day_count: number;
}

/** How many of them one may look at; the first is what is shown when nothing is chosen. */
export const COUNTS: Record<Period, readonly number[]> = {
  day: [30, 7, 90, 365],
  week: [12, 4, 26, 52],
  month: [12, 3, 24, 60],
};

/** The first day of the period that a day is in: weeks begin on Monday. */
export function startOf(day: string, period: Period): string {
  if (period === "day") return day;
  if (period === "month") return `${day.slice(0, 7)}-01`;
  const sinceMonday = (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
  return daysAfter(day, -sinceMonday);
}

/** The start of a period, so many periods on. */
export function shifted(start: string, period: Period, count: number): string {
  if (period === "day") return daysAfter(start, count);
  if (period === "week") return daysAfter(start, 7 * count);
  const [year = 0, month = 1] = start.split("-").map(Number);
  return new Date(Date.UTC(year, month - 1 + count, 1)).toISOString().slice(0, 10);
}

/** The range that ends with the period of `until`, at today at the latest. */
export function rangeUntil(until: string, today: string, period: Period, count: number): Range {
  const lastStart = startOf(until < today ? until : today, period);
  const date_from = shifted(lastStart, period, 1 - count);
  const end = shifted(lastStart, period, 1);
  const tomorrow = daysAfter(today, 1);
  const date_to = end < tomorrow ? end : tomorrow;
  return { period, count, date_from, date_to, day_count: daysBetween(date_from, date_to) };
}

/** As many days again, right before. */
export function rangeBefore(range: Range): { date_from: string; date_to: string } {
  return { date_from: daysAfter(range.date_from, -range.day_count), date_to: range.date_from };
}

/** What `until` is for the range before. */
export function untilBefore(range: Range): string {
  return daysAfter(range.date_from, -1);
}

/** What `until` is for the range after; null where that would be up to today, which needs no saying. */
export function untilAfter(range: Range, today: string): string | null {
  const until = daysAfter(shifted(range.date_from, range.period, 2 * range.count), -1);
  return until >= today ? null : until;
}

function daysBetween(from: string, to: string): number {
  return (Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000;
}

export function endsToday(range: Range, today: string): boolean {
  return range.date_to > today;
}
