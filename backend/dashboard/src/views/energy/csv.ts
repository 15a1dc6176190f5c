// Figures as a CSV file, made in the page: RFC 4180, energies in whole Wh, money as the decimal it came as.
import type { PeriodStats } from "../../api/types";
import type { Group } from "./totals";

type Cell = string | number | null;

// What a spreadsheet would take for a formula: the same as the server's exports guard.
const FORMULA = /^'*[=+\-@\t\r\n]/;
const DECIMAL = /^-?\d+(\.\d+)?$/;

function cellText(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  const guarded = FORMULA.test(cell) && !DECIMAL.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

export function csvOf(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [head, ...rows].map((row) => `${row.map(cellText).join(",")}\r\n`).join("");
}

/** A row for each period, and a column of money for each currency. */
export function periodsCsv(rows: readonly PeriodStats[]): string {
  const currencies = [...new Set(rows.flatMap((row) => row.money.map((sum) => sum.currency)))].sort();
  return csvOf(
    [
      ...["period_start", "date_from", "date_to", "energy_wh", "energy_solar_wh", "energy_grid_wh"],
      ...["energy_unattributed_wh", "session_count", ...currencies.map((currency) => `cost_${currency}`)],
      ...["utilisation", "peak_quarter_power_w"],
    ],
    rows.map((row) => [
      ...[row.period_start, row.date_from, row.date_to, row.energy_wh, row.energy_solar_wh],
      ...[row.energy_grid_wh, row.energy_unattributed_wh, row.session_count],
      ...currencies.map((currency) => row.money.find((sum) => sum.currency === currency)?.cost ?? "0"),
      ...[row.utilisation, row.peak_quarter_power_w],
    ]),
  );
}

/** A row for each site or station of the table. */
export function groupsCsv(by: "site" | "evse", groups: readonly Group[]): string {
  const currencies = [
    ...new Set(groups.flatMap(({ totals }) => totals.money.map((sum) => sum.currency))),
  ].sort();
  return csvOf(
    [
      ...[by === "site" ? "site_id" : "evse_uid", "energy_wh", "energy_solar_wh", "energy_grid_wh"],
      ...["energy_unattributed_wh", "session_count", ...currencies.map((currency) => `cost_${currency}`)],
      "peak_quarter_power_w",
    ],
    groups.map(({ group, totals }) => [
      ...[group, totals.energy_wh, totals.energy_solar_wh, totals.energy_grid_wh],
      ...[totals.energy_unattributed_wh, totals.session_count],
      ...currencies.map((currency) => totals.money.find((sum) => sum.currency === currency)?.cost ?? "0"),
      totals.peak_quarter_power_w,
    ]),
  );
}

/** Into the reader's downloads. */
export function saveCsv(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
