// What the view asks the API: what is unresolved, what was, and since when it is quiet.
import { type UseQueryResult, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { dataOf } from "../../api/client";
import { type CursorPages, everyItem, useCursorPages } from "../../api/queries";
import type { Alert } from "../../api/types";
import { useLiveAlerts, useSnapshotCount } from "../../live/hooks";
import { useApi } from "../../services";
import type { AlertFilter } from "./unresolved";

const UNRESOLVED = ["alerts", "unresolved"] as const;
const PAGE = 100;
/** As many as the API gives at once. */
const WHOLE_PAGE = 500;

/** Open and acknowledged ones with their notes and counts, by id. Asked again after every gap. */
export function useUnresolved(): UseQueryResult<ReadonlyMap<number, Alert>> {
  const api = useApi();
  const snapshotCount = useSnapshotCount();
  return useQuery({
    queryKey: [...UNRESOLVED, snapshotCount],
    queryFn: async ({ signal }) => {
      const ofStatus = (status: "open" | "acknowledged") =>
        everyItem((cursor) => {
          const query = { status, limit: WHOLE_PAGE, ...(cursor === undefined ? {} : { cursor }) };
          return dataOf(api.GET("/api/v1/alerts", { params: { query }, signal }));
        });
      // Acknowledged ones last: one that is acknowledged in between is in both, and this is the newer.
      const open = await ofStatus("open");
      const acknowledged = await ofStatus("acknowledged");
      return new Map([...open, ...acknowledged].map((alert) => [alert.id, alert]));
    },
    placeholderData: (before) => before,
  });
}

/** Put an alert as an answer told it into what is shown, without asking for all of them. */
export function useTakeIn(): (alert: Alert) => void {
  const queries = useQueryClient();
  return (alert) =>
    queries.setQueriesData<ReadonlyMap<number, Alert>>({ queryKey: UNRESOLVED }, (known) =>
      known === undefined ? undefined : new Map([...known, [alert.id, alert]]),
    );
}

const PAUSE_MS = 2000;

/** Live alerts tell neither who acknowledged nor notes: when one changes, the API is asked, every 2 s at most. */
export function useAskAgainOnChange(): void {
  const queries = useQueryClient();
  const alerts = useLiveAlerts();
  const told = useRef(alerts);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useEffect(() => {
    if (told.current === alerts) return;
    told.current = alerts;
    timer.current ??= setTimeout(() => {
      timer.current = null;
      void queries.invalidateQueries({ queryKey: ["alerts"] });
    }, PAUSE_MS);
  }, [alerts, queries]);
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
    },
    [],
  );
}

interface Days {
  /** Instants: from the first on, up to before the last. */
  date_from: string;
  date_to: string;
}

/** Alerts of any status that began within a range, page by page, newest first. */
export function useHistory(filter: AlertFilter, days: Days): CursorPages<Alert> {
  const api = useApi();
  const { kind, severity, siteId } = filter;
  const { date_from, date_to } = days;
  const query = {
    ...{ limit: PAGE, date_from, date_to },
    ...(kind === null ? {} : { kind }),
    ...(severity === null ? {} : { severity }),
    ...(siteId === null ? {} : { site_id: siteId }),
  };
  return useCursorPages(["alerts", "history", useSnapshotCount(), query], (cursor, signal) =>
    dataOf(
      api.GET("/api/v1/alerts", {
        params: { query: cursor === undefined ? query : { ...query, cursor } },
        signal,
      }),
    ),
  );
}

/** The alert that was settled last, of the 200 that began last; null: there was none. */
export function useLastResolved(): UseQueryResult<Alert | null> {
  const api = useApi();
  return useQuery({
    queryKey: ["alerts", "last resolved"],
    queryFn: async ({ signal }) => {
      const query = { status: "resolved", limit: 200 } as const;
      const { items } = await dataOf(api.GET("/api/v1/alerts", { params: { query }, signal }));
      return items.reduce<Alert | null>(
        (last, alert) => (last === null || resolvedMs(alert) > resolvedMs(last) ? alert : last),
        null,
      );
    },
  });
}

function resolvedMs(alert: Alert): number {
  return Date.parse(alert.resolved_at ?? alert.last_seen_at);
}
