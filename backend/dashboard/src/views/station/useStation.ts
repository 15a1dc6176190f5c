// A station as it is now: what the register says, with the live picture on top.
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { dataOf } from "../../api/client";
import { useZoneOf } from "../../api/queries";
import type { Connector, Evse } from "../../api/types";
import { useConnector, useConnectorKeys, useRefetchMs, useSnapshotCount } from "../../live/hooks";
import { connectorKey } from "../../live/picture";
import type { LiveConnector, LiveSession } from "../../live/protocol";
import { useApi } from "../../services";
import { useAskAgain } from "./useAskAgain";
import { useConnectorPart } from "./useConnectorPart";

export interface StationNow extends Evse {
  /** Its name, else its uid. */
  title: string;
  zone: string;
}

/** What the page shows of a connector. */
export interface ConnectorNow extends LiveConnector {
  session: LiveSession | null;
  /** Of the running session; the register knows it, and no more of it. */
  session_id: string | null;
}

export function useStation(evse_uid: string): UseQueryResult<Evse> {
  const api = useApi();
  const key = ["evse", evse_uid];
  const isOnline = useIsOnline(evse_uid);
  // A station that went or came says since when, and perhaps that its firmware is another one.
  useAskAgain(key, `${useSnapshotCount()} ${isOnline}`);
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) =>
      dataOf(api.GET("/api/v1/evses/{evse_uid}", { params: { path: { evse_uid } }, signal })),
    staleTime: 30_000,
    refetchInterval: useRefetchMs(10_000),
  });
}

export function useStationNow(evse: Evse): StationNow {
  const zoneOf = useZoneOf();
  const isOnline = useIsOnline(evse.evse_uid);
  return {
    ...evse,
    is_online: isOnline ?? evse.is_online,
    title: evse.name ?? evse.evse_uid,
    zone: zoneOf(evse.site_id),
  };
}

/** All connectors of a station say the same of it. */
function useIsOnline(evse_uid: string): boolean | undefined {
  const [first = ""] = useConnectorKeys(evse_uid);
  const connector_id = Number(first.slice(first.lastIndexOf(" ") + 1));
  return useConnectorPart(evse_uid, connector_id, (connector) => connector.is_online);
}

/** The numbers of its connectors: registered, or heard of since. */
export function useConnectorIds(evse: Evse): number[] {
  const keys = useConnectorKeys(evse.evse_uid);
  const heard = keys.map((key) => Number(key.slice(key.lastIndexOf(" ") + 1)));
  const registered = evse.connectors.map((connector) => connector.connector_id);
  return [...new Set([...registered, ...heard])].sort((a, b) => a - b);
}

/** The newest of a connector: live, else as the register knew it. */
export function useConnectorNow(evse: Evse, connector_id: number): ConnectorNow {
  const live = useConnector(connectorKey(evse.evse_uid, connector_id));
  if (live !== undefined)
    return { ...live, session: live.session ?? null, session_id: live.session?.id ?? null };
  const registered: Partial<Connector> =
    evse.connectors.find((connector) => connector.connector_id === connector_id) ?? {};
  return {
    evse_uid: evse.evse_uid,
    site_id: evse.site_id,
    connector_id,
    is_online: evse.is_online,
    status: registered.status ?? null,
    ts: registered.ts ?? null,
    power_w: registered.power_w ?? null,
    voltage_v: registered.voltage_v ?? null,
    current_a: registered.current_a ?? null,
    temperature_c: registered.temperature_c ?? null,
    soc_percent: registered.soc_percent ?? null,
    energy_source: registered.energy_source ?? null,
    error_code: registered.error_code ?? null,
    quality: registered.quality ?? [],
    session: null,
    session_id: registered.session_id ?? null,
  };
}
