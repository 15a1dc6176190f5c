// The hours of a week as a map of colours: pointer and keys read single hours, and all figures are there as a table.
import { useState } from "react";
import { share } from "../format/number";
import { type Column, Table } from "../ui/Table";
import { ChartCursor } from "./ChartCursor";
import { Disclosure } from "./FiguresTable";
import styles from "./HeatMap.module.css";
import { hourText, levelOf, WEEKDAYS } from "./heat";

export interface HeatHour {
  /** 1 is Monday. */
  weekday: number;
  hour: number;
  /** 0 to 1; null: unknown. */
  share: number | null;
  /** What else there is to say about the hour: its energy. */
  note: string;
}

interface Props {
  title: string;
  /** All 168, Monday 00:00 first. */
  hours: readonly HeatHour[];
  summary: string;
  resting: string;
}

const LEVELS = [0, 1, 2, 3, 4, 5] as const;

export function HeatMap({ title, hours, summary, resting }: Props) {
  const [chosen, setChosen] = useState<number | null>(null);
  const [isTable, setTable] = useState(false);
  const highest = hours.reduce((most, hour) => Math.max(most, hour.share ?? 0), 0);
  const textOf = (at: number) => {
    const hour = hours[at];
    if (hour === undefined) return "";
    const name = `${WEEKDAYS[hour.weekday - 1]?.name} ${hourText(hour.hour)}`;
    return hour.share === null ? `${name}: not known yet` : `${name}: ${share(hour.share, 1)}, ${hour.note}`;
  };
  return (
    <figure className={styles["figure"]}>
      <p className={`${styles["legend"]} tabular`}>
        {share(0)}
        {LEVELS.map((level) => (
          <span key={level} className={styles["swatch"]} style={colourOfLevel(level)} aria-hidden="true" />
        ))}
        {share(highest, 1)}
      </p>
      <div className={styles["map"]}>
        <div className={styles["days"]} aria-hidden="true">
          {WEEKDAYS.map((day) => (
            <span key={day.name}>{day.short}</span>
          ))}
        </div>
        <div className={styles["plot"]}>
          <div className={styles["cells"]} role="img" aria-label={summary}>
            {hours.map((hour, at) => (
              <span
                key={`${hour.weekday} ${hour.hour}`}
                className={`${styles["cell"]} ${at === chosen ? styles["chosen"] : ""}`}
                style={colourOfLevel(levelOf(hour.share, highest))}
              />
            ))}
          </div>
          <ChartCursor
            label={`${title}, figures of an hour`}
            count={hours.length}
            index={chosen}
            onChange={setChosen}
            indexAt={(x_px, y_px, box) =>
              cellAt(y_px / box.height, WEEKDAYS.length) * 24 + cellAt(x_px / box.width, 24)
            }
            textOf={textOf}
            rowLength={24}
          />
        </div>
        <div className={styles["clock"]} aria-hidden="true">
          {["00", "06", "12", "18", "24"].map((text) => (
            <span key={text}>{text}</span>
          ))}
        </div>
      </div>
      <p className={`${styles["reading"]} tabular`}>{chosen === null ? resting : textOf(chosen)}</p>
      <Disclosure isOpen={isTable} onToggle={setTable}>
        <HourTable caption={`${title}, all figures`} hours={hours} />
      </Disclosure>
    </figure>
  );
}

function HourTable({ caption, hours }: { caption: string; hours: readonly HeatHour[] }) {
  const columns: Column<number>[] = [
    { title: "Hour", cell: hourText },
    ...WEEKDAYS.map(
      (day, at): Column<number> => ({
        title: day.short,
        cell: (hour) => share(hours[at * 24 + hour]?.share, 1),
        isNumber: true,
      }),
    ),
  ];
  return (
    <Table
      caption={caption}
      columns={columns}
      rows={Array.from({ length: 24 }, (_, hour) => hour)}
      keyOf={(hour) => hour}
    />
  );
}

function cellAt(share: number, count: number): number {
  return Math.min(Math.max(Math.floor(share * count), 0), count - 1);
}

function colourOfLevel(level: number | null): { background: string } {
  return { background: level === null ? "transparent" : `var(--heat-${level})` };
}
