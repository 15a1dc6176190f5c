// Instants in the zone of a site, and spans of time.
import { UNKNOWN } from "./number";

type Instant = string | number | Date | null | undefined;

const cache = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${timeZone} ${JSON.stringify(options)}`;
  let found = cache.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(undefined, { timeZone, ...options });
    cache.set(key, found);
  }
  return found;
}

function format(instant: Instant, timeZone: string, options: Intl.DateTimeFormatOptions): string {
  return instant === null || instant === undefined
    ? UNKNOWN
    : formatter(timeZone, options).format(new Date(instant));
}

const DAY: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", year: "numeric" };
const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };

/** Day and time, to the minute, without the zone: for columns whose head names it. */
export function dayTime(instant: Instant, timeZone: string): string {
  return format(instant, timeZone, { ...DAY, ...CLOCK });
}

/** Day and time to the second, with the zone: for single facts and tooltips. */
export function exact(instant: Instant, timeZone: string): string {
  return format(instant, timeZone, { ...DAY, ...CLOCK, second: "2-digit", timeZoneName: "short" });
}

/** The time of day, to the second. */
export function clock(instant: Instant, timeZone: string): string {
  return format(instant, timeZone, { ...CLOCK, second: "2-digit" });
}

/** The time of day, to the minute. */
export function clockMinute(instant: Instant, timeZone: string): string {
  return format(instant, timeZone, CLOCK);
}

/** The day. */
export function day(instant: Instant, timeZone: string): string {
  return format(instant, timeZone, DAY);
}

/** A calendar day such as `2026-11-21`, which has no zone. */
export function calendarDay(text: string, options: Intl.DateTimeFormatOptions = DAY): string {
  return format(`${text}T00:00:00Z`, "UTC", options);
}

/** What a zone is called at an instant: `GMT-5`, `CET`. */
export function zoneName(timeZone: string, at: Instant = Date.now()): string {
  const parts = formatter(timeZone, { timeZoneName: "short" }).formatToParts(new Date(at ?? Date.now()));
  return parts.find((part) => part.type === "timeZoneName")?.value ?? timeZone;
}

/** What a zone is called at all of the instants; null where a clock change lies between them. */
export function oneZoneName(timeZone: string, instants: readonly Instant[]): string | null {
  const [first = zoneName(timeZone), ...others] = new Set(instants.map((at) => zoneName(timeZone, at)));
  return others.length === 0 ? first : null;
}

/** The calendar day, `2026-11-21`, that an instant falls on in a zone. */
export function localDay(instant: string | number | Date, timeZone: string): string {
  // Sweden writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  }).format(new Date(instant));
}

/** When a local time, `2026-11-21T08:30`, is in a zone. A time that a clock change leaves out is taken an hour later. */
export function instantOf(local: string, timeZone: string): Date {
  const asUtcMs = Date.parse(`${local.length === 10 ? `${local}T00:00` : local}Z`);
  const first = asUtcMs - offsetMs(asUtcMs, timeZone);
  return new Date(asUtcMs - offsetMs(first, timeZone));
}

/** The local time, `2026-11-21T08:30`, of an instant in a zone: what `<input type="datetime-local">` shows. */
export function localTime(instant: string | number | Date, timeZone: string): string {
  const ms = new Date(instant).getTime();
  return new Date(ms + offsetMs(ms, timeZone)).toISOString().slice(0, 16);
}

/** How far a zone is ahead of UTC at an instant. */
function offsetMs(ms: number, timeZone: string): number {
  const parts = formatter(timeZone, {
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
    era: "short",
    calendar: "gregory",
    numberingSystem: "latn",
  }).formatToParts(new Date(ms));
  const part = (type: Intl.DateTimeFormatPartTypes) =>
    Number(parts.find((each) => each.type === type)?.value);
  const local = Date.UTC(
    part("year"),
    part("month") - 1,
    part("day"),
    part("hour"),
    part("minute"),
    part("second"),
  );
  return local - Math.floor(ms / 1000) * 1000;
}

/** A span as a running clock shows it: `1:02:05`, with days in front where there are any. */
export function span(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const text = `${Math.floor((whole % 86_400) / 3600)}:${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
  return whole >= 86_400 ? `${Math.floor(whole / 86_400)} d ${text}` : text;
}

/** A span in words, about: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function about(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return UNKNOWN;
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}\u00a0s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes}\u00a0min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours}\u00a0h` : `${hours}\u00a0h ${minutes % 60}\u00a0min`;
  return hours % 24 === 0
    ? `${Math.floor(hours / 24)}\u00a0d`
    : `${Math.floor(hours / 24)}\u00a0d ${hours % 24}\u00a0h`;
}

/** How long ago an instant is, by the server's clock. */
export function ago(instant: string | null | undefined, nowMs: number): string {
  if (instant === null || instant === undefined) return "never";
  const seconds = (nowMs - Date.parse(instant)) / 1000;
  return seconds < 2 ? "now" : `${about(seconds)} ago`;
}
