// What the tables of alerts say of sites: asked once for all rows.
import { ownZone, useSites } from "../../api/queries";

export interface Places {
  /** The zone that all sites are in: said once, above the table; null where they are in different ones. */
  commonZone: string | null;
  zoneOf: (siteId: number) => string;
  /** null where there is one site only: then it goes without saying. */
  siteName: (siteId: number) => string | null;
}

export function usePlaces(): Places {
  const { data: sites = [] } = useSites();
  const byId = new Map(sites.map((site) => [site.id, site]));
  const [zone, ...others] = new Set(sites.map((site) => site.timezone));
  return {
    commonZone: others.length > 0 ? null : (zone ?? ownZone()),
    zoneOf: (siteId) => byId.get(siteId)?.timezone ?? ownZone(),
    siteName: (siteId) => (sites.length > 1 ? (byId.get(siteId)?.name ?? `Site ${siteId}`) : null),
  };
}
