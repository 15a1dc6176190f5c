// Says across the whole view that what it shows may be old, and offers to try at once.
import { useConnection } from "../live/hooks";
import { useServices } from "../services";
import { Button } from "../ui/Button";
import { useSecondsUntil } from "../ui/useSecondsUntil";
import { reasonOf } from "./ConnectionMark";
import styles from "./StaleBanner.module.css";

export function StaleBanner() {
  const state = useConnection();
  const { connection } = useServices();
  const seconds = useSecondsUntil(state.status === "waiting" ? state.retryAtMs : null);
  if (state.status === "refused")
    return (
      <p className={styles["quiet"]}>
        Not live: your role may not see live data. What is shown is asked for again from time to time.
      </p>
    );
  const isAgain = state.status === "connecting" && state.reason !== null;
  if (state.status !== "waiting" && state.status !== "stale" && !isAgain) return null;
  return (
    <div className={styles["banner"]}>
      <span>
        <b>Not live.</b> {reasonOf(state)}{" "}
        {state.status === "waiting" && <span className="tabular">Next attempt in {seconds} s.</span>}
        {isAgain && "Connecting again …"}
      </span>
      {state.status === "waiting" && (
        <Button isSmall onClick={connection.connect}>
          Try now
        </Button>
      )}
    </div>
  );
}
