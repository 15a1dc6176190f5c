// Sites, stations, tariffs and imports as the API writes them, for tests.
import type { Evse, Import, Site, Tariff } from "../src/api/types";
import { connectorRow } from "./connectorRow";

export const SITE: Site = {
  id: 1,
  name: "Main site",
  timezone: "America/Jamaica",
  currency: "JMD",
  address: null,
  city: "Kingston",
  postal_code: null,
  country: "JAM",
  latitude_deg: 17.97,
  longitude_deg: -76.79,
  operator_name: null,
  operator_tax_id: null,
  created_at: "2026-01-01T00:00:00Z",
};

export function evse(changes: Partial<Evse> = {}): Evse {
  return {
    evse_uid: "CP-1",
    site_id: 1,
    name: "Left",
    dialect: "native",
    base_topic: null,
    vendor: "Acme",
    model: "Two",
    firmware: "1.2.3",
    max_power_w: 7400,
    is_enabled: true,
    is_online: true,
    online_changed_at: "2026-11-21T10:00:00Z",
    credentials_ref: null,
    created_at: "2026-01-01T00:00:00Z",
    edited_at: null,
    connectors: [connectorRow()],
    ...changes,
  };
}

export function tariff(changes: Partial<Tariff> = {}): Tariff {
  return {
    id: 1,
    site_id: 1,
    valid_from: "1970-01-01T00:00:00Z",
    is_current: true,
    currency: "JMD",
    price_solar_per_kwh: "10.0000",
    price_grid_per_kwh: "50.0000",
    vat_percent: "15.00",
    elements: [],
    timezone: "America/Jamaica",
    created_at: "2026-01-01T00:00:00Z",
    ...changes,
  };
}

export function oneImport(changes: Partial<Import> = {}): Import {
  return {
    id: "8c5bd4f0-0000-4000-8000-000000000001",
    evse_uid: "CP-1",
    connector_id: null,
    file_name: "card.csv",
    sha256: "00",
    status: "completed",
    created_by: "olivia",
    created_at: "2026-11-21T15:30:00Z",
    completed_at: "2026-11-21T15:30:05Z",
    size_bytes: 2048,
    line_count: 1204,
    waiting_count: 0,
    stored_count: 1200,
    duplicate_count: 3,
    rejected_count: 1,
    ...changes,
  };
}
