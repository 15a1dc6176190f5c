// Which stations are free, for everyone who is logged in, kept current by the live picture.
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { dataOf } from "../../api/client";
import { everyItem, ownZone, useSiteOf } from "../../api/queries";
import type { EvseStatus } from "../../api/types";
import { usePictureFigure, useSnapshotCount } from "../../live/hooks";
import { connectorKey, type Picture } from "../../live/picture";
import { useApi, useMay } from "../../services";
import { stateOf } from "../../ui/Status";
import type { Place } from "./places";

const PAGE = 500;

/** The stations with their sites' names and zones. What they are at is as old as the answer. */
export function useStationStatuses(isWanted = true): UseQueryResult<EvseStatus[]> {
  const api = useApi();
  const may = useMay();
  const snapshotCount = useSnapshotCount();
  return useQuery({
    // Stations that came or went during a gap; between gaps the picture tells what they are at.
    queryKey: ["evse-status", snapshotCount],
    queryFn: () =>
      everyItem((cursor) =>
        dataOf(
          api.GET("/api/v1/evse-status", {
            params: { query: cursor === undefined ? { limit: PAGE } : { limit: PAGE, cursor } },
          }),
        ),
      ),
    enabled: isWanted && may("status:read"),
    staleTime: 60_000,
    refetchInterval: 60_000, // stations that are new, or have another name
    placeholderData: (previous) => previous,
  });
}

/** A site's name and zone, also for who may not read sites: the stations' statuses say them too. */
export function usePlaceOf(): (siteId: number) => { name: string; zone: string } {
  const may = useMay();
  const siteOf = useSiteOf();
  const { data } = useStationStatuses(!may("site:read"));
  return useMemo(() => {
    const known = new Map(data?.map((evse) => [evse.site_id, evse]));
    return (siteId) => ({
      name: siteOf(siteId)?.name ?? known.get(siteId)?.site_name ?? `Site ${siteId}`,
      zone: siteOf(siteId)?.timezone ?? known.get(siteId)?.timezone ?? ownZone(),
    });
  }, [data, siteOf]);
}

export interface LivePlaces {
  places: Place[] | undefined;
  error: Error | null;
  retry: () => void;
}

/** Sites with their stations, as they are now. */
export function usePlaces(): LivePlaces {
  const { data, error, refetch } = useStationStatuses();
  const compute = useCallback(
    (picture: Picture) => (data === undefined ? undefined : asPlaces(data, picture)),
    [data],
  );
  const places = usePictureFigure(compute, 1000);
  return { places, error: data === undefined ? error : null, retry: () => void refetch() };
}

/** Offline is what was once there: of a station that never told its state nobody knows whether anything is wrong. */
function stateOfSeen(connector: { is_online: boolean; status: string | null }): string {
  return !connector.is_online && connector.status === null ? "unknown" : stateOf(connector);
}

function asPlaces(evses: readonly EvseStatus[], picture: Picture): Place[] {
  const places = new Map<number, Place>();
  for (const evse of evses) {
    const place = places.get(evse.site_id) ?? {
      key: String(evse.site_id),
      name: evse.site_name,
      city: null,
      zone: evse.timezone,
      stations: [],
    };
    places.set(evse.site_id, place);
    place.stations.push({
      evse_uid: evse.evse_uid,
      name: evse.name,
      connectors: evse.connectors.map((connector) => {
        const live = picture.connector(connectorKey(evse.evse_uid, connector.connector_id));
        return {
          connector_id: connector.connector_id,
          state: stateOfSeen(live ?? { is_online: evse.is_online, status: connector.status }),
          fits: null,
        };
      }),
    });
  }
  return [...places.values()];
}
