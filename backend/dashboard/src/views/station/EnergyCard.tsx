// The energy of today, by source: the day of the site.
import { useQuery } from "@tanstack/react-query";
import { dataOf } from "../../api/client";
import { energy } from "../../format/number";
import { calendarDay, instantOf, localDay } from "../../format/time";
import { useNowMs, useSnapshotCount } from "../../live/hooks";
import { useApi } from "../../services";
import { Card } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { SourceBar } from "../sessions/SourceBar";
import { energyOf } from "./energySums";
import styles from "./Station.module.css";
import type { StationNow } from "./useStation";

/** Averages and energies do not come live. */
const ASK_EVERY_MS = 60_000;

export function EnergyTodayCard({ station, connector_id }: { station: StationNow; connector_id: number }) {
  const api = useApi();
  const { evse_uid, zone } = station;
  const today = localDay(useNowMs(30_000), zone);
  const query = useQuery({
    queryKey: ["energy today", evse_uid, connector_id, today, zone, useSnapshotCount()],
    queryFn: async ({ signal }) => {
      const answer = await dataOf(
        api.GET("/api/v1/evses/{evse_uid}/telemetry", {
          params: {
            path: { evse_uid },
            query: {
              connector_id,
              resolution: "1h",
              date_from: instantOf(today, zone).toISOString(),
              measurand: ["energy"],
            },
          },
          signal,
        }),
      );
      return answer.resolution === "raw" ? null : energyOf(answer.items);
    },
    placeholderData: (previous, before) => (before?.queryKey[3] === today ? previous : undefined),
    refetchInterval: ASK_EVERY_MS,
  });
  return (
    <Card title="Energy today" aside={calendarDay(today)}>
      {query.data ? (
        <>
          <p className={styles["total"]}>{energy(query.data.energy_wh)}</p>
          <SourceBar of={query.data} />
        </>
      ) : query.error !== null ? (
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading label="Loading the energy of today" />
      ) : (
        <Empty title="No energy yet today." />
      )}
    </Card>
  );
}
