// The unresolved alerts of a station: live, or asked for where the page is told nothing live.
import { useQuery } from "@tanstack/react-query";
import { dataOf } from "../../api/client";
import { everyItem } from "../../api/queries";
import { useConnection, useLiveAlerts, useSnapshotCount } from "../../live/hooks";
import type { LiveAlert } from "../../live/protocol";
import { useApi } from "../../services";

const ASK_EVERY_MS = 15_000;

interface StationAlerts {
  alerts: readonly LiveAlert[];
  isLoading: boolean;
  error: Error | null;
  retry: () => void;
}

export function useStationAlerts(evse_uid: string): StationAlerts {
  const api = useApi();
  const live = useLiveAlerts();
  const hasPicture = useSnapshotCount() > 0;
  const isRefused = useConnection().status === "refused";
  const asked = useQuery({
    queryKey: ["alerts", "station", evse_uid],
    queryFn: async ({ signal }) => {
      const ofStatus = (status: "open" | "acknowledged") =>
        everyItem((cursor) => {
          const query = { evse_uid, status, ...(cursor === undefined ? {} : { cursor }) };
          return dataOf(api.GET("/api/v1/alerts", { params: { query }, signal }));
        });
      return [...(await ofStatus("open")), ...(await ofStatus("acknowledged"))];
    },
    enabled: isRefused,
    refetchInterval: ASK_EVERY_MS,
  });
  if (isRefused)
    return {
      alerts: asked.data ?? [],
      isLoading: asked.isPending,
      error: asked.data === undefined ? asked.error : null,
      retry: () => void asked.refetch(),
    };
  return {
    alerts: [...live.values()].filter((alert) => alert.evse_uid === evse_uid),
    isLoading: !hasPicture, // nothing is known before it comes
    error: null,
    retry: () => undefined,
  };
}
