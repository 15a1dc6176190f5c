// How uPlot is to draw a chart of ours: axes, lines, band, shaded spans, and what the cursor reads out.
import uPlot from "uplot";
import { number } from "../format/number";
import { colourOf } from "../theme";
import type { Span } from "./TimeChartParts";
import { decimalsOf, isolatedPoints, newestAt, paddedRange, timeLabels, timeOf } from "./TimeChartText";

/** What a chart is built of, as JSON: when it changes, the chart is built anew. */
export interface Look {
  unit: string;
  digits: number;
  zone: string;
  cursorGroup: string | undefined;
  hasTimeAxis: boolean;
  /** How much larger than at a desk. */
  scale: number;
  canZoom: boolean;
  hasZero: boolean;
  band: [label: string, colour: string] | undefined;
  lines: {
    label: string;
    colour: string;
    isFilled: boolean | undefined;
    isDashed: boolean | undefined;
  }[];
}

/** What changes while a chart stands. */
export interface Moving {
  from_s?: number | undefined;
  to_s?: number | undefined;
  spans?: readonly Span[] | undefined;
  onZoom?: ((from_s: number, to_s: number) => void) | undefined;
  readout?: HTMLElement | null;
}

const SHORTEST_DRAG_PX = 8;

export function optionsOf(look: Look, moving: { current: Moving }): Omit<uPlot.Options, "width" | "height"> {
  const { zone, lines, band, scale } = look;
  const axis: uPlot.Axis = {
    stroke: colourOf("--muted"),
    font: `${Math.round(12 * scale)}px system-ui, sans-serif`,
    grid: { stroke: colourOf("--chart-grid"), width: 1 },
    ticks: { stroke: colourOf("--chart-grid"), width: 1, size: 6 },
  };
  const bandSeries: uPlot.Series[] = band === undefined ? [] : [edge(), edge()];
  const say = readOut(look, moving);
  const spanColours = { offline: colourOf("--idle"), faulted: colourOf("--bad") };
  return {
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), zone),
    legend: { show: false },
    padding: [8 * scale, 12 * scale, look.hasTimeAxis ? 0 : 6 * scale, 0],
    cursor: {
      y: false,
      ...(look.cursorGroup === undefined
        ? {}
        : { sync: { key: look.cursorGroup, filters: { pub: isMove } } }),
      drag: { x: look.canZoom, y: false, setScale: false },
    },
    hooks: {
      drawClear: [(plot) => drawSpans(plot, moving.current.spans ?? [], spanColours)],
      draw: [say],
      setCursor: [say],
      setSelect: [(plot) => zoom(plot, moving.current)],
    },
    scales: {
      x: { range: (_plot, min, max) => [moving.current.from_s ?? min, moving.current.to_s ?? max] },
      y: { range: (_plot, min, max) => paddedRange(min, max, look.hasZero) },
    },
    axes: [
      {
        ...axis,
        space: 84 * scale,
        size: look.hasTimeAxis ? 42 * scale : 0,
        values: (_plot, splits, _axis, _space, step_s) =>
          look.hasTimeAxis ? timeLabels(splits, step_s, zone) : splits.map(() => ""),
        ...(look.hasTimeAxis ? {} : { ticks: { show: false } }),
      },
      {
        ...axis,
        size: 56 * scale,
        space: 26 * scale,
        values: (_plot, splits) => splits.map((value) => number(value, decimalsOf(splits))),
      },
    ],
    ...(band === undefined
      ? {}
      : { bands: [{ series: [1, 2] as [number, number], fill: withAlpha(colourOf(band[1]), 0.28) }] }),
    series: [
      {},
      ...bandSeries,
      ...lines.map(
        ({ colour, isFilled, isDashed }): uPlot.Series => ({
          stroke: colourOf(colour),
          width: (isDashed ? 1 : 1.75) * scale,
          points: { show: false, filter: isolatedIn, size: 4 * scale, fill: colourOf(colour) },
          spanGaps: false,
          ...(isDashed ? { dash: [4, 4] } : {}),
          ...(isFilled ? { fill: withAlpha(colourOf(colour), 0.16) } : {}),
        }),
      ),
    ],
  };
}

