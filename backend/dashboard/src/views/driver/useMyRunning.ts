// The running sessions of a driver, going on by themselves.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { dataOf } from "../../api/client";
import type { Session } from "../../api/types";
import { useSessionChanges } from "../../live/hooks";
import { useApi } from "../../services";
import { updated, useAfterGap } from "../sessions/useLiveSessions";

export interface MyRunning {
  sessions: Session[] | undefined;
  error: Error | null;
  retry: () => void;
}

export function useMyRunning(id_token: string): MyRunning {
  const api = useApi();
  const queries = useQueryClient();
  const key = ["my-running", id_token];
  const { data, error, refetch } = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const query = { id_token, status: ["ACTIVE" as const], limit: 20 };
      return (await dataOf(api.GET("/api/v1/sessions", { params: { query }, signal }))).items;
    },
  });
  useSessionChanges((live) => {
    if (live.id_token !== id_token) return;
    const known = queries.getQueryData<Session[]>(key);
    const isKnown = known?.some((session) => session.id === live.id) ?? false;
    if (live.status === "ACTIVE" && isKnown) {
      queries.setQueryData<Session[]>(key, (all) =>
        all?.map((session) => (session.id === live.id ? updated(session, live) : session)),
      );
    } else if (live.status === "ACTIVE" || isKnown) void refetch();
  });
  useAfterGap(() => void refetch());
  return { sessions: data, error: data === undefined ? error : null, retry: () => void refetch() };
}
