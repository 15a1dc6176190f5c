// Energy by source, summed over buckets. Pure.
import type { TelemetryBucket } from "../../api/types";
import type { EnergyBySource } from "../sessions/SourceBar";

/** What the buckets come to; null when none of them says an energy. */
export function energyOf(buckets: readonly TelemetryBucket[]): EnergyBySource | null {
  const known = buckets.filter((bucket) => typeof bucket.energy_wh === "number");
  if (known.length === 0) return null;
  const sum = (name: keyof EnergyBySource) => known.reduce((total, bucket) => total + (bucket[name] ?? 0), 0);
  return {
    energy_wh: sum("energy_wh"),
    energy_solar_wh: sum("energy_solar_wh"),
    energy_grid_wh: sum("energy_grid_wh"),
    energy_unattributed_wh: sum("energy_unattributed_wh"),
  };
}
