// Which sessions are asked for: from the address to the API's parameters. Pure.
import type { LiveSession } from "../../live/protocol";

export const SORTS = [
  ["-started_at", "Newest first"],
  ["started_at", "Oldest first"],
  ["-updated_at", "Last changed first"],
  ["updated_at", "First changed first"],
] as const;

export type Sort = (typeof SORTS)[number][0];
export type SessionStatus = "ACTIVE" | "COMPLETED";

/** Named as the API names them. */
export interface SessionFilters {
  site_id?: number;
  evse_uid?: string;
  status?: SessionStatus[];
  id_token?: string;
  user_id?: number;
  energy_min_wh?: number;
}

/** What the address asks for; what makes no sense there is passed over. */
export function filtersOf(search: URLSearchParams): SessionFilters {
  const filters: SessionFilters = {};
  const siteId = wholeNumber(search.get("site"));
  const userId = wholeNumber(search.get("user"));
  const kwh = Number.parseFloat(search.get("min_kwh") ?? "");
  const status = search.get("status");
  const station = search.get("station");
  const token = search.get("token");
  if (siteId !== null) filters.site_id = siteId;
  if (station) filters.evse_uid = station;
  if (status === "ACTIVE" || status === "COMPLETED") filters.status = [status];
  if (token) filters.id_token = token;
  if (userId !== null) filters.user_id = userId;
  if (kwh > 0) filters.energy_min_wh = Math.round(kwh * 1000);
  return filters;
}

export function sortOf(search: URLSearchParams): Sort {
  return SORTS.find(([sort]) => sort === search.get("sort"))?.[0] ?? "-started_at";
}

/** Whether a session that has just begun belongs into the list, as far as its update says. */
export function isAskedFor(
  session: LiveSession,
  siteId: number | undefined,
  filters: SessionFilters & { date_from: string; date_to: string },
): boolean {
  if (session.status !== "ACTIVE") return false;
  const startedMs = Date.parse(session.started_at);
  if (startedMs < Date.parse(filters.date_from) || startedMs >= Date.parse(filters.date_to)) return false;
  if (filters.status?.includes("ACTIVE") === false) return false;
  if (filters.user_id !== undefined) return false; // whose token it is, an update does not say
  if (filters.site_id !== undefined && filters.site_id !== siteId) return false;
  if (filters.evse_uid !== undefined && filters.evse_uid !== session.evse_uid) return false;
  if (filters.id_token !== undefined && filters.id_token !== session.id_token) return false;
  return session.energy_wh >= (filters.energy_min_wh ?? 0);
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
}
