// Sites with their stations as the lists of free stations show them. Pure.

export interface PlaceConnector {
  connector_id: number;
  /** As `stateOf` says it. */
  state: string;
  /** What fits it, in words. */
  fits: string | null;
}

export interface PlaceStation {
  evse_uid: string;
  name: string | null;
  connectors: PlaceConnector[];
}

export interface Place {
  key: string;
  name: string;
  city: string | null;
  zone: string;
  stations: PlaceStation[];
}

/** A place of which some stations are shown. */
export interface ShownPlace extends Place {
  /** Connectors of all of its stations. */
  all: number;
  /** Those of them that are free. */
  free: number;
}

function freeCount(stations: readonly PlaceStation[]): { free: number; all: number } {
  const connectors = stations.flatMap((station) => station.connectors);
  return {
    free: connectors.filter((connector) => connector.state === "available").length,
    all: connectors.length,
  };
}

/** What is searched for: free stations first, those out of order last, by name among their like. */
export function arranged(places: readonly Place[], text: string, isFreeOnly: boolean): ShownPlace[] {
  const wanted = text.trim().toLowerCase();
  return places
    .map((place) => {
      const isWhole = `${place.name} ${place.city ?? ""}`.toLowerCase().includes(wanted);
      const stations = place.stations
        .filter((station) => isWhole || nameOf(station).toLowerCase().includes(wanted))
        .filter((station) => !isFreeOnly || isFree(station));
      return { ...place, ...freeCount(place.stations), stations: stations.sort(freeFirst) };
    })
    .filter((place) => place.stations.length > 0);
}

export function nameOf(station: PlaceStation): string {
  return station.name === null ? station.evse_uid : `${station.name} (${station.evse_uid})`;
}

function isFree(station: PlaceStation): boolean {
  return station.connectors.some((connector) => connector.state === "available");
}

function freeFirst(one: PlaceStation, other: PlaceStation): number {
  return rank(one) - rank(other) || names.compare(nameOf(one), nameOf(other));
}

function rank(station: PlaceStation): number {
  if (isFree(station)) return 0;
  return station.connectors.some((connector) => !OUT_OF_ORDER.includes(connector.state)) ? 1 : 2;
}

const OUT_OF_ORDER = ["offline", "faulted", "unavailable", "unknown"];
const names = new Intl.Collator(undefined, { numeric: true });
