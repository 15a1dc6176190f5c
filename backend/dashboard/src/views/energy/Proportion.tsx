// How much energy, with a bar that compares it with the most, in the colours of its sources.
import { energy, share } from "../../format/number";
import styles from "./EnergyAndMoney.module.css";
import type { Totals } from "./totals";

export function Proportion({
  totals,
  most_wh,
  total_wh,
}: {
  totals: Totals;
  most_wh: number;
  total_wh: number;
}) {
  const parts = [
    ["--solar", totals.energy_solar_wh],
    ["--grid", totals.energy_grid_wh],
    ["--unattributed", totals.energy_unattributed_wh],
  ] as const;
  return (
    <div className={styles["proportion"]}>
      <span className={styles["track"]} aria-hidden="true">
        {parts.map(([colour, part_wh]) => (
          <span
            key={colour}
            style={{
              width: `${most_wh > 0 ? (part_wh / most_wh) * 100 : 0}%`,
              background: `var(${colour})`,
            }}
          />
        ))}
      </span>
      <span className={`${styles["amount"]} tabular`}>
        {energy(totals.energy_wh)}{" "}
        <span className={styles["remark"]}>{total_wh > 0 && share(totals.energy_wh / total_wh)}</span>
      </span>
    </div>
  );
}
