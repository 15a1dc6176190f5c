// The newest sessions of a connector, asked for again when one begins or ends.
import { useQueryClient } from "@tanstack/react-query";
import { dataOf } from "../../api/client";
import { type CursorPages, useCursorPages } from "../../api/queries";
import type { Session } from "../../api/types";
import { useRefetchMs, useSessionChanges, useSnapshotCount } from "../../live/hooks";
import { useApi, useMay } from "../../services";
import { useAskAgain } from "./useAskAgain";

const PAGE = 10;

export function useStationSessions(evse_uid: string, connector_id: number): CursorPages<Session> {
  const api = useApi();
  const queries = useQueryClient();
  const mayRead = useMay()("session:read");
  const refetchMs = useRefetchMs(30_000);
  const key = ["station sessions", evse_uid, connector_id];
  const pages = useCursorPages(
    key,
    (cursor, signal) =>
      dataOf(
        api.GET("/api/v1/sessions", {
          params: {
            query: { evse_uid, connector_id, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) },
          },
          signal,
        }),
      ),
    { enabled: mayRead, ...(refetchMs === false ? {} : { refetchIntervalMs: refetchMs }) },
  );
  useAskAgain(key, useSnapshotCount());
  useSessionChanges((session) => {
    if (session.evse_uid !== evse_uid || session.connector_id !== connector_id) return;
    // A running one goes on with every reading: that is shown live, and not asked for.
    const known = pages.items.find((each) => each.id === session.id);
    if (known === undefined || known.status !== session.status || session.status !== "ACTIVE")
      void queries.invalidateQueries({ queryKey: key });
  });
  return pages;
}
