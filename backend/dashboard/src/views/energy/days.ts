// Which day it is where the sites are: each counts by its own calendar, and some are a day ahead of others. Pure.
import { localDay, localTime } from "../../format/time";

export interface Days {
  /** That of all the sites, or the reader's where they differ. */
  zone: string;
  /** The latest of the local days. */
  today: string;
  /** The earliest of them: no day from here on is over everywhere. */
  openDay: string;
  /** The latest of the local times, to the minute. */
  now: string;
}

export function daysOf(zones: readonly string[], nowMs: number, readersZone: string): Days {
  const different = [...new Set(zones)];
  const [first = readersZone] = different;
  const where = different.length === 0 ? [readersZone] : different;
  const days = where.map((zone) => localDay(nowMs, zone)).sort();
  const times = where.map((zone) => localTime(nowMs, zone)).sort();
  return {
    zone: different.length > 1 ? readersZone : first,
    today: days.at(-1) ?? "",
    openDay: days[0] ?? "",
    now: times.at(-1) ?? "",
  };
}
