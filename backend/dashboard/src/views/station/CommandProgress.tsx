// How far an unfinished command is: its steps, the time left, and taking it back.
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { Command } from "../../api/types";
import { about, clock, exact } from "../../format/time";
import { useNowMs } from "../../live/hooks";
import { useApi } from "../../services";
import { Button } from "../../ui/Button";
import { useAnnounce } from "../../ui/Toasts";
import styles from "./Commands.module.css";
import { commandText } from "./commandKinds";
import { isCancellable, isOpen, outcomeOf, type Step, stepsOf } from "./commandSteps";
import type { KnownCommand } from "./useCommands";

export function CommandProgress({
  command,
  zone,
  isOnline = true,
  mayCancel,
  onChanged,
}: {
  command: KnownCommand;
  zone: string;
  /** Whether the station is there to answer, as far as is known. */
  isOnline?: boolean;
  mayCancel: boolean;
  onChanged: (command: Command) => void;
}) {
  const api = useApi();
  const announce = useAnnounce();
  const [isBusy, setBusy] = useState(false);
  const isWaiting = command.status === "sent" && !isOnline;
  const cancel = () => {
    setBusy(true);
    const path = { command_id: command.id };
    dataOf(api.POST("/api/v1/commands/{command_id}/cancel", { params: { path } }))
      .then(onChanged, announce.failed)
      .finally(() => setBusy(false));
  };
  return (
    <li className={styles["progress"]}>
      <p className={styles["progressHead"]}>
        <b>{commandText(command)}</b>
        {command.connector_id !== null && <span>connector {command.connector_id}</span>}
        {mayCancel && isCancellable(command) && (
          <Button isSmall isBusy={isBusy} onClick={cancel}>
            Cancel it
          </Button>
        )}
      </p>
      <ol className={styles["steps"]}>
        {stepsOf(command, isWaiting).map((step) => (
          <li key={step.title} className={styles[step.state]}>
            <span className={styles["mark"]} aria-hidden="true">
              {MARKS[step.state]}
            </span>
            <span>
              {step.title}
              <span className="visually-hidden"> ({SPOKEN[step.state]})</span>
              <small className="tabular">{step.at === null ? "" : clock(step.at, zone)}</small>
            </span>
          </li>
        ))}
      </ol>
      <p className={styles["note"]}>
        {isWaiting
          ? `The station is offline: the broker gives it the command if it is back by ${exact(command.expires_at, zone)}. It cannot be taken back any more.`
          : outcomeOf(command)}
        {isOpen(command) && command.status !== "accepted" && <TimeLeft until={command.expires_at} />}
      </p>
    </li>
  );
}

const MARKS: Record<Step["state"], string> = { done: "✓", current: "…", ahead: "", failed: "✕" };
const SPOKEN: Record<Step["state"], string> = {
  done: "done",
  current: "under way",
  ahead: "to come",
  failed: "ended",
};

function TimeLeft({ until }: { until: string }) {
  const left_s = (Date.parse(until) - useNowMs()) / 1000;
  return <span className="tabular"> {left_s > 0 ? `${about(left_s)} left.` : "Its time is over."}</span>;
}
