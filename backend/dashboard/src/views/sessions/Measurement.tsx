// How the energy of a session was measured, and what is doubtful about it, explained.
import type { Session } from "../../api/types";
import { inWords } from "../../format/words";
import { Badge } from "../../ui/Status";
import styles from "./Measurement.module.css";
import { FLAG_NOTES, FLAG_WORDS, METHOD_NOTES, METHOD_WORDS } from "./words";

export function Measurement({ session }: { session: Session }) {
  return (
    <div className={styles["measurement"]}>
      {session.energy_unattributed_wh > 0 && (
        <p>Energy whose source nobody said is billed at the price of the grid.</p>
      )}
      <p>
        <b>{METHOD_WORDS[session.energy_method] ?? inWords(session.energy_method)}.</b>{" "}
        {METHOD_NOTES[session.energy_method]}
      </p>
      {session.quality.length === 0 ? (
        <p>Nothing about these figures is doubtful.</p>
      ) : (
        <ul className={styles["flags"]}>
          {session.quality.map((flag) => (
            <li key={flag}>
              <Badge tone="warn">{FLAG_WORDS[flag] ?? inWords(flag)}</Badge> {FLAG_NOTES[flag]}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
