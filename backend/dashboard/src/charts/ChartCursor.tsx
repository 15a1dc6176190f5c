// What pointer and keyboard do in a chart: choose one of its values, which is then said in words.
import type { KeyboardEvent, PointerEvent } from "react";
import styles from "./ChartCursor.module.css";

interface Props {
  /** What is chosen from: "Periods of Energy". */
  label: string;
  count: number;
  /** null: none is chosen. */
  index: number | null;
  onChange: (index: number | null) => void;
  /** Which value is at a place of the chart, from its left upper corner, in a box of this size. */
  indexAt: (x_px: number, y_px: number, box: { width: number; height: number }) => number;
  /** What a value says, in words. */
  textOf: (index: number) => string;
  /** How far up and down go; left and right go by one. */
  rowLength?: number;
}

/** Lies over a drawing, without a look of its own. A slider to screen readers, which say each value that is chosen. */
export function ChartCursor({ label, count, index, onChange, indexAt, textOf, rowLength = 1 }: Props) {
  const last = count - 1;
  const now = index ?? last;
  const choose = (wanted: number) => onChange(Math.min(Math.max(wanted, 0), last));
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -rowLength,
    ArrowDown: rowLength,
    Home: -count,
    End: count,
  };
  const press = (event: KeyboardEvent) => {
    const step = steps[event.key];
    if (event.key === "Escape") onChange(null);
    else if (step !== undefined) {
      event.preventDefault();
      choose(index === null ? last : now + step);
    }
  };
  const point = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    choose(indexAt(event.clientX - box.left, event.clientY - box.top, box));
  };
  return (
    <div
      className={styles["cursor"]}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={1}
      aria-valuemax={count}
      aria-valuenow={now + 1}
      aria-valuetext={textOf(now)}
      onKeyDown={press}
      onFocus={() => index === null && choose(last)}
      onBlur={() => onChange(null)}
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={(event) => event.pointerType === "mouse" && onChange(null)}
    />
  );
}
