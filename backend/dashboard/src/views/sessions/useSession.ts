// One session, asked for again when it has changed for good. While it runs, `useLiveSession` goes on with it.
import { type UseQueryResult, useQuery, useQueryClient } from "@tanstack/react-query";
import { dataOf } from "../../api/client";
import type { Session, Tariff } from "../../api/types";
import { useSessionChanges } from "../../live/hooks";
import { useApi, useMay } from "../../services";
import { updated, useAfterGap } from "./useLiveSessions";

export function useSession(session_id: string): UseQueryResult<Session> {
  const api = useApi();
  const queries = useQueryClient();
  const key = ["session", session_id];
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) =>
      dataOf(api.GET("/api/v1/sessions/{session_id}", { params: { path: { session_id } }, signal })),
  });
  useSessionChanges((live) => {
    if (live.id !== session_id) return;
    queries.setQueryData<Session>(key, (session) => session && updated(session, live));
    if (live.status === "ACTIVE") return;
    // It has ended, or late data changed or dissolved it: what it costs in all, and the bills, only the API says.
    void queries.invalidateQueries({ queryKey: key });
    void queries.invalidateQueries({ queryKey: ["session-bills", session_id] });
  });
  useAfterGap(() => {
    void queries.invalidateQueries({ queryKey: key });
    void queries.invalidateQueries({ queryKey: ["session-bills", session_id] });
  });
  return query;
}

/** The prices that a session has from its start to its end; undefined while they load, or may not be seen. */
export function useTariff(tariff_id: number | undefined): Tariff | undefined {
  const api = useApi();
  const may = useMay();
  const { data } = useQuery({
    queryKey: ["tariff", tariff_id],
    queryFn: () =>
      dataOf(api.GET("/api/v1/tariffs/{tariff_id}", { params: { path: { tariff_id: tariff_id ?? 0 } } })),
    enabled: tariff_id !== undefined && may("tariff:read"),
    staleTime: Number.POSITIVE_INFINITY, // a version never changes
  });
  return data;
}
