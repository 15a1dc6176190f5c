// The drawing of stacked bars itself: SVG in the pixels of the screen, so that its text is never scaled.
import type { Bar, Part } from "./StackedBars";
import styles from "./StackedBars.module.css";
import { labelEvery } from "./scale";

export interface Frame {
  width_px: number;
  height_px: number;
  left_px: number;
  right_px: number;
  top_px: number;
  bottom_px: number;
  /** How much room a label below the bars needs. */
  label_px: number;
}

interface Props {
  frame: Frame;
  bars: readonly Bar[];
  parts: readonly Part[];
  ticks: readonly number[];
  tickTexts: readonly string[];
  chosen: number | null;
  /** The bar that bears its value above it. */
  marked: number | null;
  label: string;
}

export function BarDrawing({ frame, bars, parts, ticks, tickTexts, chosen, marked, label }: Props) {
  const { width_px, height_px, left_px, right_px, top_px, bottom_px, label_px } = frame;
  const ground = height_px - bottom_px;
  const highest = ticks[ticks.length - 1] ?? 1;
  const step = Math.max(width_px - left_px - right_px, 1) / Math.max(bars.length, 1);
  const gap = step > 6 ? Math.min(step * 0.25, 10) : step > 3 ? 1 : 0;
  // Few bars stay bars: as wide as they are high they would be areas.
  const bar_px = Math.min(Math.max(step - gap, 0.5), label_px * 1.3);
  const yOf = (value: number) => ground - (value / highest) * (ground - top_px);
  const every = labelEvery(bars.length, width_px - left_px, label_px);
  const markedBar = marked === null ? undefined : bars[marked];
  return (
    <svg width={width_px} height={height_px} className={styles["drawing"]} role="img" aria-label={label}>
      {ticks.map((tick, at) => (
        <g key={tick}>
          <line
            x1={left_px}
            x2={width_px - right_px}
            y1={yOf(tick)}
            y2={yOf(tick)}
            className={styles["line"]}
          />
          <text x={left_px - 8} y={yOf(tick)} dy="0.32em" textAnchor="end">
            {tickTexts[at]}
          </text>
        </g>
      ))}
      {chosen !== null && (
        <rect
          x={left_px + chosen * step}
          y={top_px}
          width={step}
          height={ground - top_px}
          className={styles["chosen"]}
        />
      )}
      {bars.map((bar, at) => (
        <g key={bar.key}>
          {stacked(bar, yOf).map(({ part, y, height }) => (
            <rect
              key={part}
              x={left_px + (at + 0.5) * step - bar_px / 2}
              width={bar_px}
              y={y}
              height={height}
              fill={`var(${parts[part]?.colour ?? "--ink"})`}
            />
          ))}
          {at % every === 0 && (at + 0.5) * step <= width_px - left_px - label_px / 3 && (
            <text x={left_px + (at + 0.5) * step} y={ground + bottom_px * 0.68} textAnchor="middle">
              {bar.tick}
            </text>
          )}
        </g>
      ))}
      {marked !== null && markedBar !== undefined && (
        <Mark
          text={`highest: ${markedBar.total ?? markedBar.texts[0]}`}
          x={left_px + (marked + 0.5) * step}
          y={yOf(sumOf(markedBar)) - 6}
          isRight={marked >= bars.length / 2}
        />
      )}
    </svg>
  );
}

function sumOf(bar: Bar): number {
  return bar.sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

/** The parts from the ground upwards, with a hair's breadth between them where there is room. */
function stacked(bar: Bar, yOf: (value: number) => number) {
  let below = 0;
  return bar.sizes.flatMap((size, part) => {
    if (size === null || size <= 0) return [];
    const bottom = yOf(below);
    const isFirst = below === 0;
    below += size;
    const height = bottom - yOf(below);
    const hair = !isFirst && height > 3 ? 1 : 0;
    return [{ part, y: yOf(below), height: Math.max(height - hair, 0.5) }];
  });
}

/** Its sign is above the bar, its text goes to whichever side has room. */
function Mark({ text, x, y, isRight }: { text: string; x: number; y: number; isRight: boolean }) {
  return (
    <text x={isRight ? x + 5 : x - 5} y={y} textAnchor={isRight ? "end" : "start"} className={styles["mark"]}>
      {isRight ? `${text} ▼` : `▼ ${text}`}
    </text>
  );
}
