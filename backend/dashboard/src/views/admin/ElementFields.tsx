// One time of day of a tariff: its days, its hours, its prices, and its place among the others.

import type { Problem } from "../../api/problem";
import { WEEKDAYS } from "../../charts/heat";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import editors from "./Editors.module.css";
import styles from "./ElementFields.module.css";
import { PricePair } from "./PriceFields";
import { TimeNumber } from "./TariffWeek";
import type { ElementDraft } from "./tariffDraft";
import { DAYS, type Day } from "./weekOfTariff";

interface Props {
  element: ElementDraft;
  index: number;
  currency: string;
  problem: Problem | null;
  onChange: (element: ElementDraft) => void;
  onMoveUp: () => void;
  onRemove: () => void;
}

export function ElementFields({ element, index, currency, problem, onChange, onMoveUp, onRemove }: Props) {
  const prefix = `elements.${index}.`;
  const toggle = (day: Day) =>
    onChange({
      ...element,
      day_of_week: DAYS.filter((each) => element.day_of_week.includes(each) !== (each === day)),
    });
  const time = (name: "start_time" | "end_time", label: string) => (
    <TextField
      label={label}
      type="time"
      step={900}
      required
      value={element[name]}
      onChange={(event) => onChange({ ...element, [name]: event.target.value })}
      error={problem?.of(prefix + name)}
    />
  );
  return (
    <fieldset className={editors["group"]}>
      <legend>
        <TimeNumber index={index} /> Time of day <span className="visually-hidden">{index + 1}</span>
      </legend>
      <div className={styles["days"]}>
        {DAYS.map((day, at) => (
          <label key={day} className={styles["day"]}>
            <input
              type="checkbox"
              checked={element.day_of_week.includes(day)}
              onChange={() => toggle(day)}
              aria-label={WEEKDAYS[at]?.name}
            />
            {WEEKDAYS[at]?.short}
          </label>
        ))}
        <span className={editors["hint"]}>
          {element.day_of_week.length === 0
            ? "none chosen: every day"
            : element.end_time <= element.start_time && "the days on which it starts"}
        </span>
      </div>
      <div className={styles["row"]}>
        {time("start_time", "From")}
        {time("end_time", element.end_time <= element.start_time ? "To, next day" : "To")}
        <PricePair
          draft={element}
          currency={currency}
          problem={problem}
          prefix={prefix}
          onChange={onChange}
        />
      </div>
      <div className={editors["rowActions"]}>
        {index > 0 && (
          <Button isSmall onClick={onMoveUp} aria-label={`Move time ${index + 1} up`}>
            ↑ Count before {index}
          </Button>
        )}
        <Button isSmall onClick={onRemove} aria-label={`Remove time ${index + 1}`}>
          Remove
        </Button>
      </div>
    </fieldset>
  );
}
