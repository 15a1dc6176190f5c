// Energy by its source: a bar of the proportions, and the amounts in words.
import type { components } from "../../api/schema";
import { energy, UNKNOWN } from "../../format/number";
import styles from "./Totals.module.css";

type Energy = components["schemas"]["Energy"];

export function EnergySplit({ energy_today }: { energy_today: Energy | undefined }) {
  const parts = [
    ["Solar", "solar", energy_today?.energy_solar_wh],
    ["Grid", "grid", energy_today?.energy_grid_wh],
    ["Not known", "unattributed", energy_today?.energy_unattributed_wh],
  ] as const;
  const shown = parts.filter(([, source, energy_wh]) => source !== "unattributed" || (energy_wh ?? 0) > 0);
  return (
    <>
      <span className={styles["split"]} aria-hidden="true">
        {parts.map(([, source, energy_wh]) => (
          <span key={source} className={styles[source]} style={{ flexGrow: Math.max(0, energy_wh ?? 0) }} />
        ))}
      </span>
      <span className={styles["legend"]}>
        {shown.map(([title, source, energy_wh]) => (
          <span key={source}>
            <span className={`${styles["key"]} ${styles[source]}`} aria-hidden="true" />
            {title} {energy_wh === undefined ? UNKNOWN : energy(energy_wh)}
          </span>
        ))}
      </span>
    </>
  );
}
