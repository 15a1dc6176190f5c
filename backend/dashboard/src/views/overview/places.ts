// What the overview has a tile for: every connector of the register and of the picture, and what state it is in.
import type { Connector, Evse } from "../../api/types";
import { type ConnectorKey, connectorKey, type Picture } from "../../live/picture";
import type { LiveConnector } from "../../live/protocol";
import { stateOf } from "../../ui/Status";

export interface Place {
  key: ConnectorKey;
  evseUid: string;
  connectorId: number;
  siteId: number;
  /** Its name, or its uid where nobody has named it. */
  title: string;
  /** The station has other connectors: the number must be said. */
  isOneOfSeveral: boolean;
  /** Undefined: the station spoke first a moment ago, and the register has not been read since. */
  evse: Evse | undefined;
  /** What the register last said, for as long as the picture says nothing. */
  registered: LiveConnector | undefined;
  /** What a search looks at, in lower case. */
  searched: string;
}

/** Every connector there is. A station that never said what it has counts as one connector. */
export function placesOf(evses: readonly Evse[], picture: Picture): Place[] {
  const registered = new Set(evses.map((evse) => evse.evse_uid));
  const liveIdsOf = new Map<string, LiveConnector[]>();
  for (const live of picture.connectors.values()) {
    const known = liveIdsOf.get(live.evse_uid);
    if (known === undefined) liveIdsOf.set(live.evse_uid, [live]);
    else known.push(live);
  }
  const places = evses.flatMap((evse) => placesOfStation(evse, liveIdsOf.get(evse.evse_uid) ?? []));
  for (const [uid, lives] of liveIdsOf) {
    if (registered.has(uid)) continue;
    for (const live of lives) places.push(placeOf(live, undefined, undefined, lives.length > 1));
  }
  return places;
}

function placesOfStation(evse: Evse, lives: readonly LiveConnector[]): Place[] {
  const told = new Map(evse.connectors.map((each) => [each.connector_id, each]));
  const ids = new Set([...told.keys(), ...lives.map((live) => live.connector_id)]);
  if (ids.size === 0) ids.add(1);
  const site_id = siteOfStation(evse, lives);
  return [...ids].map((connectorId) => {
    const registered = registeredAs(evse, connectorId, told.get(connectorId));
    return placeOf({ ...registered, site_id }, evse, registered, ids.size > 1);
  });
}

/** A station that moved says so itself, within seconds; of one that is silent only the register knows. */
function siteOfStation(evse: Evse, lives: readonly LiveConnector[]): number {
  return lives.find((live) => live.is_online)?.site_id ?? evse.site_id;
}

function placeOf(
  { evse_uid, connector_id, site_id }: LiveConnector,
  evse: Evse | undefined,
  registered: LiveConnector | undefined,
  isOneOfSeveral: boolean,
): Place {
  const words = [evse_uid, evse?.name, evse?.vendor, evse?.model];
  return {
    key: connectorKey(evse_uid, connector_id),
    evseUid: evse_uid,
    connectorId: connector_id,
    siteId: site_id,
    title: evse?.name ?? evse_uid,
    isOneOfSeveral,
    evse,
    registered,
    searched: words.filter(Boolean).join(" ").toLowerCase(),
  };
}

/** The register's answer in the shape of the picture. Its session is not known: it names no figures. */
function registeredAs(evse: Evse, connectorId: number, told: Connector | undefined): LiveConnector {
  const place = { evse_uid: evse.evse_uid, site_id: evse.site_id, connector_id: connectorId };
  if (told === undefined) return { ...place, is_online: evse.is_online, status: null };
  const { ts, received_at, status, power_w, temperature_c, soc_percent, energy_source, error_code } = told;
  return {
    ...place,
    ...{ is_online: evse.is_online, status, ts, received_at, power_w, temperature_c, soc_percent },
    ...{ energy_source, error_code },
  };
}

/** The newest of a place: live, or what the register last said. */
export function newestOf(place: Place, live: LiveConnector | undefined): LiveConnector | undefined {
  return live ?? place.registered;
}

/** `unseen`: the register knows it, and it has never said a word. */
export function stateOfPlace(place: Place, connector: LiveConnector | undefined): string {
  const isEnabled = place.evse?.is_enabled ?? true;
  if (connector === undefined) return isEnabled ? "unknown" : "disabled";
  const hasSpoken =
    connector.is_online ||
    connector.status !== null ||
    (connector.ts ?? null) !== null ||
    (place.evse?.online_changed_at ?? null) !== null;
  return isEnabled && !hasSpoken ? "unseen" : stateOf(connector, isEnabled);
}

/** An online station is expected to speak at least this often. */
const SILENCE_S = 60;

/** Online, and yet nothing came for a while. */
export function isSilent(connector: LiveConnector, nowMs: number): boolean {
  return (
    connector.is_online &&
    typeof connector.received_at === "string" &&
    nowMs - Date.parse(connector.received_at) > SILENCE_S * 1000
  );
}
