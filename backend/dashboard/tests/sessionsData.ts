// Sessions, bills and their surroundings for the tests: whole ones, of which a test changes what it is about.
import type { Bill, Session, Site, Tariff } from "../src/api/types";
import type { LiveSession } from "../src/live/protocol";

export const SITE: Site = {
  id: 1,
  name: "Ocho Rios",
  timezone: "America/Jamaica",
  currency: "JMD",
  address: null,
  city: null,
  postal_code: null,
  country: null,
  latitude_deg: null,
  longitude_deg: null,
  operator_name: null,
  operator_tax_id: null,
  created_at: "2026-01-01T00:00:00Z",
};

export const TARIFF: Tariff = {
  id: 1,
  site_id: 1,
  valid_from: "2026-01-01T00:00:00Z",
  is_current: true,
  currency: "JMD",
  price_solar_per_kwh: "10.0000",
  price_grid_per_kwh: "50.0000",
  vat_percent: "15.00",
  elements: [],
  timezone: "America/Jamaica",
  created_at: "2026-01-01T00:00:00Z",
};

export function session(changed: Partial<Session> = {}): Session {
  return {
    id: "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
    evse_uid: "CP-1",
    connector_id: 1,
    site_id: 1,
    device_session_id: "4711",
    id_token: "TAG1",
    status: "COMPLETED",
    started_at: "2026-11-21T14:00:00Z",
    ended_at: "2026-11-21T15:00:00Z",
    end_reason: "EVDisconnected",
    last_reading_at: "2026-11-21T15:00:00Z",
    reading_count: 3,
    charging_s: 3300,
    energy_wh: 7200,
    energy_solar_wh: 5400,
    energy_grid_wh: 1800,
    energy_unattributed_wh: 0,
    kwh: 7.2,
    energy_method: "register",
    peak_power_w: 7341,
    quality: [],
    tariff_id: 1,
    currency: "JMD",
    cost: "144.0000",
    total_cost: { excl_vat: "144.0000", incl_vat: "165.6000" },
    updated_at: "2026-11-21T15:00:00Z",
    country_code: "JM",
    party_id: "SRY",
    location_id: "1",
    start_date_time: "2026-11-21T14:00:00Z",
    end_date_time: "2026-11-21T15:00:00Z",
    cdr_token: { uid: "TAG1", type: "OTHER" },
    auth_method: "WHITELIST",
    last_updated: "2026-11-21T15:00:00Z",
    ...changed,
  };
}

export const RUNNING: Partial<Session> = {
  status: "ACTIVE",
  ended_at: null,
  end_date_time: null,
  end_reason: null,
};

export function liveSession(changed: Partial<LiveSession> = {}): LiveSession {
  return {
    id: "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
    evse_uid: "CP-1",
    connector_id: 1,
    device_session_id: "4711",
    id_token: "TAG1",
    status: "ACTIVE",
    started_at: "2026-11-21T14:00:00Z",
    ended_at: null,
    end_reason: null,
    energy_wh: 8000,
    energy_solar_wh: 6000,
    energy_grid_wh: 2000,
    energy_unattributed_wh: 0,
    peak_power_w: 7500,
    cost: "160.0000",
    currency: "JMD",
    ...changed,
  };
}

export function bill(changed: Partial<Bill> = {}): Bill {
  return {
    id: "0a4f7f0e-8f3b-4f0d-8a51-7b9d4a1e2c33",
    number: 1545,
    session_id: session().id,
    revision: 1,
    kind: "invoice",
    credits_bill_id: null,
    site_id: 1,
    evse_uid: "CP-1",
    connector_id: 1,
    id_token: "TAG1",
    started_at: "2026-11-21T14:00:00Z",
    ended_at: "2026-11-21T15:00:00Z",
    energy_solar_wh: 5400,
    energy_grid_wh: 1800,
    energy_unattributed_wh: 0,
    tariff_id: 1,
    price_solar_per_kwh: "10.0000",
    price_grid_per_kwh: "50.0000",
    currency: "JMD",
    lines: [
      {
        started_at: "2026-11-21T14:00:00Z",
        ended_at: "2026-11-21T15:00:00Z",
        energy_solar_wh: 5400,
        energy_grid_wh: 1800,
        energy_unattributed_wh: 0,
        price_solar_per_kwh: "10.0000",
        price_grid_per_kwh: "50.0000",
        cost: "144.0000",
      },
    ],
    total: "144.0000",
    vat_percent: "15.00",
    vat: "21.6000",
    total_incl_vat: "165.6000",
    issuer: {
      name: "Ocho Rios",
      address: null,
      city: null,
      postal_code: null,
      country: null,
      operator_name: "Sun & Co",
      operator_tax_id: null,
      timezone: "America/Jamaica",
    },
    issued_at: "2026-11-21T15:00:01Z",
    ...changed,
  };
}

export const TOTALS = {
  energy_wh: 7200,
  energy_solar_wh: 5400,
  energy_grid_wh: 1800,
  energy_unattributed_wh: 0,
  solar_share: 0.75,
  session_count: 1,
  active_session_count: 0,
  charging_s: 3300,
  peak_power_w: 7341,
  money: [{ currency: "JMD", cost: "144.0000" }],
};
