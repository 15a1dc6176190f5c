// How far an unfinished command is: its steps, the time left, and taking it back.
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { Command } from "../../api/types";
import { about, clock } from "../../format/time";
import { useNowMs } from "../../live/hooks";
import { useApi } from "../../services";
import { Button } from "../../ui/Button";
import { useAnnounce } from "../../ui/Toasts";
import styles from "./Commands.module.css";
import { commandText } from "./commandKinds";
import { COMMAND_STATUS_NOTES, isCancellable, isOpen, type Step, stepsOf } from "./commandSteps";
import type { KnownCommand } from "./useCommands";

export function CommandProgress({
  command,
  zone,
  mayCancel,
  onChanged,
}: {
  command: KnownCommand;
  zone: string;
  mayCancel: boolean;
  onChanged: (command: Command) => void;
}) {
  const api = useApi();
  const announce = useAnnounce();
  const [isBusy, setBusy] = useState(false);
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
        {stepsOf(command).map((step) => (
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
        {command.detail ?? COMMAND_STATUS_NOTES[command.status]}
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
