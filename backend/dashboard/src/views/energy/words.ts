// What periods and changes are called.

import type { PeriodStats } from "../../api/types";
import { number, share } from "../../format/number";
import { calendarDay } from "../../format/time";
import type { Period } from "./range";

export const PERIOD_WORDS: Record<Period, string> = { day: "Day", week: "Week", month: "Month" };

/** In full: `21 Nov 2026`, `Week of 16 Nov 2026`, `November 2026`. */
export function periodName(start: string, period: Period): string {
  if (period === "month") return calendarDay(start, { month: "long", year: "numeric" });
  return period === "week" ? `Week of ${calendarDay(start)}` : calendarDay(start);
}

/** For below a bar: `21 Nov`, `Nov 26`. */
function periodTick(start: string, period: Period): string {
  return calendarDay(
    start,
    period === "month" ? { month: "short", year: "2-digit" } : { day: "numeric", month: "short" },
  );
}

/** So many periods: `30 days`. */
export function periodCount(count: number, period: Period): string {
  return `${number(count)} ${period}${count === 1 ? "" : "s"}`;
}

/** `+12 %`, `−3 %`, `no change`; what there was before is said beside it. */
export function changeText(change: number | null): string {
  if (change === null) return "change unknown";
  const rounded = Math.round(change * 100);
  if (rounded === 0) return "no change";
  return `${rounded > 0 ? "+" : "−"}${share(Math.abs(rounded) / 100)}`;
}

/** The same between two shares, in percentage points: from 40 % to 43 % is `+3 points`. */
export function pointsText(now: number | null, before: number | null, digits = 0): string {
  if (now === null || before === null) return "change unknown";
  const text = number(Math.abs(now - before) * 100, digits);
  if (text === number(0, digits)) return "no change";
  return `${now > before ? "+" : "−"}${text} points`;
}

/** What a bar of a period is called. One that is not over says so. */
export function barNames(
  row: PeriodStats,
  period: Period,
  openDay: string,
): { key: string; name: string; tick: string } {
  const name = periodName(row.period_start, period);
  return {
    key: row.period_start,
    name: row.date_to > openDay ? `${name}, so far` : name,
    tick: periodTick(row.period_start, period),
  };
}
