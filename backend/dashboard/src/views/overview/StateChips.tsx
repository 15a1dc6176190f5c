// How many are in each state; clicking a state shows only those.
import { number } from "../../format/number";
import { StatusIcon, TONE_OF_STATE } from "../../ui/Status";
import { GROUPS } from "./groups";
import styles from "./StateChips.module.css";

interface Props {
  counts: ReadonlyMap<string, number>;
  chosen: readonly string[];
  onToggle: (id: string) => void;
}

export function StateChips({ counts, chosen, onToggle }: Props) {
  const shown = GROUPS.filter(
    ({ id, isAlwaysShown }) => isAlwaysShown || (counts.get(id) ?? 0) > 0 || chosen.includes(id),
  );
  const troubles = GROUPS.filter(
    ({ icon, id }) => TONE_OF_STATE[icon] === "bad" && (counts.get(id) ?? 0) > 0,
  );
  return (
    <>
      <fieldset className={styles["chips"]}>
        <legend className="visually-hidden">Show only some states</legend>
        {shown.map(({ id, title, icon }) => {
          const count = counts.get(id) ?? 0;
          const tone = count === 0 ? "none" : (TONE_OF_STATE[icon] ?? "idle");
          return (
            <button
              key={id}
              type="button"
              className={`${styles["chip"]} ${styles[tone]}`}
              aria-pressed={chosen.includes(id)}
              onClick={() => onToggle(id)}
            >
              <StatusIcon state={icon} />
              <b className="tabular">{number(count)}</b> <span>{title}</span>
            </button>
          );
        })}
      </fieldset>
      <p role="status" className="visually-hidden">
        {troubles.map(({ id, title }) => `${title}: ${number(counts.get(id))}`).join(", ")}
      </p>
    </>
  );
}
