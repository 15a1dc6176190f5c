// Stations and connectors for the tests of the overview.
import type { Connector, Evse } from "../src/api/types";
import type { LiveConnector, LiveSession } from "../src/live/protocol";
import { connectorRow } from "./connectorRow";

export function evse(evse_uid: string, changes: Partial<Evse> = {}): Evse {
  return {
    evse_uid,
    site_id: 1,
    name: null,
    dialect: "native",
    base_topic: null,
    vendor: "Voltiq",
    model: "VQ-22",
    firmware: null,
    max_power_w: 22_000,
    is_enabled: true,
    is_online: true,
    online_changed_at: "2026-11-21T05:00:00Z",
    credentials_ref: null,
    created_at: "2026-11-01T08:00:00Z",
    edited_at: null,
    connectors: [],
    ...changes,
  };
}

export function registered(connector_id: number, changes: Partial<Connector> = {}): Connector {
  return connectorRow({
    connector_id,
    ts: "2026-11-21T07:00:00Z",
    received_at: "2026-11-21T07:00:00Z",
    status: "available",
    reported_status: "available",
    power_w: 0,
    ...changes,
  });
}

export function live(evse_uid: string, changes: Partial<LiveConnector> = {}): LiveConnector {
  return {
    evse_uid,
    site_id: 1,
    connector_id: 1,
    is_online: true,
    status: "available",
    ts: "2026-11-21T07:00:00Z",
    received_at: "2026-11-21T07:00:00Z",
    power_w: 0,
    temperature_c: 30,
    soc_percent: null,
    energy_source: "none",
    error_code: null,
    quality: [],
    session: null,
    ...changes,
  };
}

export function session(changes: Partial<LiveSession> = {}): LiveSession {
  return {
    id: "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
    evse_uid: "CP-1",
    connector_id: 1,
    device_session_id: null,
    id_token: null,
    status: "ACTIVE",
    started_at: "2026-11-21T06:00:00Z",
    ended_at: null,
    end_reason: null,
    energy_wh: 7200,
    energy_solar_wh: 5000,
    energy_grid_wh: 2200,
    energy_unattributed_wh: 0,
    peak_power_w: null,
    cost: "160.0000",
    currency: "JMD",
    ...changes,
  };
}
