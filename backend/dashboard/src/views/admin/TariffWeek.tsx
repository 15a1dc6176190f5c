// A small picture of the week: which of a tariff's times of day counts when.
import { WEEKDAYS } from "../../charts/heat";
import styles from "./TariffWeek.module.css";
import { hoursOf, type Run, remarksOn, type WeekElement, weekOf } from "./weekOfTariff";

export function TariffWeek({ elements }: { elements: readonly WeekElement[] }) {
  const week = weekOf(elements);
  const summary = week.counts.map((quarters, at) => `time ${at + 1}: ${hoursOf(quarters)}`);
  return (
    <figure className={styles["figure"]}>
      <div
        className={styles["week"]}
        role="img"
        aria-label={["Hours of the week", ...summary, `base prices: ${hoursOf(week.base_quarters)}`].join(
          ", ",
        )}
      >
        {week.days.map((runs, day) => (
          <div key={WEEKDAYS[day]?.name} className={styles["day"]}>
            <span className={styles["name"]}>{WEEKDAYS[day]?.short}</span>
            <span className={styles["runs"]}>
              {runs.map((run) => (
                <span key={run.from_quarter} className={styles["run"]} style={styleOf(run)}>
                  {run.index === null ? "" : run.index + 1}
                </span>
              ))}
            </span>
          </div>
        ))}
        <div className={`${styles["clock"]} tabular`}>
          {["00", "06", "12", "18", "24"].map((text) => (
            <span key={text}>{text}</span>
          ))}
        </div>
      </div>
      <ul className={styles["remarks"]}>
        {remarksOn(week).map(({ text, isDoubtful }) => (
          <li key={text} className={isDoubtful ? styles["doubtful"] : undefined}>
            {isDoubtful && <span aria-hidden="true">⚠ </span>}
            {text}
          </li>
        ))}
      </ul>
    </figure>
  );
}

/** The number of a time of day, in the colour that it has in the picture. */
export function TimeNumber({ index }: { index: number }) {
  return (
    <span className={styles["number"]} style={colourOf(index)}>
      {index + 1}
    </span>
  );
}

function styleOf({ index, from_quarter, to_quarter }: Run) {
  return {
    gridColumn: `${from_quarter + 1} / ${to_quarter + 1}`,
    ...(index === null ? {} : colourOf(index)),
  };
}

function colourOf(index: number) {
  return { background: `var(--chart-${(index % 4) + 1})` };
}
