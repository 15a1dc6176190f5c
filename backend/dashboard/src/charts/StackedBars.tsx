// Bars over time, each of one or more parts on each other: with an axis, a legend, and all figures as a table.
import { useState } from "react";
import { number } from "../format/number";
import { BarDrawing, type Frame } from "./BarDrawing";
import { ChartCursor } from "./ChartCursor";
import { FiguresTable } from "./FiguresTable";
import styles from "./StackedBars.module.css";
import { decimalsOf, ticksUpTo } from "./scale";
import { useDrawingSize } from "./useDrawingSize";

export interface Part {
  label: string;
  /** Theme token of its colour, such as `--solar`. */
  colour: string;
}

export interface Bar {
  key: string;
  /** In full: `21 November 2026`. */
  name: string;
  /** Below the bar, where there is room. */
  tick: string;
  /** One for each part, in the axis' unit. Only drawn: what is said stands in `texts`. null: unknown. */
  sizes: readonly (number | null)[];
  /** One for each part, with its unit. */
  texts: readonly string[];
  /** All parts together, where there is more than one. */
  total?: string;
}

interface Props {
  title: string;
  unit: string;
  parts: readonly Part[];
  bars: readonly Bar[];
  /** What the heads of the table call the bars: "Day". */
  barWord: string;
  /** The whole in a sentence, for who cannot see it. */
  summary: string;
  /** Said while no bar is chosen. */
  resting: string;
  /** Mark the highest bar with its value. */
  isHighestMarked?: boolean;
  height_px?: number;
}

export function StackedBars({
  title,
  unit,
  parts,
  bars,
  barWord,
  summary,
  resting,
  isHighestMarked = false,
  height_px = 220,
}: Props) {
  const [holder, { width_px, scale }] = useDrawingSize<HTMLDivElement>();
  const [chosen, setChosen] = useState<number | null>(null);
  const index = chosen !== null && chosen < bars.length ? chosen : null;
  const heights = bars.map((bar) => bar.sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0));
  const highest = heights.reduce((most, height) => Math.max(most, height), 0);
  const ticks = ticksUpTo(highest);
  const tickTexts = ticks.map((tick) => number(tick, decimalsOf(ticks)));
  const frame: Frame = {
    width_px,
    height_px: height_px * scale,
    left_px: (14 + 7 * tickTexts.reduce((most, text) => Math.max(most, text.length), 0)) * scale,
    right_px: 4,
    top_px: (isHighestMarked ? 22 : 10) * scale,
    bottom_px: 24 * scale,
    label_px: 62 * scale,
  };
  const plot_px = Math.max(width_px - frame.left_px - frame.right_px, 1);
  const textOf = (at: number) => {
    const bar = bars[at];
    return bar === undefined ? "" : wordsOf(bar, parts);
  };
  return (
    <figure className={styles["figure"]}>
      <ul className={styles["legend"]}>
        {parts.map((part) => (
          <li key={part.label}>
            <span
              className={styles["swatch"]}
              style={{ background: `var(${part.colour})` }}
              aria-hidden="true"
            />
            {part.label}
          </li>
        ))}
        <li className={styles["unit"]}>in {unit}</li>
      </ul>
      <div ref={holder} className={styles["plot"]} style={{ height: frame.height_px }}>
        <BarDrawing
          frame={frame}
          bars={bars}
          parts={parts}
          ticks={ticks}
          tickTexts={tickTexts}
          chosen={index}
          marked={isHighestMarked && highest > 0 ? heights.indexOf(highest) : null}
          label={summary}
        />
        {bars.length > 0 && (
          <ChartCursor
            label={`${title}, figures of a ${barWord.toLowerCase()}`}
            count={bars.length}
            index={index}
            onChange={setChosen}
            indexAt={(x_px) => Math.floor(((x_px - frame.left_px) / plot_px) * bars.length)}
            textOf={textOf}
          />
        )}
      </div>
      <p className={`${styles["reading"]} tabular`}>{index === null ? resting : textOf(index)}</p>
      <FiguresTable caption={`${title}, all figures`} barWord={barWord} parts={parts} bars={bars} />
    </figure>
  );
}

function wordsOf(bar: Bar, parts: readonly Part[]): string {
  const said = parts.map((part, at) => `${part.label} ${bar.texts[at] ?? "–"}`).join(", ");
  return bar.total === undefined ? `${bar.name}: ${said}` : `${bar.name}: ${bar.total} (${said})`;
}
