// One measurand over time, drawn by uPlot: zoom by dragging, cursor shared between charts, colours of the theme.
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { onThemeChange } from "../theme";
import styles from "./TimeChart.module.css";
import { type Look, type Moving, optionsOf } from "./TimeChartOptions";
import type { Band, Line, Span } from "./TimeChartParts";
import { summaryOf } from "./TimeChartText";
import { useTextScale } from "./useTextScale";

export type { Band, Line, Span };

interface Props {
  title: string;
  unit: string;
  digits?: number;
  /** Seconds since 1970, rising. */
  times_s: readonly number[];
  lines: readonly Line[];
  band?: Band;
  /** Times that are shaded: offline, faulted. */
  spans?: readonly Span[];
  /** The range to show, in seconds since 1970; without it, what there is. */
  from_s?: number;
  to_s?: number;
  zone: string;
  /** Charts of the same name share their cursor. */
  cursorGroup?: string;
  /** At a desk; it grows with the text. */
  height_px?: number;
  /** The values begin at zero. Where lines are filled, or there is a band, they do anyway. */
  hasZero?: boolean;
  /** Of charts above each other the lowest is enough to name the times. */
  hasTimeAxis?: boolean;
  /** The reader dragged over a range. */
  onZoom?: (from_s: number, to_s: number) => void;
}

export function TimeChart(props: Props) {
  const { title, unit, digits = 0, times_s, lines, band, spans, from_s, to_s, zone } = props;
  const { cursorGroup, height_px: deskHeight_px = 180, hasTimeAxis = true, hasZero = false, onZoom } = props;
  const scale = useTextScale();
  const height_px = Math.round(deskHeight_px * scale);
  const holder = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLSpanElement>(null);
  const chart = useRef<uPlot | null>(null);
  const moving = useRef<Moving>({});
  moving.current = { from_s, to_s, spans, onZoom, readout: readout.current };
  const [themeCount, setThemeCount] = useState(0);
  useEffect(() => onThemeChange(() => setThemeCount((count) => count + 1)), []);

  const data = useMemo(() => {
    const bandValues = band === undefined ? [] : [band.high, band.low];
    return [times_s, ...bandValues, ...lines.map((line) => line.values)] as unknown as uPlot.AlignedData;
  }, [times_s, lines, band]);
  const latestData = useRef(data);
  latestData.current = data;
  // What the chart is built of. Values are not in it: they change without building it anew.
  const look = JSON.stringify({
    unit,
    digits,
    zone,
    cursorGroup,
    hasTimeAxis,
    scale,
    canZoom: onZoom !== undefined,
    hasZero: hasZero || band !== undefined || lines.some((line) => line.isFilled),
    band: band && [band.label, band.colour],
    lines: lines.map(({ label, colour, isFilled, isDashed }) => ({ label, colour, isFilled, isDashed })),
  } satisfies Look);

  // biome-ignore lint/correctness/useExhaustiveDependencies: themeCount is what makes the colours be read again
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    moving.current.readout = readout.current;
    const size = () => ({ width: Math.max(element.clientWidth, 100), height: height_px });
    const built = new uPlot(
      { ...optionsOf(JSON.parse(look) as Look, moving), ...size() },
      latestData.current,
      element,
    );
    chart.current = built;
    const observer = new ResizeObserver(() => built.setSize(size()));
    observer.observe(element);
    return () => {
      observer.disconnect();
      built.destroy();
      chart.current = null;
    };
  }, [look, height_px, themeCount]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new range or span is drawn with the same data
  useEffect(() => {
    chart.current?.setData(data);
  }, [data, from_s, to_s, spans]);

  return (
    <figure className={styles["figure"]}>
      <figcaption className={styles["caption"]}>
        <span>
          {title} <span className={styles["unit"]}>({unit})</span>
        </span>
        {/* Filled by the chart itself, at the pace of the cursor. The summary says it to who cannot see it. */}
        <span ref={readout} className={`${styles["readout"]} tabular`} aria-hidden="true">
          <b />
          {lines.map(({ label, colour, isDashed }) => (
            <span key={label} className={styles["line"]}>
              <i style={{ borderTop: `3px ${isDashed ? "dashed" : "solid"} var(${colour})` }} />
              {lines.length > 1 || band ? label : ""} <b />
            </span>
          ))}
          {band && (
            <span className={styles["line"]}>
              <i className={styles["bandMark"]} style={{ background: `var(${band.colour})` }} />
              {band.label} <b />
            </span>
          )}
        </span>
      </figcaption>
      <div
        ref={holder}
        className={styles["chart"]}
        style={{ minHeight: height_px }}
        role="img"
        aria-label={summaryOf({ title, unit, digits, times_s, lines, spans, zone })}
      />
    </figure>
  );
}
