// Alerts as the API and the live feed give them.
import type { Alert } from "../src/api/types";
import type { LiveAlert } from "../src/live/protocol";

export function liveAlert(id: number, alert: Partial<LiveAlert> = {}): LiveAlert {
  return {
    id,
    evse_uid: `CP-${id}`,
    site_id: 1,
    connector_id: 1,
    session_id: null,
    kind: "offline",
    severity: "warning",
    status: "open",
    detail: null,
    opened_at: "2026-11-21T07:00:00Z",
    last_seen_at: "2026-11-21T07:00:00Z",
    acknowledged_at: null,
    resolved_at: null,
    ...alert,
  };
}

export function alertRow(id: number, alert: Partial<Alert> = {}): Alert {
  return {
    ...liveAlert(id),
    acknowledged_by: null,
    resolved_by: null,
    ended_at: null,
    note: null,
    occurrence_count: 1,
    ...alert,
  };
}
