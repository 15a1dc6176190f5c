// What a chart is made of.

export interface Line {
  label: string;
  /** Theme token of its colour, such as `--chart-1`. */
  colour: string;
  /** One value for each of the chart's `times_s`; null: a gap in the line; undefined: not said then, and no gap. */
  values: readonly (number | null | undefined)[];
  isFilled?: boolean;
  /** Drawn thin and dashed: a limit, a minimum. */
  isDashed?: boolean;
}

/** Between what the values of a line were: shaded, behind the lines. */
export interface Band {
  label: string;
  colour: string;
  low: Line["values"];
  high: Line["values"];
}

/** A time that is shaded. */
export interface Span {
  from_s: number;
  to_s: number;
  kind: "offline" | "faulted";
}
