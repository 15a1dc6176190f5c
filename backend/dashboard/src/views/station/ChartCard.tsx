// Power, voltage, current and temperature over time: live or of any range, with history behind.
import { lazy, Suspense } from "react";
import { type Line, TimeChart } from "../../charts/TimeChart";
import { serverNowMs } from "../../clock";
import { dayTime, exact } from "../../format/time";
import { useIsLive } from "../../live/hooks";
import { Card } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { Choice } from "../../ui/Tabs";
import { useSearch } from "../../ui/useSearch";
import { SourceBar } from "../sessions/SourceBar";
import styles from "./Chart.module.css";
import { Disclosure } from "./Disclosure";
import { PANELS, type PanelName, panelOf } from "./panels";
import { RangeBar } from "./RangeBar";
import { asSearch, RESOLUTION_WORDS, rangeIn } from "./range";
import { type Charts, useCharts } from "./useCharts";
import { useIsNarrow } from "./useIsNarrow";
import type { StationNow } from "./useStation";

const ChartTable = lazy(() => import("./ChartTable")); // when it is asked for

export default function ChartCard({ station, connector_id }: { station: StationNow; connector_id: number }) {
  const [search, change] = useSearch();
  const range = rangeIn(search);
  const isLive = useIsLive();
  const charts = useCharts(station.evse_uid, connector_id, range);
  const { history } = charts;
  const show = (from_ms: number, to_ms: number) => change(asSearch(from_ms, to_ms));
  const bounds = { from_ms: charts.from_s * 1000, to_ms: charts.to_s * 1000 };
  return (
    <Card
      title="Readings"
      aside={
        <>
          {range.kind === "fixed" &&
            `${dayTime(range.from_ms, station.zone)} – ${exact(range.to_ms, station.zone)}, `}
          {history === undefined ? "…" : RESOLUTION_WORDS[history.resolution]}
          {range.kind === "live" && history?.resolution === "raw" && isLive && ", live"}
        </>
      }
    >
      <RangeBar range={range} bounds={bounds} zone={station.zone} onShow={show} onChange={change} />
      <Notes charts={charts} zone={station.zone} />
      {charts.error !== null && <Failure error={charts.error} onRetry={charts.refetch} />}
      {charts.isLoading && charts.error === null && (
        <div className={styles["waiting"]}>
          <Loading label="Loading the readings" rows={9} />
        </div>
      )}
      {history !== undefined && (
        <>
          <Panels
            charts={charts}
            zone={station.zone}
            panel={panelOf(search.get("panel"))}
            onPanel={(panel) => change({ panel })}
            onZoom={(from_s, to_s) => {
              if (to_s - from_s >= 10) show(from_s * 1000, Math.min(to_s * 1000, serverNowMs()));
            }}
          />
          <SpanLegend charts={charts} />
          {history.energy !== null && (
            <div className={styles["energy"]}>
              <h3>Energy of this range</h3>
              <SourceBar of={history.energy} />
            </div>
          )}
          <Disclosure title="Show as table">
            {() => (
              <Suspense fallback={<Loading />}>
                <ChartTable columns={charts.columns} resolution={history.resolution} zone={station.zone} />
              </Suspense>
            )}
          </Disclosure>
        </>
      )}
    </Card>
  );
}

function Notes({ charts: { history, columns, from_s }, zone }: { charts: Charts; zone: string }) {
  if (history === undefined) return null;
  const { raw_since, resolution } = history;
  const isFine = resolution === "raw" || resolution === "1min";
  return (
    <div className={styles["notes"]}>
      {raw_since !== null && Date.parse(raw_since) > from_s * 1000 && (
        <p>
          Single readings are kept since {exact(raw_since, zone)}.{" "}
          {isFine ? "What is older is shown as averages, in ranges over 12 hours." : ""}
        </p>
      )}
      {history.isCut && (
        <p>There is more than can be shown: this is the newest of it. Choose a shorter range.</p>
      )}
      {columns.times_s.length === 0 && <Empty title="No readings in this range." />}
    </div>
  );
}

function Panels({
  charts: { columns, from_s, to_s, spans, history },
  zone,
  panel,
  onPanel,
  onZoom,
}: {
  charts: Charts;
  zone: string;
  panel: PanelName;
  onPanel: (panel: PanelName) => void;
  onZoom: (from_s: number, to_s: number) => void;
}) {
  const isNarrow = useIsNarrow();
  const shown = PANELS.filter((each) => !isNarrow || each.name === panel);
  const isAveraged = history?.resolution !== "raw";
  return (
    <div className={styles["panels"]}>
      {isNarrow && (
        <Choice
          label="What to show"
          choices={PANELS.map(({ name, title, shortTitle }) => [name, shortTitle ?? title] as const)}
          value={panel}
          onChange={onPanel}
        />
      )}
      {shown.map(({ name, title, unit, digits, colour, height_px, hasZero, inUnit }, index) => {
        const line: Line = {
          label: title,
          colour,
          values: inUnit(columns.values[name]),
          isFilled: name === "power_w" && !isAveraged,
        };
        const isLast = index === shown.length - 1;
        return (
          <TimeChart
            key={name}
            title={title}
            unit={unit}
            digits={digits}
            times_s={columns.times_s}
            lines={[line]}
            {...(name === "power_w" && isAveraged
              ? {
                  band: {
                    label: "Lowest to highest",
                    colour,
                    low: inUnit(columns.values.power_min_w),
                    high: inUnit(columns.values.power_max_w),
                  },
                }
              : {})}
            spans={spans}
            from_s={from_s}
            to_s={to_s}
            zone={zone}
            cursorGroup="station"
            height_px={isNarrow ? 240 : height_px + (isLast ? 42 : 0)}
            hasTimeAxis={isLast}
            hasZero={hasZero}
            onZoom={onZoom}
          />
        );
      })}
    </div>
  );
}

function SpanLegend({ charts: { spans } }: { charts: Charts }) {
  const has = (kind: string) => spans.some((span) => span.kind === kind);
  if (!has("offline") && !has("faulted")) return null;
  return (
    <p className={styles["spanLegend"]}>
      {has("offline") && (
        <span>
          <i className={styles["offline"]} /> hatched: offline
        </span>
      )}
      {has("faulted") && (
        <span>
          <i className={styles["faulted"]} /> tinted, with a bar above: faulted
        </span>
      )}
    </p>
  );
}
