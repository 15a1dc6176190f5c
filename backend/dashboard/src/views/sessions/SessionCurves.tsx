// The charts of a session, and their figures as a table.
import { useMemo } from "react";
import type { Session } from "../../api/types";
import { type Line, TimeChart } from "../../charts/TimeChart";
import { number, quantity } from "../../format/number";
import { clock, exact, oneZoneName, zoneName } from "../../format/time";
import { Card } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { Table } from "../../ui/Table";
import { CURVES, type Curve, evenly, isSaid, type Sample, SOURCE_IN_WORDS } from "./curves";
import styles from "./SessionCurves.module.css";
import { useSessionSamples } from "./useSessionSamples";

const TABLE_ROWS = 60;

export function SessionCurves({ session, zone }: { session: Session; zone: string }) {
  const { samples, source, isCut, isLoading, error, retry } = useSessionSamples(session);
  const curves = CURVES.filter((curve) => curve.lines.some(([measurand]) => isSaid(samples, measurand)));
  const ends = [session.started_at, session.last_reading_at];
  const zones = [...new Set(ends.map((at) => zoneName(zone, at)))].join(", then ");
  return (
    <Card title="Curves" aside={`${SOURCE_IN_WORDS[source]}, times in ${zones}`}>
      {isLoading ? (
        <div className={styles["waiting"]}>
          <Loading label="Loading the curves" rows={5} />
        </div>
      ) : error !== null ? (
        <Failure error={error} onRetry={retry} />
      ) : curves.length === 0 ? (
        <Empty title="No readings of this session">
          {session.status === "ACTIVE"
            ? "The first ones appear here as they come."
            : "They were dropped after their time, or none had values."}
        </Empty>
      ) : (
        <>
          {isCut && <p>The session has more readings than are drawn here: these are the first ones.</p>}
          <div className={styles["charts"]}>
            {curves.map((curve, index) => (
              <CurveChart
                key={curve.title}
                curve={curve}
                samples={samples}
                zone={zone}
                isFirst={index === 0}
              />
            ))}
          </div>
          <CurvesTable curves={curves} samples={samples} zone={zone} />
        </>
      )}
    </Card>
  );
}

function CurveChart({
  curve,
  samples,
  zone,
  isFirst,
}: {
  curve: Curve;
  samples: readonly Sample[];
  zone: string;
  isFirst: boolean;
}) {
  const times_s = useMemo(() => samples.map((each) => each.ts_s), [samples]);
  const lines = useMemo(
    () =>
      curve.lines
        .filter(([measurand]) => isSaid(samples, measurand))
        .map(([measurand, label, colour]): Line => {
          const values = samples.map((each) => {
            const value = each[measurand];
            return value === null ? null : value / curve.divisor;
          });
          return {
            label,
            colour,
            values,
            isFilled: measurand === "power_w",
            isDashed: measurand === "power_max_w",
          };
        }),
    [curve, samples],
  );
  return (
    <div className={isFirst ? styles["first"] : ""}>
      <TimeChart
        title={curve.title}
        unit={curve.unit}
        digits={curve.digits}
        times_s={times_s}
        lines={lines}
        zone={zone}
        cursorGroup="session"
        height_px={isFirst ? 230 : 160}
      />
    </div>
  );
}

function CurvesTable({
  curves,
  samples,
  zone,
}: {
  curves: readonly Curve[];
  samples: readonly Sample[];
  zone: string;
}) {
  const { shown, every } = evenly(
    samples.filter((each) => curves.some(({ lines }) => lines.some(([name]) => each[name] !== null))),
    TABLE_ROWS,
  );
  const zoneShown = oneZoneName(
    zone,
    [shown[0], shown[shown.length - 1]].map((each) => (each?.ts_s ?? 0) * 1000),
  );
  return (
    <details className={styles["table"]}>
      <summary>Show as table</summary>
      {every > 1 && <p>Every {number(every)}th point of the curves, and the last one.</p>}
      <Table
        caption="Curves of the session"
        rows={shown}
        keyOf={(each) => each.ts_s}
        columns={[
          zoneShown === null
            ? { title: "Time", cell: (each) => exact(each.ts_s * 1000, zone) }
            : { title: `Time (${zoneShown})`, cell: (each) => clock(each.ts_s * 1000, zone) },
          ...curves.flatMap((curve) =>
            curve.lines
              .filter(([measurand]) => isSaid(samples, measurand))
              .map(([measurand, label]) => ({
                title: label === curve.title ? label : `${curve.title}, ${label.toLowerCase()}`,
                isNumber: true,
                cell: (each: Sample) => {
                  const value = each[measurand];
                  return quantity(value === null ? null : value / curve.divisor, curve.unit, curve.digits);
                },
              })),
          ),
        ]}
      />
    </details>
  );
}
