// Stop, pause and resume of the own session. Each asks first.
import { useState } from "react";
import type { Session } from "../../api/types";
import { Button } from "../../ui/Button";
import { ConfirmCommand } from "./ConfirmCommand";
import styles from "./MyCharging.module.css";
import type { DriversCommand, MyCommands } from "./useMyCommands";

interface Props {
  session: Session;
  /** What the connector is at; null: not known. */
  state: string | null;
  commands: MyCommands;
}

/** The station must have answered within this time, or must not do it any more. */
export const TIMEOUT_S = 30;

export function DriverCommands({ session, state, commands }: Props) {
  const [body, setBody] = useState<DriversCommand | null>(null);
  const isOffline = state === "offline";
  const isUnderWay = commands.open.some((command) => command.evse_uid === session.evse_uid);
  const common = {
    evse_uid: session.evse_uid,
    connector_id: session.connector_id,
    timeout_s: TIMEOUT_S,
    queue_if_offline: false,
  };
  return (
    <>
      <div className={styles["buttons"]}>
        <Button
          kind="danger"
          disabled={isOffline || isUnderWay}
          // By its id: a session that came after it must not be stopped in its place.
          onClick={() => setBody({ ...common, command: "stop", params: { session_id: session.id } })}
        >
          Stop charging
        </Button>
        {state === "suspendedevse" ? (
          <Button disabled={isUnderWay} onClick={() => setBody({ ...common, command: "resume" })}>
            Resume
          </Button>
        ) : (
          <Button disabled={isOffline || isUnderWay} onClick={() => setBody({ ...common, command: "pause" })}>
            Pause
          </Button>
        )}
      </div>
      {isOffline && <p>The station is offline and cannot be told anything. It may go on charging.</p>}
      {body !== null && <ConfirmCommand body={body} ask={commands.ask} onClose={() => setBody(null)} />}
    </>
  );
}
