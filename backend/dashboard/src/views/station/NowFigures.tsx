// What a connector measures at this moment, and how old that is.
import { power, quantity } from "../../format/number";
import { inWords, SOURCE_WORDS } from "../../format/words";
import { Figure, Figures } from "../../ui/Page";
import { Ago, Time } from "../../ui/Time";
import styles from "./Station.module.css";
import { type StationNow, useConnectorNow } from "./useStation";

/** What is doubtful about a reading, explained. */
const QUALITY_WORDS: Record<string, string> = {
  clock_distrusted: "the station's clock is wrong, the time is that of the receipt",
  clockless: "the station sends no time, it is that of the receipt",
  negative: "a value below zero",
  above_maximum: "more power than the station can deliver",
  power_mismatch: "voltage times current is far from the power",
};
/** What counts no energy for anybody is worth a colour; a missing clock is not. */
const GRAVE = ["negative", "above_maximum", "power_mismatch", "clock_distrusted"];

export function NowFigures({ station, connector_id }: { station: StationNow; connector_id: number }) {
  const connector = useConnectorNow(station, connector_id);
  const quality = connector.quality ?? [];
  const isSolar = connector.energy_source === "solar";
  const error = connector.error_code;
  return (
    <section aria-label="Now">
      <Figures>
        <Figure
          label="Power"
          value={power(connector.power_w)}
          note={station.max_power_w === null ? undefined : `of ${power(station.max_power_w)}`}
        />
        <Figure label="Voltage" value={quantity(connector.voltage_v, "V", 1)} />
        <Figure label="Current" value={quantity(connector.current_a, "A", 1)} />
        <Figure label="Temperature" value={quantity(connector.temperature_c, "°C", 1)} />
        <Figure label="Battery" value={quantity(connector.soc_percent, "%")} />
        <Figure
          label="Source"
          value={SOURCE_WORDS[connector.energy_source ?? ""] ?? inWords(connector.energy_source)}
          {...(isSolar ? { tone: "solar" as const } : {})}
        />
        {error && error !== "NoError" && <Figure label="Error" value={inWords(error)} tone="bad" />}
      </Figures>
      <p className={styles["readingNote"]}>
        {connector.ts ? (
          <>
            Reading of <Time at={connector.ts} zone={station.zone} withZone />,{" "}
            <Ago at={connector.ts} zone={station.zone} />.
          </>
        ) : (
          "No reading yet."
        )}{" "}
        {!connector.is_online && connector.ts && (
          <b>The station is offline: these are the last values that it sent. </b>
        )}
        {connector.reported_status && connector.reported_status !== connector.status && (
          <>The station itself says “{inWords(connector.reported_status)}”. </>
        )}
        {quality.length > 0 && (
          <span className={quality.some((flag) => GRAVE.includes(flag)) ? styles["doubt"] : undefined}>
            Doubtful: {quality.map((flag) => QUALITY_WORDS[flag] ?? inWords(flag)).join("; ")}.
          </span>
        )}
      </p>
    </section>
  );
}
