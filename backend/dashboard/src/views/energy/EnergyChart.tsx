// Solar on grid on whatever nobody attributed, for each period.
import { type Bar, type Part, StackedBars } from "../../charts/StackedBars";
import { energy, share } from "../../format/number";
import type { ChartProps } from "./chartProps";
import { barNames, PERIOD_WORDS } from "./words";

const SOLAR: Part = { label: "Solar", colour: "--solar" };
const GRID: Part = { label: "Grid", colour: "--grid" };
const UNATTRIBUTED: Part = { label: "Source not known", colour: "--unattributed" };

export function EnergyChart({ answer: { items, period }, totals, openDay }: ChartProps) {
  const highest_wh = items.reduce((most, row) => Math.max(most, row.energy_wh), 0);
  const [unit, unit_wh] = highest_wh >= 10_000_000 ? ["MWh", 1_000_000] : ["kWh", 1000];
  const isAllAttributed = items.every((row) => row.energy_unattributed_wh === 0);
  const bars = items.map((row): Bar => {
    const parts_wh = [row.energy_solar_wh, row.energy_grid_wh];
    if (!isAllAttributed) parts_wh.push(row.energy_unattributed_wh);
    return {
      ...barNames(row, period, openDay),
      sizes: parts_wh.map((part_wh) => part_wh / unit_wh),
      texts: parts_wh.map(energy),
      total: energy(row.energy_wh),
    };
  });
  const said = `${energy(totals.energy_wh)} in all, ${share(totals.solar_share)} of it solar`;
  return (
    <StackedBars
      title="Energy by source"
      unit={unit}
      parts={isAllAttributed ? [SOLAR, GRID] : [SOLAR, GRID, UNATTRIBUTED]}
      bars={bars}
      barWord={PERIOD_WORDS[period]}
      summary={`Energy by source, a bar for each ${period}: ${said}`}
      resting={said}
      height_px={260}
    />
  );
}
