// The alerts that nobody has settled yet: live ones, with what only the API knows of them.
import type { Alert, AlertKind, AlertSeverity } from "../../api/types";
import type { LiveAlert } from "../../live/protocol";

/** null in place of what the live feed does not tell and the API has not told yet. */
export interface UnresolvedAlert extends LiveAlert {
  acknowledged_by: string | null;
  occurrence_count: number | null;
  note: string | null;
}

export interface AlertFilter {
  kind: AlertKind | null;
  severity: AlertSeverity | null;
  siteId: number | null;
}

const URGENCY: Record<AlertSeverity, number> = { critical: 0, warning: 1, info: 2 };

/**
 * Critical ones first, then the oldest.
 *
 * While the picture is live it says which alerts there are; without it (`live` is null) the API's answer does.
 */
export function unresolvedAlerts(
  live: Iterable<LiveAlert> | null,
  known: ReadonlyMap<number, Alert>,
): UnresolvedAlert[] {
  const alerts =
    live === null ? [...known.values()] : [...live].map((alert) => joined(alert, known.get(alert.id)));
  return alerts.filter((alert) => alert.status !== "resolved").sort(byUrgency);
}

export function byUrgency(
  a: { id: number; severity: AlertSeverity; opened_at: string },
  b: { id: number; severity: AlertSeverity; opened_at: string },
): number {
  return (
    URGENCY[a.severity] - URGENCY[b.severity] ||
    Date.parse(a.opened_at) - Date.parse(b.opened_at) ||
    a.id - b.id
  );
}

/** An alert only ever goes on, from open over acknowledged to resolved: the further one is the newer. */
function joined(live: LiveAlert, known: Alert | undefined): UnresolvedAlert {
  if (known === undefined) return { ...live, acknowledged_by: null, occurrence_count: null, note: null };
  const { acknowledged_by, occurrence_count, note } = known;
  const newer = STAGE[known.status] > STAGE[live.status] ? known : live;
  return { ...newer, acknowledged_by, occurrence_count, note };
}

const STAGE: Record<Alert["status"], number> = { open: 0, acknowledged: 1, resolved: 2 };

export function fits(
  alert: { kind: AlertKind; severity: AlertSeverity; site_id: number },
  filter: AlertFilter,
): boolean {
  return (
    (filter.kind === null || alert.kind === filter.kind) &&
    (filter.severity === null || alert.severity === filter.severity) &&
    (filter.siteId === null || alert.site_id === filter.siteId)
  );
}
