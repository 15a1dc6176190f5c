// Where energy came from: a bar in proportion, with the shares in words.
import { energy, share } from "../../format/number";
import { roundedParts } from "./partsOf";
import styles from "./SourceBar.module.css";

export interface EnergyBySource {
  energy_wh: number;
  energy_solar_wh: number;
  energy_grid_wh: number;
  energy_unattributed_wh: number;
}

function parts(of: EnergyBySource) {
  return [
    { name: "Solar", style: "solar", value_wh: of.energy_solar_wh },
    { name: "Grid", style: "grid", value_wh: of.energy_grid_wh },
    { name: "Source unknown", style: "unattributed", value_wh: of.energy_unattributed_wh },
  ];
}

/** A small one for tables: energy above, the bar and the solar share below. */
export function EnergyCell({ of }: { of: EnergyBySource }) {
  const solarShare = of.energy_wh > 0 ? of.energy_solar_wh / of.energy_wh : null;
  return (
    <div className={styles["cell"]}>
      {energy(of.energy_wh)}
      <span className={styles["small"]}>
        <Bar of={of} />
        <span className={styles["share"]}>{solarShare === null ? "" : `${share(solarShare)} solar`}</span>
      </span>
    </div>
  );
}

/** A large one with its legend. */
export function SourceBar({ of }: { of: EnergyBySource }) {
  const all = parts(of);
  const rounded = roundedParts(
    of.energy_wh,
    all.map((part) => part.value_wh),
  );
  const shown = all
    .map((part, index) => ({ ...part, shown_wh: rounded[index] }))
    .filter((part, index) => index < 2 || part.value_wh > 0);
  return (
    <div className={styles["large"]}>
      <Bar of={of} />
      <dl className={styles["legend"]}>
        {shown.map((part) => (
          <div key={part.name}>
            <dt>
              <span className={`${styles["mark"]} ${styles[part.style]}`} aria-hidden="true" />
              {part.name}
            </dt>
            <dd className="tabular">
              {energy(part.shown_wh)}
              {of.energy_wh > 0 && (
                <span className={styles["share"]}> {share(part.value_wh / of.energy_wh)}</span>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Bar({ of }: { of: EnergyBySource }) {
  return (
    <span className={styles["bar"]} aria-hidden="true">
      {parts(of).map(
        (part) =>
          part.value_wh > 0 && (
            <span key={part.name} className={styles[part.style]} style={{ flexGrow: part.value_wh }} />
          ),
      )}
    </span>
  );
}
