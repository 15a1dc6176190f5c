// What the charts show, in figures.
import { power, quantity } from "../../format/number";
import { exact } from "../../format/time";
import { type Column, Table } from "../../ui/Table";
import styles from "./Chart.module.css";
import type { Columns } from "./points";
import type { Resolution } from "./range";

/** A page can show more, but nobody reads more. Exports give all. */
const MOST_ROWS = 200;

export default function ChartTable({
  columns,
  resolution,
  zone,
}: {
  columns: Columns;
  resolution: Resolution;
  zone: string;
}) {
  const { times_s, values } = columns;
  const places = times_s
    .map((_, index) => index)
    .filter((index) => Object.values(values).some((column) => typeof column[index] === "number"));
  const shown = places.slice(-MOST_ROWS).reverse();
  const cell = (name: keyof Columns["values"], say: (value: number | null | undefined) => string) => ({
    isNumber: true,
    cell: (index: number) => say(values[name][index]),
  });
  const isAveraged = resolution !== "raw";
  const table: Column<number>[] = [
    {
      title: isAveraged ? "Middle of each average" : "Time",
      cell: (index) => <span className="tabular">{exact((times_s[index] ?? 0) * 1000, zone)}</span>,
    },
    { title: isAveraged ? "Power, average" : "Power", ...cell("power_w", power) },
    ...(isAveraged
      ? [
          { title: "Lowest", ...cell("power_min_w", power) },
          { title: "Highest", ...cell("power_max_w", power) },
        ]
      : []),
    { title: "Voltage", ...cell("voltage_v", (value) => quantity(value, "V", 1)) },
    { title: "Current", ...cell("current_a", (value) => quantity(value, "A", 1)) },
    { title: "Temperature", ...cell("temperature_c", (value) => quantity(value, "°C", 1)) },
  ];
  return (
    <>
      <div className={styles["tableScroll"]}>
        <Table
          caption="Readings of this range"
          columns={table}
          rows={shown}
          keyOf={(index) => times_s[index] ?? index}
        />
      </div>
      {places.length > shown.length && (
        <p className={styles["notes"]}>
          The newest {shown.length} of {places.length}.
        </p>
      )}
    </>
  );
}
