// A connector of the register that has said nothing yet; tests say what it has.
import type { Connector } from "../src/api/types";

export function connectorRow(changes: Partial<Connector> = {}): Connector {
  return {
    connector_id: 1,
    ts: null,
    received_at: null,
    status: null,
    reported_status: null,
    power_w: null,
    voltage_v: null,
    current_a: null,
    temperature_c: null,
    soc_percent: null,
    energy_source: null,
    error_code: null,
    quality: [],
    session_id: null,
    standard: null,
    format: null,
    power_type: null,
    ...changes,
  };
}
