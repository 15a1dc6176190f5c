// A station, its readings and its commands, as the API and the live feed tell them.
import type { Command, Evse } from "../src/api/types";
import type { LiveConnector, LiveSession } from "../src/live/protocol";
import { connectorRow } from "./connectorRow";
import type { Answers } from "./page";
import { page } from "./page";

export const SITE = {
  id: 1,
  name: "Ocho Rios",
  timezone: "America/Jamaica",
  currency: "JMD",
  created_at: "2026-01-01T00:00:00Z",
};

export function evse(values: Partial<Evse> = {}): Evse {
  return {
    evse_uid: "CP-1",
    site_id: 1,
    name: "Car park",
    dialect: "native",
    base_topic: null,
    vendor: "SolarRally",
    model: "L2-32",
    firmware: "1.4.2",
    max_power_w: 7360,
    is_enabled: true,
    is_online: true,
    online_changed_at: "2026-11-21T07:00:00Z",
    credentials_ref: null,
    created_at: "2026-01-01T00:00:00Z",
    edited_at: null,
    connectors: [1, 2].map((connector_id) =>
      connectorRow({ connector_id, status: "available", reported_status: "available" }),
    ),
    ...values,
  };
}

export function liveSession(values: Partial<LiveSession> = {}): LiveSession {
  return {
    id: "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
    evse_uid: "CP-1",
    connector_id: 1,
    device_session_id: "4711",
    id_token: "04A2B3C4",
    status: "ACTIVE",
    started_at: new Date(Date.now() - 3_725_000).toISOString(),
    ended_at: null,
    end_reason: null,
    energy_wh: 7200,
    energy_solar_wh: 5000,
    energy_grid_wh: 2200,
    energy_unattributed_wh: 0,
    peak_power_w: 7341,
    cost: "12345678901234.5600",
    currency: "JMD",
    ...values,
  };
}

export function liveConnector(values: Partial<LiveConnector> = {}): LiveConnector {
  return {
    evse_uid: "CP-1",
    site_id: 1,
    connector_id: 1,
    is_online: true,
    ts: "2026-11-21T17:00:00Z",
    received_at: "2026-11-21T17:00:00Z",
    status: "charging",
    reported_status: "charging",
    power_w: 7200,
    voltage_v: 230.1,
    current_a: 31.3,
    temperature_c: 34.5,
    soc_percent: null,
    energy_source: "solar",
    error_code: null,
    quality: [],
    session: null,
    ...values,
  };
}

export function command(values: Partial<Command> = {}): Command {
  return {
    id: "0b5f7d0e-6a0c-4a53-8d7c-3c1c5b0f2a11",
    evse_uid: "CP-1",
    site_id: 1,
    connector_id: null,
    command: "set_current_limit",
    params: { limit_a: 10 },
    status: "pending",
    detail: null,
    requested_by: "olivia",
    created_at: "2026-11-21T17:00:00Z",
    expires_at: new Date(Date.now() + 30_000).toISOString(),
    sent_at: null,
    answered_at: null,
    finished_at: null,
    ...values,
  };
}

export function telemetry(resolution: string, items: object[], values: object = {}) {
  return {
    ...page(items),
    evse_uid: "CP-1",
    connector_id: 1,
    timezone: SITE.timezone,
    raw_since: null,
    resolution,
    ...values,
  };
}

/** Everything that the page asks for, with nothing in it. */
export const QUIET: Answers = {
  "GET /api/v1/sites": page([SITE]),
  "GET /api/v1/evses/CP-1": evse(),
  "GET /api/v1/evses/CP-1/telemetry": (asked: { query: URLSearchParams }) =>
    telemetry(asked.query.get("resolution") ?? "15min", []),
  "GET /api/v1/evses/CP-1/online-history": { intervals: [] },
  "GET /api/v1/evses/CP-1/events": page([]),
  "GET /api/v1/sessions": page([]),
  "GET /api/v1/commands": page([]),
};
