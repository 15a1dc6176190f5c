// What happened to a station: it came and went, it failed and recovered.

import { useCallback } from "react";
import { dataOf } from "../../api/client";
import { useCursorPages } from "../../api/queries";
import type { StationEvent } from "../../api/types";
import { oneZoneName } from "../../format/time";
import { inWords } from "../../format/words";
import { useConnectorKeys, usePictureFigure, useSnapshotCount } from "../../live/hooks";
import type { Picture } from "../../live/picture";
import { useApi } from "../../services";
import { SelectField } from "../../ui/Field";
import { Card } from "../../ui/Page";
import { Empty } from "../../ui/States";
import { StatusIcon, stateOf } from "../../ui/Status";
import { type Column, PagedTable } from "../../ui/Table";
import { Time } from "../../ui/Time";
import { useSearch } from "../../ui/useSearch";
import styles from "./Station.module.css";
import { useAskAgain } from "./useAskAgain";
import type { StationNow } from "./useStation";

const PAGE = 10;
/** Each kind with its word and the shape of the state that it begins. */
const KINDS: Record<string, [words: string, state: string]> = {
  online: ["Came online", "available"],
  offline: ["Went offline", "offline"],
  faulted: ["Fault", "faulted"],
  recovered: ["Fault is over", "finishing"],
};
const FILTERS = [
  ["", "All events"],
  ["faulted", "Faults"],
  ["recovered", "Recoveries"],
  ["offline", "Went offline"],
  ["online", "Came online"],
] as const;

export function EventsCard({ station }: { station: StationNow }) {
  const api = useApi();
  const [search, change] = useSearch();
  const asked = search.get("events");
  const kind = FILTERS.find(([each]) => each === asked)?.[0] ?? "";
  const { evse_uid } = station;
  const key = ["station events", evse_uid, kind];
  const pages = useCursorPages(key, (cursor, signal) =>
    dataOf(
      api.GET("/api/v1/evses/{evse_uid}/events", {
        params: {
          path: { evse_uid },
          query: {
            limit: PAGE,
            ...(kind === "" ? {} : { kind }),
            ...(cursor === undefined ? {} : { cursor }),
          },
        },
        signal,
      }),
    ),
  );
  useAskAgain(["station events", evse_uid], `${useSnapshotCount()} ${useStates(evse_uid)}`);
  const zoneShown = oneZoneName(
    station.zone,
    pages.items.map((event) => event.ts),
  );
  const columns: Column<StationEvent>[] = [
    {
      title: zoneShown === null ? "When" : `When (${zoneShown})`,
      cell: (event) => <Time at={event.ts} zone={station.zone} withZone={zoneShown === null} />,
    },
    {
      title: "What",
      cell: (event) => {
        const [words, state] = KINDS[event.kind] ?? [inWords(event.kind), "unknown"];
        return (
          <span className={styles["event"]}>
            <StatusIcon state={state} /> {words}
            {event.connector_id !== null && ` (connector ${event.connector_id})`}
          </span>
        );
      },
    },
    { title: "Detail", cell: (event) => (event.detail === null ? "" : inWords(event.detail)) },
  ];
  return (
    <Card
      title="Events"
      isFlush
      actions={
        <SelectField
          label="Kind of event"
          isLabelHidden
          value={kind}
          onChange={(event) => change({ events: event.target.value })}
        >
          {FILTERS.map(([each, words]) => (
            <option key={each} value={each}>
              {words}
            </option>
          ))}
        </SelectField>
      }
    >
      <PagedTable
        caption="Events"
        columns={columns}
        pages={pages}
        keyOf={(event) => event.id}
        empty={<Empty title={kind === "" ? "Nothing has happened yet." : "No such event."} />}
      />
    </Card>
  );
}

/** The states of all connectors in one word: when it changes, an event has come. */
function useStates(evse_uid: string): string {
  const text = useConnectorKeys(evse_uid).join();
  return usePictureFigure(
    useCallback(
      (picture: Picture) =>
        text
          .split(",")
          .map((key) => {
            const connector = picture.connector(key);
            return connector === undefined
              ? ""
              : `${connector.is_online} ${stateOf(connector) === "faulted"}`;
          })
          .join(),
      [text],
    ),
  );
}
