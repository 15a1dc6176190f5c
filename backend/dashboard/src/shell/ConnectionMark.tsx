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
        {wordsOf(state, null)}
      </span>
      <span aria-hidden="true">{wordsOf(state, seconds)}</span>
    </span>
  );
}

function wordsOf(state: ConnectionState, seconds: number | null): string {
  switch (state.status) {
    case "live":
      return "Live";
    case "connecting":
      return "Connecting";
    case "stale":
      return "Stale";
    case "waiting":
      return seconds === null || seconds <= 0 ? "Reconnecting" : `Reconnecting in ${seconds} s`;
    case "closed":
      return "Not connected";
  }
}

export function reasonOf(state: ConnectionState): string {
  if (state.status === "waiting") return `Not connected: ${state.reason.replace(/\.$/, "")}.`;
  if (state.status === "stale") return "The server has lost its database; what is shown is old.";
  if (state.status === "live") return "What is shown is current.";
  return "";
}
