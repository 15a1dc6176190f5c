// The highest quarter of an hour in each period, the highest of all marked: what a grid connection must carry.
import { StackedBars } from "../../charts/StackedBars";
import { power } from "../../format/number";
import { Empty } from "../../ui/States";
import type { ChartProps } from "./chartProps";
import { barNames, PERIOD_WORDS, periodName } from "./words";

export function PeakChart({ answer: { items, period }, totals, openDay }: ChartProps) {
  if (totals.peak_period_start === null) return <Empty title="No power was measured in these days" />;
  const bars = items.map((row) => ({
    ...barNames(row, period, openDay),
    sizes: [row.peak_quarter_power_w === null ? null : row.peak_quarter_power_w / 1000],
    texts: [power(row.peak_quarter_power_w)],
  }));
  const said = `highest: ${power(totals.peak_quarter_power_w)}, ${periodName(totals.peak_period_start, period)}`;
  return (
    <StackedBars
      title="Peak power"
      unit="kW"
      parts={[{ label: "Highest quarter of an hour", colour: "--chart-2" }]}
      bars={bars}
      barWord={PERIOD_WORDS[period]}
      summary={`Peak power, a bar for each ${period}: ${said}`}
      resting={said}
      isHighestMarked
    />
  );
}
