// Asks whether a command shall really go to the station, with what it needs to know.
import { useRef, useState } from "react";
import { type Api, dataOf } from "../../api/client";
import type { Problem } from "../../api/problem";
import type { Command } from "../../api/types";
import { useApi } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { CheckField, SelectField } from "../../ui/Field";
import { CommandFields } from "./CommandFields";
import styles from "./Commands.module.css";
import { bodyOf, type Fields, type NewCommand, NOTHING, type Target } from "./commandBody";
import type { CommandKind } from "./commandKinds";
import { KeyOfRequest } from "./idempotency";

/** How long an offline station has to come back, in s. */
const WAITS = [
  [120, "2 minutes"],
  [600, "10 minutes"],
  [3600, "1 hour"],
] as const;
const USUAL_WAIT_S = 600;
const USUAL_TIMEOUT_S = 30;

export default function CommandDialog({
  kind,
  target,
  onAsked,
  onClose,
}: {
  kind: CommandKind;
  target: Target;
  onAsked: (command: Command) => void;
  onClose: () => void;
}) {
  const api = useApi();
  const [fields, setFields] = useState(NOTHING);
  const [isQueued, setQueued] = useState(false);
  const [wait_s, setWait] = useState(USUAL_WAIT_S);
  const [problem, setProblem] = useState<Problem | null>(null);
  const keys = useRef(new KeyOfRequest());
  const change = (changed: Partial<Fields>) => setFields({ ...fields, ...changed });
  const isWaiting = !target.isOnline && isQueued;

  const ask = async () => {
    const body = bodyOf(kind.word, target, fields, isWaiting ? wait_s : USUAL_TIMEOUT_S, isWaiting);
    onAsked(await post(api, body, keys.current.of(body)));
  };
  const where = kind.isOfConnector ? `Connector ${target.connector_id} of ${target.name}` : target.name;
  return (
    <FormDialog
      title={kind.action}
      action={kind.action}
      isDangerous={kind.isDangerous}
      isDisabled={!target.isOnline && !isQueued}
      onSubmit={ask}
      onProblem={setProblem}
      onClose={onClose}
    >
      <p>
        <b>{where}.</b> {kind.effect}
      </p>
      <CommandFields word={kind.word} target={target} fields={fields} problem={problem} onChange={change} />
      {!target.isOnline && (
        <div className={styles["offline"]}>
          <p>The station is offline: it cannot be told now.</p>
          <CheckField
            label="Send it when the station is back"
            hint="If it is not back in time, nothing happens. While it waits, it cannot be taken back."
            checked={isQueued}
            onChange={(event) => setQueued(event.target.checked)}
          />
          {isQueued && (
            <SelectField
              label="Wait for it"
              value={wait_s}
              error={problem?.of("timeout_s")}
              onChange={(event) => setWait(Number(event.target.value))}
            >
              {WAITS.map(([seconds, words]) => (
                <option key={seconds} value={seconds}>
                  {words}
                </option>
              ))}
            </SelectField>
          )}
        </div>
      )}
    </FormDialog>
  );
}

function post(api: Api, body: NewCommand, key: string): Promise<Command> {
  return dataOf(api.POST("/api/v1/commands", { params: { header: { "Idempotency-Key": key } }, body }));
}
