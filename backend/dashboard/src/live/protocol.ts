// The messages of the live WebSocket: docs/live-protocol.md. A hand-written mirror of docs/asyncapi.yaml.
import type { AlertKind, AlertSeverity, Command } from "../api/types";

export const SUBPROTOCOL = "solarrally.v1";

export interface LiveSession {
  id: string;
  evse_uid: string;
  connector_id: number;
  device_session_id: string | null;
  id_token: string | null;
  /** INVALID: late data dissolved it. */
  status: "ACTIVE" | "COMPLETED" | "INVALID";
  started_at: string;
  ended_at: string | null;
  end_reason: string | null;
  energy_wh: number;
  energy_solar_wh: number;
  energy_grid_wh: number;
  energy_unattributed_wh: number;
  peak_power_w: number | null;
  /** A decimal as text. */
  cost: string;
  currency: string;
}

/** The newest of one connector. Who may see it only in short gets the first five fields and no others. */
export interface LiveConnector {
  evse_uid: string;
  site_id: number;
  connector_id: number;
  is_online: boolean;
  status: string | null;
  ts?: string | null;
  received_at?: string | null;
  reported_status?: string | null;
  power_w?: number | null;
  voltage_v?: number | null;
  current_a?: number | null;
  temperature_c?: number | null;
  soc_percent?: number | null;
  energy_source?: string | null;
  error_code?: string | null;
  quality?: string[];
  session?: LiveSession | null;
}

export interface LiveAlert {
  id: number;
  evse_uid: string;
  site_id: number;
  connector_id: number | null;
  session_id: string | null;
  kind: AlertKind;
  severity: AlertSeverity;
  status: "open" | "acknowledged" | "resolved";
  detail: string | null;
  opened_at: string;
  last_seen_at: string;
  acknowledged_at: string | null;
  resolved_at: string | null;
}

export type LiveCommand = Omit<Command, "params">;

export interface Snapshot {
  type: "snapshot";
  updates: LiveConnector[];
  alerts?: LiveAlert[];
  commands?: LiveCommand[];
}

export interface Frame {
  type: "frame";
  updates: LiveConnector[];
  sessions?: LiveSession[];
  alerts?: LiveAlert[];
  commands?: LiveCommand[];
}

export type ByeReason =
  | "going_away"
  | "too_slow"
  | "busy"
  | "unavailable"
  | "invalid_message"
  | "token_expired"
  | "user_disabled"
  | "role_changed"
  | "login_ended"
  | "key_ended"
  | "no_subscribe"
  | "silent"
  | "too_big"
  | "too_many_messages";

export type ServerMessage =
  | Snapshot
  | Frame
  | { type: "stale" }
  | { type: "ping" }
  | { type: "pong" }
  | { type: "bye"; reason: ByeReason; detail?: string; field?: string };

export type ClientMessage =
  | { type: "subscribe"; all: true; max_rate_hz: number }
  | { type: "subscribe"; evses: string[]; max_rate_hz: number }
  | { type: "ping" }
  | { type: "pong" };
