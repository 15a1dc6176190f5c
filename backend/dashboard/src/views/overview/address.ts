// What the address says about the overview: filters, order, and the way of showing.
import { GROUPS } from "./groups";

export const ORDERS = [
  ["state", "State, faults first"],
  ["name", "Name"],
  ["power", "Power, highest first"],
  ["seen", "Last seen, oldest first"],
] as const;

export const MODES = [
  ["tiles", "Tiles"],
  ["list", "List"],
] as const;

export type Order = (typeof ORDERS)[number][0];
export type Mode = (typeof MODES)[number][0];

export interface Filters {
  /** In lower case; empty: everything. */
  text: string;
  /** Ids of groups; none: everything. */
  groups: readonly string[];
  siteId: number | null;
  order: Order;
}

export function filtersOf(search: URLSearchParams): Filters {
  const asked = (search.get("state") ?? "").split(",");
  const siteId = Number(search.get("site") ?? "");
  const order = ORDERS.find(([each]) => each === search.get("sort"));
  return {
    text: (search.get("q") ?? "").trim().toLowerCase(),
    groups: GROUPS.map((group) => group.id).filter((id) => asked.includes(id)),
    siteId: Number.isInteger(siteId) && siteId > 0 ? siteId : null,
    order: order?.[0] ?? "state",
  };
}

export function modeOf(search: URLSearchParams): Mode {
  return search.get("view") === "list" ? "list" : "tiles";
}

/** The groups of the address after one was clicked. */
export function toggled(groups: readonly string[], id: string): string {
  return (groups.includes(id) ? groups.filter((each) => each !== id) : [...groups, id]).join(",");
}
