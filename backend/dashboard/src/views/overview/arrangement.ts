// Which places are shown and in which order, and how many are in each state. Pure; over 1,000 places in about 1 ms.
import type { Picture } from "../../live/picture";
import { seenAt } from "../../live/seen";
import type { Filters } from "./address";
import { groupOf, rankOf } from "./groups";
import { newestOf, type Place, stateOfPlace } from "./places";

const names = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** By name, then by uid, then by connector: the order that never changes, so every other one builds on it. */
export function byName(places: readonly Place[]): Place[] {
  return [...places].sort(
    (a, b) =>
      names.compare(a.title, b.title) || names.compare(a.evseUid, b.evseUid) || a.connectorId - b.connectorId,
  );
}

/** Of the site, with all of the words: without regard to state. */
export function matching(
  places: readonly Place[],
  { text, siteId }: Pick<Filters, "text" | "siteId">,
): Place[] {
  const words = text.split(/\s+/).filter(Boolean);
  return places.filter(
    (place) =>
      (siteId === null || place.siteId === siteId) && words.every((word) => place.searched.includes(word)),
  );
}

/** `places` must be in the order of their names. */
export function arranged(
  places: readonly Place[],
  picture: Picture,
  { groups, order }: Pick<Filters, "groups" | "order">,
): readonly Place[] {
  const shown: { place: Place; state: string }[] = [];
  for (const place of places) {
    const state = stateOfPlace(place, newestOf(place, picture.connector(place.key)));
    if (groups.length === 0 || groups.includes(groupOf(state))) shown.push({ place, state });
  }
  if (order === "name") return shown.map(({ place }) => place);
  const weighed = shown.map(({ place, state }) => ({
    place,
    weight: order === "state" ? rankOf(state) : weightOf(place, picture, order),
  }));
  // Sorting is stable: what weighs the same stays in the order of names.
  return weighed.sort((a, b) => a.weight - b.weight).map(({ place }) => place);
}

/** The lightest comes first; what is not known comes last. */
function weightOf(place: Place, picture: Picture, order: "power" | "seen"): number {
  const connector = newestOf(place, picture.connector(place.key));
  if (order === "power") {
    const power_w = connector?.is_online ? connector.power_w : null;
    return power_w === null || power_w === undefined ? Number.MAX_VALUE : -power_w;
  }
  const at = connector === undefined ? null : seenAt(connector);
  // In steps: at 10 Hz everybody was heard a moment ago, and nobody should change places for that.
  return at === null || at === undefined ? Number.MAX_VALUE : Math.floor(Date.parse(at) / SEEN_STEP_MS);
}

const SEEN_STEP_MS = 30_000;

/** How many places are in each group. */
export function counted(places: readonly Place[], picture: Picture): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const place of places) {
    const id = groupOf(stateOfPlace(place, newestOf(place, picture.connector(place.key))));
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

export interface LiveTotals {
  /** Of all connectors that are online; null: nobody said. */
  power_w: number | null;
  /** null: what is shown does not tell of sessions. */
  sessionCount: number | null;
}

export function liveTotals(picture: Picture, siteId: number | null): LiveTotals {
  let power_w: number | null = null;
  let sessionCount: number | null = null;
  for (const connector of picture.connectors.values()) {
    if (siteId !== null && connector.site_id !== siteId) continue;
    if (connector.is_online && typeof connector.power_w === "number")
      power_w = (power_w ?? 0) + connector.power_w;
    if (connector.session !== undefined)
      sessionCount = (sessionCount ?? 0) + (connector.session === null ? 0 : 1);
  }
  return { power_w, sessionCount };
}
