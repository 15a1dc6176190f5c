// What each chart of periods is drawn of.
import type { StatsAnswer } from "./queries";
import type { Totals } from "./totals";

export interface ChartProps {
  answer: StatsAnswer;
  /** Of all its periods. */
  totals: Totals;
  /** The first day that is not over everywhere: a period that it is in is not over. */
  openDay: string;
}
