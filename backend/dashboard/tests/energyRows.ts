// Rows of statistics as the API gives them.
import type { PeriodStats } from "../src/api/types";

export function periodRow(
  period_start: string,
  date_to: string,
  row: Partial<PeriodStats> = {},
): PeriodStats {
  return {
    period_start,
    date_from: period_start,
    date_to,
    site_id: null,
    evse_uid: null,
    energy_wh: 0,
    energy_solar_wh: 0,
    energy_grid_wh: 0,
    energy_unattributed_wh: 0,
    solar_share: null,
    charging_s: 0,
    utilisation: 0,
    occupied_share: 0,
    peak_quarter_power_w: null,
    peak_power_w: null,
    session_count: 0,
    energy_per_session_wh: null,
    money: [],
    ...row,
  };
}
