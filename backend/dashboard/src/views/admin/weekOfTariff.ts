// Which element of a tariff counts at each quarter of an hour of the week. Pure.
import { number } from "../../format/number";

export const DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"] as const;
export type Day = (typeof DAYS)[number];

export interface WeekElement {
  /** Empty: every day. */
  day_of_week: readonly string[];
  start_time: string;
  end_time: string;
}

/** A stretch of a day with the same prices. */
export interface Run {
  /** Of the element; null: base prices. */
  index: number | null;
  from_quarter: number;
  to_quarter: number;
}

export interface Week {
  /** Monday first. */
  days: readonly (readonly Run[])[];
  /** For each element, how many quarters of the week it counts. */
  counts: readonly number[];
  base_quarters: number;
  overlaps: readonly { first: number; second: number; quarters: number }[];
}

const DAY_QUARTERS = 96;
const WEEK_QUARTERS = 7 * DAY_QUARTERS;

export function weekOf(elements: readonly WeekElement[]): Week {
  const winner = new Array<number | null>(WEEK_QUARTERS).fill(null);
  const overlaps = new Map<string, { first: number; second: number; quarters: number }>();
  elements.forEach((element, index) => {
    for (const quarter of quartersOf(element)) {
      const first = winner[quarter] ?? null;
      if (first === null) {
        winner[quarter] = index;
      } else if (first !== index) {
        const overlap = overlaps.get(`${first} ${index}`) ?? { first, second: index, quarters: 0 };
        overlap.quarters += 1;
        overlaps.set(`${first} ${index}`, overlap);
      }
    }
  });
  return {
    days: DAYS.map((_, day) => runsOf(winner.slice(day * DAY_QUARTERS, (day + 1) * DAY_QUARTERS))),
    counts: elements.map((_, index) => winner.filter((each) => each === index).length),
    base_quarters: winner.filter((each) => each === null).length,
    overlaps: [...overlaps.values()],
  };
}

/** An end that is not after the start is on the next day; the week goes round. */
function quartersOf({ day_of_week, start_time, end_time }: WeekElement): Set<number> {
  const start = quarterOf(start_time);
  const end = quarterOf(end_time);
  const found = new Set<number>();
  if (start === null || end === null) return found;
  DAYS.forEach((day, at) => {
    if (day_of_week.length > 0 && !day_of_week.includes(day)) return;
    const last = end <= start ? end + DAY_QUARTERS : end;
    for (let quarter = start; quarter < last; quarter += 1)
      found.add((at * DAY_QUARTERS + quarter) % WEEK_QUARTERS);
  });
  return found;
}

/** `17:30` is 70; null for what is not a time yet. */
function quarterOf(time: string): number | null {
  const found = /^(\d\d):(\d\d)$/.exec(time);
  return found === null ? null : Number(found[1]) * 4 + Math.floor(Number(found[2]) / 15);
}

function runsOf(day: readonly (number | null)[]): Run[] {
  const runs: Run[] = [];
  day.forEach((index, quarter) => {
    const last = runs.at(-1);
    if (last !== undefined && last.index === index) last.to_quarter = quarter + 1;
    else runs.push({ index, from_quarter: quarter, to_quarter: quarter + 1 });
  });
  return runs;
}

/** `5 h`, `1.25 h`. */
export function hoursOf(quarters: number): string {
  return `${number(quarters / 4, quarters % 4 === 0 ? 0 : 2)}\u00a0h`;
}

/** What is to be known of the week, a sentence each; what is probably a mistake first. */
export function remarksOn(week: Week): { text: string; isDoubtful: boolean }[] {
  const never = week.counts.flatMap((quarters, at) =>
    quarters > 0
      ? []
      : [{ text: `Time ${at + 1} never counts: those before it cover all of it.`, isDoubtful: true }],
  );
  const overlaps = week.overlaps.map(({ first, second, quarters }) => ({
    text: `Times ${first + 1} and ${second + 1} overlap for ${hoursOf(quarters)} a week: ${first + 1} counts there, as the first.`,
    isDoubtful: true,
  }));
  const base =
    week.base_quarters === WEEK_QUARTERS
      ? "The base prices hold the whole week."
      : week.base_quarters === 0
        ? "The base prices never hold: times of day cover the whole week."
        : `The base prices hold ${hoursOf(week.base_quarters)} of the week's ${hoursOf(WEEK_QUARTERS)}.`;
  return [...never, ...overlaps, { text: base, isDoubtful: false }];
}
