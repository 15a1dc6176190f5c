// Statuses as shape, word and colour together, so that none of them is needed alone.
import type { ReactNode } from "react";
import { inWords, STATUS_WORDS } from "../format/words";
import styles from "./Status.module.css";

export type Tone = "good" | "charging" | "warn" | "bad" | "idle";

/** The state that counts for an operator: offline goes before whatever the connector said last. */
export function stateOf(connector: { is_online: boolean; status: string | null }, isEnabled = true): string {
  if (!isEnabled) return "disabled";
  if (!connector.is_online) return "offline";
  return connector.status ?? "unknown";
}

export const TONE_OF_STATE: Record<string, Tone> = {
  available: "good",
  charging: "charging",
  preparing: "warn",
  suspendedev: "warn",
  suspendedevse: "warn",
  finishing: "warn",
  occupied: "warn",
  reserved: "warn",
  unavailable: "idle",
  faulted: "bad",
  offline: "bad",
  disabled: "idle",
  unknown: "idle",
};

const SHAPES: Record<string, ReactNode> = {
  available: <circle cx="8" cy="8" r="5" fill="none" strokeWidth="2.5" />,
  charging: <path d="M9.5 1 3.5 9h4L6.5 15l6-8h-4z" stroke="none" />,
  preparing: <path d="M8 2.5a5.5 5.5 0 0 1 0 11z" strokeWidth="1.5" />,
  finishing: <path d="M3 8.5 6.5 12 13 4.5" fill="none" strokeWidth="2.5" />,
  suspendedev: <path d="M5 3v10M11 3v10" strokeWidth="3" />,
  suspendedevse: <path d="M5 3v10M11 3v10" strokeWidth="3" />,
  occupied: <circle cx="8" cy="8" r="5.5" stroke="none" />,
  reserved: <path d="M4 2h8v12l-4-3-4 3z" stroke="none" />,
  unavailable: <path d="M3 8h10" strokeWidth="3" />,
  faulted: <path d="M8 1.5 15 14.5H1zM7.2 6v4h1.6V6zm0 5.2v1.6h1.6v-1.6z" stroke="none" fillRule="evenodd" />,
  offline: <path d="M2.5 2.5l11 11M13.5 2.5l-11 11" strokeWidth="2.6" />,
  disabled: <path d="M3 8h10" strokeWidth="3" />,
  unknown: <path d="M5.5 6a2.5 2.5 0 1 1 3.4 2.3c-.6.3-.9.7-.9 1.7M8 12.5v.8" fill="none" strokeWidth="2" />,
};

export function StatusIcon({ state }: { state: string }) {
  return (
    <svg
      viewBox="0 0 16 16"
      className={styles["icon"]}
      aria-hidden="true"
      fill="currentColor"
      stroke="currentColor"
    >
      {SHAPES[state] ?? SHAPES["unknown"]}
    </svg>
  );
}

export function Status({ state, note }: { state: string; note?: string | null | undefined }) {
  return (
    <span className={`${styles["status"]} ${styles[TONE_OF_STATE[state] ?? "idle"]}`}>
      <StatusIcon state={state} />
      {STATUS_WORDS[state] ?? inWords(state)}
      {note && <span className={styles["note"]}>{note}</span>}
    </span>
  );
}

/** A word on a coloured ground: a severity, an outcome. The word says it all. */
export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`${styles["badge"]} ${styles[tone]}`}>{children}</span>;
}