/** Charts of a group share where the cursor is; what is dragged over is told by one of them only. */
function isMove(type: string): boolean {
  return type === "mousemove" || type === "mouseleave";
}

/** A value between two gaps would be a line of no length. */
function isolatedIn(plot: uPlot, series: number): number[] {
  return isolatedPoints(plot.data[series] ?? []);
}

function edge(): uPlot.Series {
  return { stroke: "transparent", width: 0, points: { show: false }, spanGaps: false };
}

function zoom(plot: uPlot, { onZoom }: Moving): void {
  const { left, width } = plot.select;
  if (width < SHORTEST_DRAG_PX) return; // a click, not a drag
  const from_s = plot.posToVal(left, "x");
  const to_s = plot.posToVal(left + width, "x");
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onZoom?.(from_s, to_s);
}

/** Writes what the cursor is on, else the newest, into the caption: no component is drawn for it. */
function readOut(look: Look, moving: { current: Moving }): (plot: uPlot) => void {
  return (plot) => {
    const texts = moving.current.readout?.querySelectorAll("b");
    if (texts === undefined) return;
    const times_s = plot.data[0];
    const under = plot.cursor.idx ?? null;
    const bandCount = look.band === undefined ? 0 : 2;
    const newestOf = (series: number) => newestAt(plot.data[series] ?? [], under);
    const at_s = under === null ? undefined : times_s[under];
    const said = (value: number | null) =>
      value === null ? "–" : `${number(value, look.digits)}\u00a0${look.unit}`;
    const parts = [
      at_s === undefined
        ? ""
        : timeOf(at_s, (plot.scales["x"]?.max ?? 0) - (plot.scales["x"]?.min ?? 0), look.zone),
      ...look.lines.map((_, index) => said(newestOf(index + 1 + bandCount))),
      ...(bandCount === 0 ? [] : [`${said(newestOf(2))} – ${said(newestOf(1))}`]),
    ];
    texts.forEach((element, index) => {
      const text = parts[index] ?? "";
      if (element.textContent !== text) element.textContent = text;
    });
  };
}

/** Offline is hatched, a fault is a plain tint with a bar on top: to be told apart without colour. */
function drawSpans(plot: uPlot, spans: readonly Span[], colours: Record<Span["kind"], string>): void {
  const { ctx, bbox } = plot;
  const right_px = bbox.left + bbox.width;
  for (const { from_s, to_s, kind } of spans) {
    const start_px = Math.max(bbox.left, plot.valToPos(from_s, "x", true));
    const end_px = Math.min(right_px, Math.max(plot.valToPos(to_s, "x", true), start_px + 2));
    if (!(end_px > start_px)) continue;
    const colour = colours[kind];
    ctx.save();
    ctx.beginPath();
    ctx.rect(start_px, bbox.top, end_px - start_px, bbox.height);
    ctx.clip();
    ctx.fillStyle = withAlpha(colour, 0.13);
    ctx.fillRect(start_px, bbox.top, end_px - start_px, bbox.height);
    ctx.strokeStyle = withAlpha(colour, 0.45);
    ctx.fillStyle = colour;
    if (kind === "offline") hatch(ctx, start_px, end_px, bbox.top, bbox.height);
    else ctx.fillRect(start_px, bbox.top, end_px - start_px, 3 * devicePixelRatio);
    ctx.restore();
  }
}

function hatch(
  ctx: CanvasRenderingContext2D,
  left: number,
  right: number,
  top: number,
  height: number,
): void {
  const step = 9 * devicePixelRatio;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  for (let x = Math.floor((left - height) / step) * step; x < right; x += step) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
}

function withAlpha(rgb: string, alpha: number): string {
  return rgb.replace(/^rgb\(([^)]+)\)$/, `rgba($1, ${alpha})`);
}
