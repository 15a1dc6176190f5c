// The words and the levels of the week's heat map.

/** Monday first. 1 January 2024 was one. */
export const WEEKDAYS = Array.from({ length: 7 }, (_, at) => {
  const date = new Date(Date.UTC(2024, 0, 1 + at));
  const named = (weekday: "short" | "long") =>
    new Intl.DateTimeFormat(undefined, { weekday, timeZone: "UTC" }).format(date);
  return { name: named("long"), short: named("short") };
});

/** An hour with its end: `08:00–09:00`. */
export function hourText(hour: number): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(hour)}:00–${two(hour + 1)}:00`;
}

/** 0 for nothing at all, then 1 to 5 in equal steps up to the highest; null for what is not known. */
export function levelOf(share: number | null, highest: number): number | null {
  if (share === null) return null;
  if (share <= 0 || highest <= 0) return 0;
  return Math.min(5, Math.max(1, Math.ceil((share / highest) * 5 - 1e-9)));
}

/** The hour that is used most, and how many hours of the week are not used at all; null: none is known. */
export function busiestOf<T extends { share: number | null }>(
  hours: readonly T[],
): { busiest: T; unused_count: number } | null {
  const known = hours.filter((hour) => hour.share !== null);
  const [first] = known;
  if (first === undefined) return null;
  const busiest = known.reduce((most, hour) => ((hour.share ?? 0) > (most.share ?? 0) ? hour : most), first);
  return { busiest, unused_count: known.filter((hour) => hour.share === 0).length };
}
