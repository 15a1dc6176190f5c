// When a station was offline or a connector faulted, as times to shade in the charts. Pure.
import type { OnlineHistory, StationEvent } from "../../api/types";
import type { Span } from "../../charts/TimeChart";

export function offlineSpans(history: OnlineHistory): Span[] {
  return history.intervals
    .filter((interval) => interval.is_online === false)
    .map((interval) => ({ ...secondsOf(interval.starts_at, interval.ends_at), kind: "offline" }));
}

/** From each fault to its recovery. `events` are of one connector, oldest first, and begin at `from_ms`. */
export function faultSpans(events: readonly StationEvent[], from_ms: number, to_ms: number): Span[] {
  const spans: Span[] = [];
  // A recovery that comes first says that the range began with a fault.
  let since_s: number | null =
    events.find((event) => event.kind === "faulted" || event.kind === "recovered")?.kind === "recovered"
      ? from_ms / 1000
      : null;
  for (const event of events) {
    const at_s = Date.parse(event.ts) / 1000;
    if (event.kind === "faulted") since_s ??= at_s;
    if (event.kind === "recovered" && since_s !== null) {
      spans.push({ from_s: since_s, to_s: at_s, kind: "faulted" });
      since_s = null;
    }
  }
  if (since_s !== null) spans.push({ from_s: since_s, to_s: to_ms / 1000, kind: "faulted" });
  return spans;
}

function secondsOf(starts_at: string, ends_at: string): { from_s: number; to_s: number } {
  return { from_s: Date.parse(starts_at) / 1000, to_s: Date.parse(ends_at) / 1000 };
}
