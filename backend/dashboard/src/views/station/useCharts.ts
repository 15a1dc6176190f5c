// Everything the charts show of a range: history, what comes live after it, and the times to shade.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { dataOf } from "../../api/client";
import { everyItem } from "../../api/queries";
import type { Span } from "../../charts/TimeChart";
import { serverNowMs } from "../../clock";
import { useConnection, useSnapshotCount } from "../../live/hooks";
import { connectorKey } from "../../live/picture";
import { useApi, useServices } from "../../services";
import { stateOf } from "../../ui/Status";
import { LiveTail } from "./liveTail";
import { type Columns, columnsOf, joined, type Point, pointOfLive } from "./points";
import { BUCKET_S, boundsOf, type Range, resolutionOf } from "./range";
import { faultSpans, offlineSpans } from "./spans";
import { type History, historyOf } from "./telemetry";
import { useConnectorPart } from "./useConnectorPart";

/** The charts are drawn at most so often, however many readings come. */
const REDRAW_MS = 250;
const NO_POINTS: readonly Point[] = [];
/** How many days of events and of being online the API gives at once. */
const LONGEST_SPANS_MS = 366 * 86_400_000;

const ASK_FOR_READINGS_EVERY_MS = 30_000;

export interface Charts {
  history: History | undefined;
  isLoading: boolean;
  error: Error | null;
  refetch: () => void;
  columns: Columns;
  from_s: number;
  to_s: number;
  spans: readonly Span[];
}

export function useCharts(evse_uid: string, connector_id: number, range: Range): Charts {
  const length_s = range.kind === "live" ? range.length_s : (range.to_ms - range.from_ms) / 1000;
  const resolution = resolutionOf(length_s);
  const isGrowing = range.kind === "live" && resolution === "raw";
  const rangeKey = range.kind === "live" ? [range.preset] : [range.from_ms, range.to_ms];
  const api = useApi();
  // After every gap of the connection whatever was missed is asked for again.
  const snapshotCount = useSnapshotCount();
  // Averages do not come live; single readings do, to who may see live data.
  const whenRefusedMs = useConnection().status === "refused" && ASK_FOR_READINGS_EVERY_MS;
  const query = useQuery({
    queryKey: ["telemetry", evse_uid, connector_id, ...rangeKey, snapshotCount],
    queryFn: ({ signal }) =>
      historyOf(api, { evse_uid, connector_id, resolution, ...boundsOf(range, serverNowMs()) }, signal),
    placeholderData: (previous, before) =>
      before?.queryKey.slice(0, -1).join() === ["telemetry", evse_uid, connector_id, ...rangeKey].join()
        ? previous
        : undefined,
    refetchInterval:
      range.kind !== "live" ? false : isGrowing ? whenRefusedMs : Math.min(BUCKET_S[resolution], 300) * 1000,
    staleTime: range.kind === "live" ? 0 : 60_000,
  });
  const live = useLivePoints(evse_uid, connector_id, range.kind === "live" ? length_s : null, isGrowing);
  const { from_ms, to_ms } = boundsOf(range, live.nowMs);
  const spans = useSpans(evse_uid, connector_id, range, snapshotCount, to_ms);
  const history = query.data;
  const columns = useMemo(
    () =>
      columnsOf(
        joined(history?.points ?? NO_POINTS, live.points, from_ms / 1000),
        BUCKET_S[history?.resolution ?? "raw"],
      ),
    [history, live.points, from_ms],
  );
  return {
    history,
    isLoading: query.isPending,
    error: query.error,
    refetch: () => void query.refetch(),
    columns,
    from_s: from_ms / 1000,
    to_s: to_ms / 1000,
    spans,
  };
}

/** The live readings so far, and the present: both told at the pace of the charts. */
function useLivePoints(evse_uid: string, connector_id: number, shown_s: number | null, isGrowing: boolean) {
  const { picture } = useServices();
  const [shown, setShown] = useState(() => ({ nowMs: serverNowMs(), points: NO_POINTS }));
  const key = connectorKey(evse_uid, connector_id);
  useEffect(() => {
    if (shown_s === null) return; // a range that stands still
    // A pixel of the chart, at least: the window need not move more finely.
    const leastStepMs = Math.max(REDRAW_MS, Math.min((shown_s * 1000) / 1200, 30_000));
    const collected = new LiveTail();
    let told = -1;
    let toldAtMs = 0;
    const collect = () => {
      const update = isGrowing ? picture.connector(key) : undefined;
      const point = update === undefined ? null : pointOfLive(update);
      if (point !== null) collected.add(point, shown_s);
    };
    const tell = () => {
      const nowMs = serverNowMs();
      if (collected.version === told && nowMs - toldAtMs < leastStepMs) return;
      told = collected.version;
      toldAtMs = nowMs;
      setShown({ nowMs, points: [...collected.points] });
    };
    collect();
    tell();
    const timer = setInterval(tell, REDRAW_MS);
    const stop = picture.watch(key, collect);
    return () => {
      clearInterval(timer);
      stop();
    };
  }, [picture, key, shown_s, isGrowing]);
  return shown;
}

/** Asked again when the connector's state changes: that is when an event came. */
function useSpans(
  evse_uid: string,
  connector_id: number,
  range: Range,
  snapshotCount: number,
  shown_to_ms: number,
): readonly Span[] {
  const api = useApi();
  const state = useConnectorPart(evse_uid, connector_id, stateOf);
  const rangeKey = range.kind === "live" ? [range.preset] : [range.from_ms, range.to_ms];
  const { data } = useQuery({
    queryKey: ["station spans", evse_uid, connector_id, ...rangeKey, snapshotCount, state],
    queryFn: async ({ signal }) => {
      const { from_ms, to_ms } = boundsOf(range, serverNowMs());
      const query = {
        date_from: new Date(Math.max(from_ms, to_ms - LONGEST_SPANS_MS)).toISOString(),
        date_to: new Date(to_ms).toISOString(),
      };
      const path = { evse_uid };
      const [history, events] = await Promise.all([
        dataOf(api.GET("/api/v1/evses/{evse_uid}/online-history", { params: { path, query }, signal })),
        everyItem((cursor) =>
          dataOf(
            api.GET("/api/v1/evses/{evse_uid}/events", {
              params: {
                path,
                query: { ...query, connector_id, sort: "ts", limit: 500, ...(cursor ? { cursor } : {}) },
              },
              signal,
            }),
          ),
        ),
      ]);
      return { offline: offlineSpans(history), events, from_ms, to_ms };
    },
    placeholderData: keepPreviousData,
    refetchInterval: range.kind === "live" ? 300_000 : false,
  });
  const spans = useMemo(
    () => (data === undefined ? [] : [...data.offline, ...faultSpans(data.events, data.from_ms, data.to_ms)]),
    [data],
  );
  return useMemo(
    () => lasting(spans, (data?.to_ms ?? 0) / 1000, shown_to_ms / 1000),
    [spans, data, shown_to_ms],
  );
}

/** What lasted at the time of the answer lasts yet: until an event comes, and the question is asked again. */
function lasting(spans: readonly Span[], asked_s: number, now_s: number): readonly Span[] {
  const isOpen = (span: Span) => span.to_s > asked_s - 2;
  if (!spans.some(isOpen)) return spans;
  return spans.map((span) => (isOpen(span) ? { ...span, to_s: Math.max(span.to_s, now_s) } : span));
}
