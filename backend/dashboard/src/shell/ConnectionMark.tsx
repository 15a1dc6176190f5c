// Whether the picture is current: always in sight, in words.
import type { ConnectionState } from "../live/connection";
import { useConnection } from "../live/hooks";
import { useSecondsUntil } from "../ui/useSecondsUntil";
import styles from "./ConnectionMark.module.css";

export function ConnectionMark() {
  const state = useConnection();
  const seconds = useSecondsUntil(state.status === "waiting" ? state.retryAtMs : null);
  return (
    <span className={`${styles["mark"]} ${styles[state.status]}`} title={reasonOf(state)}>
      <span className={styles["dot"]} aria-hidden="true" />
      {/* The countdown is not read out each second: only the change of the state is. */}
      <span role="status" className="visually-hidden">
        {wordsOf(state)}
      </span>
      <span aria-hidden="true">
        {wordsOf(state)}
        {seconds !== null && seconds > 0 && <span className={styles["when"]}> in {seconds} s</span>}
      </span>
    </span>
  );
}

function wordsOf(state: ConnectionState): string {
  switch (state.status) {
    case "live":
      return "Live";
    case "connecting":
      return "Connecting";
    case "stale":
      return "Stale";
    case "waiting":
      return "Reconnecting";
    case "closed":
      return "Not connected";
    case "refused":
      return "Not live";
  }
}

export function reasonOf(state: ConnectionState): string {
  if (state.status === "connecting" && state.reason !== null) return lost(state.reason);
  if (state.status === "waiting") return lost(state.reason);
  if (state.status === "stale") return "The server has lost its database; what is shown is old.";
  if (state.status === "refused") return "Your role may not see live data.";
  if (state.status === "live") return "What is shown is current.";
  return "";
}

function lost(reason: string): string {
  return `Not connected: ${reason.replace(/\.$/, "")}.`;
}
