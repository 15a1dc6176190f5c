// What was measured in a session: asked for once, then gone on with live while it runs.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import type { Api } from "../../api/client";
import { dataOf } from "../../api/client";
import { everyItem } from "../../api/queries";
import type { Session, TelemetryBucket } from "../../api/types";
import { useConnector } from "../../live/hooks";
import { connectorKey } from "../../live/picture";
import { useApi, useMay } from "../../services";
import { ofBucket, ofLive, ofReading, type Sample, type Source, sourceOf, withGaps } from "./curves";
import { useAfterGap } from "./useLiveSessions";

/** Pages of 500; what comes after them is not drawn, and that is said. */
const MOST_PAGES = 20;
/** After so many live readings they are asked for instead, so that they do not pile up here. */
const MOST_LIVE = 1000;

export interface SessionSamples {
  samples: Sample[];
  source: Source;
  isCut: boolean;
  isLoading: boolean;
  error: Error | null;
  retry: () => void;
}

export function useSessionSamples(session: Session): SessionSamples {
  const api = useApi();
  const mayReadTelemetry = useMay()("telemetry:read");
  const source = sourceOf(session, mayReadTelemetry);
  const isRunning = session.status === "ACTIVE";
  const query = useQuery({
    queryKey: ["session-samples", session.id, source, isRunning],
    queryFn: async ({ signal }) => {
      if (source !== "readings") return { source, ...(await buckets(api, session, source)) };
      const found = await readings(api, session.id, signal);
      // Readings are dropped after a while, their averages are not.
      if (found.samples.length > 0 || !mayReadTelemetry) return { source, ...found };
      return { source: "15min" as Source, ...(await buckets(api, session, "15min")) };
    },
    staleTime: isRunning ? 30_000 : Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    placeholderData: (previous) => previous,
  });
  const { refetch } = query;
  useAfterGap(() => isRunning && void refetch());
  const live = useLiveSamples(session, query.dataUpdatedAt);
  useEffect(() => {
    if (live.length > 0 && live.length % MOST_LIVE === 0) void refetch();
  }, [live.length, refetch]);
  const known = query.data?.samples;
  const samples = useMemo(() => {
    const last_s = known?.[known.length - 1]?.ts_s ?? 0;
    return known === undefined ? [] : withGaps([...known, ...live.filter((each) => each.ts_s > last_s)]);
  }, [known, live]);
  return {
    samples,
    source: query.data?.source ?? source,
    isCut: query.data?.isCut ?? false,
    isLoading: query.isPending,
    error: query.data === undefined ? query.error : null,
    retry: () => void refetch(),
  };
}

/** What came since the last answer, and a little before it. */
function useLiveSamples(session: Session, answeredAtMs: number): readonly Sample[] {
  const connector = useConnector(connectorKey(session.evse_uid, session.connector_id));
  const [live, setLive] = useState<readonly Sample[]>(NONE);
  const newest = useMemo(() => ofLive(connector, session.id), [connector, session.id]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: an answer has what was live before it
  useEffect(() => setLive((all) => all.slice(-5)), [answeredAtMs]);
  useEffect(() => {
    if (newest === null) return;
    setLive((all) => (newest.ts_s > (all[all.length - 1]?.ts_s ?? 0) ? [...all, newest] : all));
  }, [newest]);
  return live;
}

async function readings(api: Api, session_id: string, signal: AbortSignal) {
  const samples: Sample[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const query: { limit: number; cursor?: string } =
      cursor === null ? { limit: 500 } : { limit: 500, cursor };
    const params = { path: { session_id }, query };
    const answer = await dataOf(api.GET("/api/v1/sessions/{session_id}/readings", { params, signal }));
    samples.push(...answer.items.map(ofReading));
    cursor = answer.next_cursor;
    if (cursor === null) break;
  }
  return { samples, isCut: cursor !== null };
}

async function buckets(api: Api, session: Session, resolution: "1min" | "15min" | "1h") {
  const from_ms = Math.floor(Date.parse(session.started_at) / 900_000) * 900_000;
  const to_ms = Date.parse(session.ended_at ?? session.last_reading_at) + 60_000;
  const items = await everyItem(async (cursor) => {
    const answer = await dataOf(
      api.GET("/api/v1/evses/{evse_uid}/telemetry", {
        params: {
          path: { evse_uid: session.evse_uid },
          query: {
            connector_id: session.connector_id,
            resolution,
            date_from: new Date(from_ms).toISOString(),
            date_to: new Date(to_ms).toISOString(),
            limit: 1000,
            ...(cursor === undefined ? {} : { cursor }),
          },
        },
      }),
    );
    return { items: answer.items as TelemetryBucket[], next_cursor: answer.next_cursor };
  });
  return { samples: items.map(ofBucket), isCut: false };
}

const NONE: readonly Sample[] = [];
