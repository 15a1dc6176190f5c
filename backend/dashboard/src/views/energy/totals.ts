// Sums of periods. Whole Wh and decimal text are added exactly; shares are made anew from the sums.
import type { Money, PeriodStats } from "../../api/types";
import { ratioOfDecimals, sumMoney } from "../../format/decimal";

export interface Totals {
  energy_wh: number;
  energy_solar_wh: number;
  energy_grid_wh: number;
  energy_unattributed_wh: number;
  /** 0 to 1; null without energy. */
  solar_share: number | null;
  session_count: number;
  money: Money[];
  /** 0 to 1; null where no time of it is over. */
  utilisation: number | null;
  /** The highest quarter of an hour, and the period it is in. */
  peak_quarter_power_w: number | null;
  peak_period_start: string | null;
}

const DAY_MS = 86_400_000;

/** `now` is the local day and time, such as `2026-11-21T11:45`: a period counts as far as it is over. */
export function totalsOf(rows: readonly PeriodStats[], now: string): Totals {
  const sum = (of: (row: PeriodStats) => number) => rows.reduce((total, row) => total + of(row), 0);
  const energy_wh = sum((row) => row.energy_wh);
  const energy_solar_wh = sum((row) => row.energy_solar_wh);
  const peak = highestOf(rows);
  return {
    energy_wh,
    energy_solar_wh,
    energy_grid_wh: sum((row) => row.energy_grid_wh),
    energy_unattributed_wh: sum((row) => row.energy_unattributed_wh),
    solar_share: energy_wh > 0 ? energy_solar_wh / energy_wh : null,
    session_count: sum((row) => row.session_count),
    money: sumMoney(rows.map((row) => row.money)),
    utilisation: utilisationOf(rows, Date.parse(`${now}Z`)),
    peak_quarter_power_w: peak?.peak_quarter_power_w ?? null,
    peak_period_start: peak?.period_start ?? null,
  };
}

function highestOf(rows: readonly PeriodStats[]): PeriodStats | null {
  return rows.reduce<PeriodStats | null>((most, row) => {
    if (row.peak_quarter_power_w === null) return most;
    return most === null || row.peak_quarter_power_w > (most.peak_quarter_power_w ?? 0) ? row : most;
  }, null);
}

/** Each period counts by how long it has lasted: there are as many connectors in all of them. */
function utilisationOf(rows: readonly PeriodStats[], nowMs: number): number | null {
  let used = 0;
  let lasted_days = 0;
  for (const row of rows) {
    if (row.utilisation === null) continue;
    const fromMs = Date.parse(`${row.date_from}T00:00Z`);
    const toMs = Math.min(Date.parse(`${row.date_to}T00:00Z`), nowMs);
    const days = Math.max(toMs - fromMs, 0) / DAY_MS;
    used += row.utilisation * days;
    lasted_days += days;
  }
  return lasted_days > 0 ? used / lasted_days : null;
}

/** How much more or less, as a share: 0.12 is 12 % more; null when there was nothing before. */
export function changeOf(now: number | null, before: number | null): number | null {
  return now === null || before === null || before === 0 ? null : now / before - 1;
}

/** The same of money in one currency. */
export function moneyChangeOf(now: string, before: string | undefined): number | null {
  const ratio = before === undefined ? null : ratioOfDecimals(now, before);
  return ratio === null ? null : ratio - 1;
}

export interface Group {
  /** The site's id or the station's uid. */
  group: string;
  first: PeriodStats;
  totals: Totals;
}

/** Rows of several groups as one each, most energy first. */
export function byGroup(
  rows: readonly PeriodStats[],
  groupOf: (row: PeriodStats) => string | number | null,
  now: string,
): Group[] {
  const groups = new Map<string, PeriodStats[]>();
  for (const row of rows) {
    const group = String(groupOf(row));
    const known = groups.get(group);
    if (known === undefined) groups.set(group, [row]);
    else known.push(row);
  }
  return [...groups]
    .flatMap(([group, all]) => (all[0] ? [{ group, first: all[0], totals: totalsOf(all, now) }] : []))
    .sort((a, b) => b.totals.energy_wh - a.totals.energy_wh || a.group.localeCompare(b.group));
}
