// What the form of a site holds, and what is sent of it. Pure.
import type { components } from "../../api/schema";
import type { Site } from "../../api/types";

type NewSite = components["schemas"]["NewSite"];
type SiteChange = components["schemas"]["SiteChange"];

const TEXTS = ["address", "city", "postal_code", "country", "operator_name", "operator_tax_id"] as const;
const DEGREES = ["latitude_deg", "longitude_deg"] as const;
const PRICES = ["price_solar_per_kwh", "price_grid_per_kwh", "vat_percent"] as const;

export type SiteField =
  | "name"
  | "timezone"
  | "currency"
  | (typeof TEXTS)[number]
  | (typeof DEGREES)[number]
  | (typeof PRICES)[number];
export type SiteDraft = Record<SiteField, string>;

export function draftOfSite(site: Site | null, ownZone: string): SiteDraft {
  const text = (field: keyof Site) => String(site?.[field] ?? "");
  return {
    name: text("name"),
    timezone: site?.timezone ?? ownZone,
    currency: text("currency"),
    address: text("address"),
    city: text("city"),
    postal_code: text("postal_code"),
    country: text("country"),
    latitude_deg: text("latitude_deg"),
    longitude_deg: text("longitude_deg"),
    operator_name: text("operator_name"),
    operator_tax_id: text("operator_tax_id"),
    price_solar_per_kwh: "",
    price_grid_per_kwh: "",
    vat_percent: "0",
  };
}

/** What is said of a site; empty is unknown. */
function said(draft: SiteDraft) {
  const text = (field: SiteField) => draft[field].trim() || null;
  const degrees = (field: SiteField) => (draft[field].trim() === "" ? null : Number(draft[field]));
  return {
    name: draft.name.trim(),
    timezone: draft.timezone.trim(),
    address: text("address"),
    city: text("city"),
    postal_code: text("postal_code"),
    country: text("country"),
    latitude_deg: degrees("latitude_deg"),
    longitude_deg: degrees("longitude_deg"),
    operator_name: text("operator_name"),
    operator_tax_id: text("operator_tax_id"),
  };
}

export function newSiteOf(draft: SiteDraft): NewSite {
  const { currency, price_solar_per_kwh, price_grid_per_kwh, vat_percent } = draft;
  return { ...said(draft), currency, price_solar_per_kwh, price_grid_per_kwh, vat_percent };
}

/** Only what is another now: what somebody else changes meanwhile stays. */
export function siteChangesOf(site: Site, draft: SiteDraft): SiteChange {
  const changes = Object.entries(said(draft)).filter(([field, value]) => site[field as keyof Site] !== value);
  return Object.fromEntries(changes);
}
