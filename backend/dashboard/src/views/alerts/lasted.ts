// How long an alert lasted, as far as we know.
import type { Alert } from "../../api/types";
import { about } from "../../format/time";

/** In words: over, still going on, or settled by somebody while its cause went on. */
export function lastedText(
  alert: Pick<Alert, "opened_at" | "ended_at" | "resolved_at">,
  nowMs: number,
): string {
  const openedMs = Date.parse(alert.opened_at);
  const since = (at: string) => about((Date.parse(at) - openedMs) / 1000);
  if (alert.ended_at !== null) return since(alert.ended_at);
  if (alert.resolved_at !== null) return `${since(alert.resolved_at)} until resolved`;
  return `${about((nowMs - openedMs) / 1000)} so far`;
}
